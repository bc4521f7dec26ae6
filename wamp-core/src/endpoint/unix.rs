//! The names of Unix sockets: what adapters need around their sockets, without a socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

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

/// The file of a listening Unix socket, removed on drop if it is still the same one.
///
/// A listener that died left its file behind, and binding fails as long as it is there. An adapter
/// that is to listen at a path
///
/// 1. asks [`is_at`](Self::is_at); if so, it tries to connect and tells
///    [`make_way`](Self::make_way) the outcome, which removes a file that nobody answers for;
/// 2. binds its socket;
/// 3. [claims](Self::claim) the file and keeps it beside the socket.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    /// Whether a socket's file is there already.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) for a file that is no socket, which is never
    /// removed; those of the operating system.
    pub fn is_at(path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => Ok(true),
            Ok(_) => Err(in_use(path, "the file exists and is not a socket")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the file if an attempt to connect to it was refused.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) if somebody answered; what else went wrong with the
    /// attempt or with the removal.
    pub fn make_way(path: &Path, attempt: io::Result<()>) -> io::Result<()> {
        match attempt {
            Ok(()) => Err(in_use(path, "somebody listens there")),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes care of the file of a socket that was just bound.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn claim(path: PathBuf) -> io::Result<Self> {
        let inode = Self::inode(&path)?;
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
