//! Listening and connecting: names, and the files of Unix sockets above all.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::endpoints::{self, parse};
use crate::adapter::wamp_core::endpoint::Endpoint;
use crate::adapter::{Listener, Socket};
use crate::{both, case, either, nodelay};

/// A directory of the test's own, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(endpoints::name());
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn endpoint(&self, name: &str) -> (PathBuf, Endpoint) {
        let path = self.0.join(name);
        let endpoint = parse(&format!("unix:{}", path.display()));
        (path, endpoint)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::set_permissions(&self.0, Permissions::from_mode(0o700)).ok();
        fs::remove_dir_all(&self.0).ok();
    }
}

#[either]
async fn bind_fails(endpoint: &Endpoint) -> ErrorKind {
    Listener::bind(endpoint).await.unwrap_err().kind()
}

#[either]
async fn connect_fails(endpoint: &Endpoint) -> ErrorKind {
    Socket::connect(endpoint).await.unwrap_err().kind()
}

#[either]
async fn assert_answers(listener: &Listener) {
    let (here, there) = both(
        async { Socket::connect(listener.endpoint()).await },
        async { listener.accept().await },
    )
    .await;
    here.unwrap();
    there.unwrap();
}

#[case]
async fn small_frames_are_not_held_back() {
    let listener = Listener::bind(&endpoints::tcp()).await.unwrap();
    let (here, there) = both(
        async { Socket::connect(listener.endpoint()).await },
        async { listener.accept().await },
    )
    .await;
    assert!(nodelay(&here.unwrap()) && nodelay(&there.unwrap()));
}

#[case]
async fn a_free_port_is_told() {
    let listener = Listener::bind(&endpoints::tcp()).await.unwrap();
    assert!(!listener.to_string().ends_with(":0"), "{listener}");
    assert_eq!(listener.to_string(), listener.endpoint().to_string());
    assert_answers(&listener).await;
}

#[case]
async fn an_endpoint_has_one_listener(endpoint: &Endpoint) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let taken = listener.endpoint().clone();
    assert_eq!(bind_fails(&taken).await, ErrorKind::AddrInUse);
    assert_answers(&listener).await;
    drop(listener);
    assert_answers(&Listener::bind(&taken).await.unwrap()).await;
}

#[case]
async fn nobody_there_is_an_error(endpoint: &Endpoint) {
    let listener = Listener::bind(endpoint).await.unwrap();
    let endpoint = listener.endpoint().clone();
    drop(listener);
    let expected = match &endpoint {
        Endpoint::Unix { path } if !path.starts_with('@') => ErrorKind::NotFound,
        _ => ErrorKind::ConnectionRefused,
    };
    assert_eq!(connect_fails(&endpoint).await, expected);
}

#[case]
async fn a_host_that_has_no_address_is_an_error() {
    let nowhere = parse("rs://name.invalid:1");
    Socket::connect(&nowhere).await.unwrap_err();
    Listener::bind(&nowhere).await.unwrap_err();
}

#[case]
async fn a_socket_file_lives_as_long_as_its_listener() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    let listener = Listener::bind(&endpoint).await.unwrap();
    assert_eq!(listener.endpoint(), &endpoint);
    assert!(path.exists());
    assert_eq!(bind_fails(&endpoint).await, ErrorKind::AddrInUse);
    assert!(path.exists(), "a failed listener leaves another's file");
    drop(listener);
    assert!(!path.exists());
}

#[case]
async fn a_stale_socket_file_is_replaced() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert_eq!(connect_fails(&endpoint).await, ErrorKind::ConnectionRefused);
    assert_answers(&Listener::bind(&endpoint).await.unwrap()).await;
    assert!(!path.exists());
}

#[case]
async fn a_file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("file");
    fs::write(&path, "precious").unwrap();
    assert_eq!(bind_fails(&endpoint).await, ErrorKind::AddrInUse);
    let (link, linked) = directory.endpoint("link");
    symlink(&path, &link).unwrap();
    assert_eq!(bind_fails(&linked).await, ErrorKind::AddrInUse);
    let (folder, at_folder) = directory.endpoint("folder");
    fs::create_dir(&folder).unwrap();
    assert_eq!(bind_fails(&at_folder).await, ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(link.is_symlink() && folder.is_dir());
}

#[case]
async fn a_file_that_replaced_the_socket_is_left_alone() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    let first = Listener::bind(&endpoint).await.unwrap();
    fs::remove_file(&path).unwrap();
    let second = Listener::bind(&endpoint).await.unwrap();
    drop(first);
    assert_answers(&second).await;
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    drop(second);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[case]
async fn a_name_that_is_too_long_is_an_error() {
    let directory = Directory::new();
    let (_, endpoint) = directory.endpoint(&"x".repeat(200));
    assert_eq!(bind_fails(&endpoint).await, ErrorKind::InvalidInput);
    assert_eq!(connect_fails(&endpoint).await, ErrorKind::InvalidInput);
}

#[cfg(target_os = "linux")]
#[case]
async fn an_abstract_name_needs_no_file_but_fits_an_address() {
    // 108 octets, of which the first is NUL.
    let name = format!("@{}", endpoints::name());
    let longest = parse(&format!("unix:{name:x<108}"));
    let listener = Listener::bind(&longest).await.unwrap();
    assert_answers(&listener).await;
    assert!(!Path::new(&name).exists());
    let too_long = parse(&format!("unix:{name:x<109}"));
    assert_eq!(bind_fails(&too_long).await, ErrorKind::InvalidInput);
    assert_eq!(connect_fails(&too_long).await, ErrorKind::InvalidInput);
}

/// Paths that lead nowhere fail as the operating system says, and leave nothing behind.
#[case]
async fn a_path_that_leads_nowhere_is_an_error() {
    let directory = Directory::new();
    fs::write(directory.0.join("file"), "").unwrap();
    symlink("loop", directory.0.join("loop")).unwrap();
    for (name, expected) in [
        ("missing/socket", Some(ErrorKind::NotFound)),
        ("file/socket", Some(ErrorKind::NotADirectory)),
        // It has no stable name yet.
        ("loop/socket", None),
    ] {
        let (_, endpoint) = directory.endpoint(name);
        let (bound, connected) = (bind_fails(&endpoint).await, connect_fails(&endpoint).await);
        assert_eq!(bound, connected);
        assert!(
            expected.is_none_or(|expected| bound == expected),
            "{name}: {bound}"
        );
    }
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 2);
}

/// Nothing is forbidden to the superuser, whose thread therefore becomes somebody else's.
#[cfg(target_os = "linux")]
#[case]
async fn what_is_forbidden_is_an_error() {
    use rustix::thread::{Uid, set_thread_res_uid};

    if rustix::process::getuid().is_root() {
        let nobody = Uid::from_raw(65534);
        // Of this thread alone, and for ever.
        set_thread_res_uid(nobody, nobody, nobody).unwrap();
    }
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    let (_, other) = directory.endpoint("other");
    let listener = Listener::bind(&endpoint).await.unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    assert_eq!(connect_fails(&endpoint).await, ErrorKind::PermissionDenied);
    // Whether somebody listens there cannot be known, so the file is not replaced.
    assert_eq!(bind_fails(&endpoint).await, ErrorKind::PermissionDenied);
    fs::set_permissions(&directory.0, Permissions::from_mode(0o500)).unwrap();
    assert_eq!(bind_fails(&other).await, ErrorKind::PermissionDenied);
    fs::set_permissions(&directory.0, Permissions::from_mode(0o000)).unwrap();
    assert_eq!(bind_fails(&endpoint).await, ErrorKind::PermissionDenied);
    drop(listener);
}
