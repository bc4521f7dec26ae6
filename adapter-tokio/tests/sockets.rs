//! Listening and connecting: Unix socket files above all.

mod support;

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use support::{bounded, emptied, listening, router};
use wamp_rawsocket_tokio::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_tokio::{Join, Listener, Socket};

/// A directory of the test's own, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("wamp-rawsocket-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn endpoint(&self, name: &str) -> (PathBuf, Endpoint) {
        let path = self.0.join(name);
        let endpoint = format!("unix:{}", path.display()).parse().unwrap();
        (path, endpoint)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

async fn refused(endpoint: &Endpoint) -> ErrorKind {
    Listener::bind(endpoint).await.unwrap_err().kind()
}

#[tokio::test]
async fn tcp_does_not_hold_small_frames_back() {
    let listener = Listener::bind(&"rs://127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let (client, server) = tokio::join!(Socket::connect(listener.endpoint()), listener.accept());
    for socket in [client.unwrap(), server.unwrap()] {
        assert!(matches!(socket, Socket::Tcp(stream) if stream.nodelay().unwrap()));
    }
}

#[tokio::test]
async fn a_socket_file_lives_as_long_as_its_listener() {
    let directory = Directory::new("life");
    let (path, endpoint) = directory.endpoint("socket");
    let listener = Listener::bind(&endpoint).await.unwrap();
    assert_eq!(listener.endpoint(), &endpoint);
    assert!(path.exists());
    // Somebody listens already.
    assert_eq!(refused(&endpoint).await, ErrorKind::AddrInUse);
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_socket_file_is_replaced() {
    let directory = Directory::new("stale");
    let (path, endpoint) = directory.endpoint("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(&endpoint).await.unwrap();
    let (here, there) = tokio::join!(Socket::connect(&endpoint), listener.accept());
    assert!(here.is_ok() && there.is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new("file");
    let (path, endpoint) = directory.endpoint("file");
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(refused(&endpoint).await, ErrorKind::AddrInUse);
    let (link, linked) = directory.endpoint("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(refused(&linked).await, ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_file_that_replaced_the_socket_is_left_alone() {
    let directory = Directory::new("replaced");
    let (path, endpoint) = directory.endpoint("socket");
    let first = Listener::bind(&endpoint).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let second = Listener::bind(&endpoint).await.unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_path_that_is_too_long_is_an_error() {
    let directory = Directory::new("long");
    let (_, endpoint) = directory.endpoint(&"x".repeat(200));
    assert_eq!(refused(&endpoint).await, ErrorKind::InvalidInput);
    let connected = Socket::connect(&endpoint).await;
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::InvalidInput);
}

fn may_write_anywhere(directory: &Path) -> bool {
    std::fs::write(directory.join("probe"), "").is_ok()
}

#[tokio::test]
async fn a_directory_without_permission_is_an_error() {
    let directory = Directory::new("forbidden");
    let (_, endpoint) = directory.endpoint("socket");
    let permissions = std::fs::Permissions::from_mode(0o500);
    std::fs::set_permissions(&directory.0, permissions).unwrap();
    if may_write_anywhere(&directory.0) {
        eprintln!("SKIPPED: this user may write anywhere");
        return;
    }
    assert_eq!(refused(&endpoint).await, ErrorKind::PermissionDenied);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_abstract_namespace_needs_no_file() {
    let name = format!("@wamp-rawsocket-test-{}", std::process::id());
    let endpoint: Endpoint = format!("unix:{name}").parse().unwrap();
    let listener = Listener::bind(&endpoint).await.unwrap();
    assert_eq!(refused(&endpoint).await, ErrorKind::AddrInUse);
    let (here, there) = tokio::join!(Socket::connect(&endpoint), listener.accept());
    assert!(here.is_ok() && there.is_ok());
    assert!(!Path::new(&name).exists());
    drop((listener, here, there));
    Listener::bind(&endpoint).await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    bounded(async {
        let router = router();
        let (endpoint, served) = listening(&router).await;
        let session = Join::new(support::REALM).connect(&endpoint).await.unwrap();
        served.abort();
        assert!(served.await.is_err());
        session.closed().await;
        emptied(&router).await;
        let error = Join::new(support::REALM).connect(&endpoint).await;
        let error = error.unwrap_err();
        let refused = ErrorKind::ConnectionRefused;
        assert!(
            matches!(&error, wamp_rawsocket_tokio::SessionError::Io(error) if error.kind() == refused),
            "{error:?}"
        );
    })
    .await;
}
