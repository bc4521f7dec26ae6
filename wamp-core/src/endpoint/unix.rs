//! The names of Unix sockets, and how to listen at them.

use core::time::Duration;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

/// The address of an [`Endpoint::Unix`](super::Endpoint::Unix): of a file, or behind `@` of a name
/// in Linux' abstract namespace.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a name that is too long or contains a NUL;
/// [`Unsupported`](io::ErrorKind::Unsupported) for an abstract name elsewhere than on Linux.
pub fn address(path: &str) -> io::Result<SocketAddr> {
    match path.strip_prefix('@') {
        Some(name) => abstract_address(name),
        None => SocketAddr::from_pathname(path),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    SocketAddr::from_abstract_name(name)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    let text = format!("@{name}: only Linux has abstract names");
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// The same as a path, for runtimes that take a leading NUL for the abstract namespace.
pub fn path(path: &str) -> PathBuf {
    match path.strip_prefix('@') {
        Some(name) => PathBuf::from(format!("\0{name}")),
        None => PathBuf::from(path),
    }
}

/// Listens, without blocking: at a path, whose file the second value then takes care of, or at an
/// abstract name.
///
/// A listener that died left its file behind, and binding fails as long as it is there. Such a file
/// is replaced; one that still answers, or that is no socket, is not. Of listeners that are made at
/// the same time one wins, and the others see it: they take turns with a lock on the directory.
///
/// # Errors
///
/// Those of [`address`]; [`AddrInUse`](io::ErrorKind::AddrInUse) if somebody listens there, and for
/// a file that is no socket; those of the operating system.
pub fn bind(path: &str) -> io::Result<(UnixListener, Option<SocketFile>)> {
    let address = address(path)?;
    let Some(file) = address.as_pathname() else {
        return Ok((listen(&address)?, None));
    };
    // Between a look at the file and its removal, and before a socket that is bound listens, others
    // would take a living one for stale.
    let _turn = take_turn(file);
    if is_socket(file)? {
        make_way(file)?;
    }
    let listener = listen(&address)?;
    Ok((listener, Some(SocketFile::claim(file)?)))
}

fn listen(address: &SocketAddr) -> io::Result<UnixListener> {
    let listener = UnixListener::bind_addr(address)?;
    listener.set_nonblocking(true)?;
    super::widen(&listener)?;
    Ok(listener)
}

/// Locks the directory of a file for as long as the returned value lives. Whoever else holds the
/// lock for long is no listener that is being made, and is not waited for.
fn take_turn(file: &Path) -> Option<OwnedFd> {
    let directory = match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty()).ok()?;
    for _ in 0..TRIES {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(directory),
            Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(PAUSE),
            Err(_) => return None,
        }
    }
    None
}

/// How often the lock is asked for, and how long to wait between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(1);

/// Whether a socket's file is there already. What is no socket is never removed.
fn is_socket(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => Ok(true),
        Ok(_) => Err(in_use(path, "the file exists and is not a socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the file if nobody answers for it.
fn make_way(path: &Path) -> io::Result<()> {
    match probe(path) {
        // It has many to accept already, or is about to.
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => {
            Err(in_use(path, "somebody listens there"))
        }
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Connects, without waiting to be accepted.
fn probe(path: &Path) -> Result<(), Errno> {
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    connect(&socket, &SocketAddrUnix::new(path)?)
}

/// The file of a listening Unix socket, removed on drop if it is still the same one. To be dropped
/// before the socket: as long as that is open, nobody takes the file for stale, and no other has its
/// number.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn claim(path: &Path) -> io::Result<Self> {
        let inode = Self::inode(path)?;
        let path = path.to_owned();
        Ok(Self { path, inode })
    }

    fn inode(path: &Path) -> io::Result<(u64, u64)> {
        let metadata = fs::symlink_metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            // Nobody is left to tell of a failure.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn in_use(path: &Path, what: &str) -> io::Error {
    let text = format!("{}: {what}", path.display());
    io::Error::new(io::ErrorKind::AddrInUse, text)
}
