//! One port for two protocols: WAMP over RawSocket, and a page for browsers.
//!
//! ```text
//! cargo run -p wamp-rawsocket-tokio --example one_port
//! ```
//!
//! shows both kinds of clients on one port, and one that says nothing, and ends. To try it with a
//! browser, name the port; it then serves until it is interrupted:
//!
//! ```text
//! cargo run -p wamp-rawsocket-tokio --example one_port -- --listen tcp://127.0.0.1:8080
//! ```
//!
//! RawSocket begins with the octet 0x7F, which no HTTP request does. So the first octet decides,
//! however slowly it comes; a client that sends none in time is shown out. Until a client has said
//! what it is, one octet is held for it, and no more than a request's head afterwards.

use std::error::Error;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use wamp_rawsocket_tokio::rawsocket_proto::wire::MAGIC;
use wamp_rawsocket_tokio::wamp_core::endpoint::Endpoint;
use wamp_rawsocket_tokio::wamp_core::router::RouterConfig;
use wamp_rawsocket_tokio::{Join, Listener, Router, Socket};

const REALM: &str = "realm1";
const USAGE: &str = "usage: one_port [--listen rs://HOST:PORT]";

/// The longest head of an HTTP request that is read, in octets.
const MAX_HEAD: usize = 4 << 10;

/// The most that is read behind it, to be dropped.
const MAX_REST: u64 = 64 << 10;

/// Clients at the same time that have not said what they are, or that speak HTTP. More have to
/// wait for their turn. Those that speak RawSocket are the router's to count.
const MAX_GUESTS: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => demonstrate(Duration::from_secs(1)).await,
        [option, url] if option == "--listen" => {
            let port = OnePort::new(Duration::from_secs(5))?;
            let listener = Listener::bind(&url.parse()?).await?;
            println!("listening on {listener}");
            tokio::select! {
                () = port.clone().serve(listener) => {}
                interrupted = tokio::signal::ctrl_c() => interrupted?,
            }
            port.router.shut_down(Duration::from_secs(2)).await;
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

/// What serves the port. A clone is the same.
#[derive(Clone)]
pub(crate) struct OnePort {
    router: Router,
    /// How long a client may take for its first octet, and then for all of its HTTP.
    patience: Duration,
    guests: Arc<Semaphore>,
}

impl OnePort {
    pub(crate) fn new(patience: Duration) -> io::Result<Self> {
        Ok(Self {
            router: Router::new(RouterConfig::new([REALM]))?,
            patience,
            guests: Arc::new(Semaphore::new(MAX_GUESTS)),
        })
    }

    /// Accepts connections and serves them, until the future is dropped.
    pub(crate) async fn serve(self, listener: Listener) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                // Ended ones are let go as they end.
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((socket, place)) => {
                    connections.spawn(self.clone().attend(socket, place));
                }
                // Such as too many open files. That passes.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(&self, listener: &Listener) -> io::Result<(Socket, Place)> {
        let place = self.guests.clone().acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        Ok((listener.accept().await?, place))
    }

    /// Reads one octet, and knows whom to hand the connection to.
    async fn attend(self, mut socket: Socket, place: Place) {
        match timeout(self.patience, socket.read_u8()).await {
            Ok(Ok(MAGIC)) => {
                // The router has limits and deadlines of its own.
                drop(place);
                self.router.serve_connection(unread(MAGIC, socket)).await;
            }
            Ok(Ok(first)) if first.is_ascii_uppercase() => {
                let answered = timeout(self.patience, self.answer(&mut socket, first));
                // Whatever went wrong, nobody is left to be told.
                let _ = answered.await;
            }
            // Something else altogether, gone, or silent.
            _ => {}
        }
    }

    /// Answers one HTTP request.
    async fn answer(&self, socket: &mut Socket, first: u8) -> io::Result<()> {
        let (status, page) = match read_head(socket, first).await? {
            None => ("431 Request Header Fields Too Large", String::new()),
            Some(head) if head.starts_with(b"GET ") => ("200 OK", self.page()),
            Some(_) => ("405 Method Not Allowed", String::new()),
        };
        let len = page.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\
             Allow: GET\r\nConnection: close\r\n\r\n{page}"
        );
        socket.write_all(answer.as_bytes()).await?;
        socket.shutdown().await?;
        // To close with something unread would reset the connection, and the answer might be lost.
        let mut rest = socket.take(MAX_REST);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        Ok(())
    }

    fn page(&self) -> String {
        let sessions = self.router.stats().sessions;
        format!("This port speaks WAMP, too. Sessions at present: {sessions}.\n")
    }
}

/// A client's place among the guests.
type Place = tokio::sync::OwnedSemaphorePermit;

/// The stream as if the octet had not been read.
fn unread(octet: u8, socket: Socket) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static {
    let (reader, writer) = tokio::io::split(socket);
    tokio::io::join(Cursor::new([octet]).chain(reader), writer)
}

/// The head of an HTTP request, whose first octet was read: all up to the empty line, and perhaps
/// some of what is behind. `None` if it is too long.
async fn read_head(socket: &mut Socket, first: u8) -> io::Result<Option<Vec<u8>>> {
    let mut head = vec![first];
    let mut end = 0;
    while !head[end..].windows(4).any(|octets| octets == b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Ok(None);
        }
        // The empty line may have begun already.
        end = head.len().saturating_sub(3);
        let room = (MAX_HEAD - head.len()) as u64;
        if socket.take(room).read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(head))
}

/// A port, and one client of each kind.
pub(crate) async fn demonstrate(patience: Duration) -> Result<(), Box<dyn Error>> {
    let port = OnePort::new(patience)?;
    let listener = Listener::bind(&"tcp://127.0.0.1:0".parse()?).await?;
    let endpoint = listener.endpoint().clone();
    println!("listening on {endpoint}");
    let serving = tokio::spawn(port.clone().serve(listener));

    let session = Join::new(REALM).connect(&endpoint).await?;
    println!("a WAMP client joined as session {}", session.id());
    println!("a browser reads: {}", browse(&endpoint).await?);
    Socket::connect(&endpoint)
        .await?
        .read_to_end(&mut Vec::new())
        .await?;
    println!("a client that said nothing was shown out");

    session.leave().await?;
    println!("the WAMP client left");
    port.router.shut_down(Duration::from_secs(2)).await;
    serving.abort();
    Ok(())
}

/// The page, as a browser gets it that takes its time: one octet, then the others.
async fn browse(endpoint: &Endpoint) -> Result<String, Box<dyn Error>> {
    let mut socket = Socket::connect(endpoint).await?;
    socket.write_all(b"G").await?;
    tokio::task::yield_now().await;
    socket
        .write_all(b"ET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, page) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(head.into());
    }
    Ok(page.trim_end().to_owned())
}
