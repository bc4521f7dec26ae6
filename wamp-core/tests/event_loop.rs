//! The example of an event loop of one's own: what it shows, and what it must withstand.
#![cfg(all(unix, feature = "json", feature = "msgpack"))]

use std::cell::Cell;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rawsocket_proto::time::Instant;
use wamp_rawsocket_core::endpoint::Endpoint;
use wamp_rawsocket_core::session::{ClientSession, Event, Outcome};
use wamp_rawsocket_core::{Dict, Payload, SerializerKind, uris};

#[path = "../examples/event_loop/main.rs"]
#[expect(dead_code, reason = "a test is no program: there is no command line")]
mod example;

use example::clients::Application;
use example::event_loop::EventLoop;

type Outcomes = Result<(), String>;

/// Runs on a thread of its own, since a loop that hangs would hang the test.
fn within_a_minute(run: impl FnOnce() -> Result<(), Box<dyn Error>> + Send + 'static) -> Outcomes {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(run().map_err(|error| error.to_string())));
    receiver
        .recv_timeout(Duration::from_secs(60))
        .unwrap_or_else(|error| Err(error.to_string()))
}

#[test]
fn it_ends_by_itself_with_many_callers() {
    assert_eq!(within_a_minute(|| example::demonstrate(300)), Ok(()));
}

/// Subscribes, publishes so many large messages to itself without a pause, and leaves when it has
/// all of them.
struct Flood {
    messages: usize,
    received: usize,
}

const TOPIC: &str = "com.example.flood";
const LEN: usize = 3 << 20;

impl Application for Flood {
    fn name(&self) -> String {
        "flood".into()
    }

    fn handle_event(
        &mut self,
        event: Event,
        session: &mut ClientSession,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        match event {
            Event::Joined(_) => {
                session.subscribe(TOPIC, &Dict::new())?;
            }
            Event::Done(Outcome::Subscribed { .. }) => {
                let options = Dict::new().with("exclude_me", false);
                let text = ("x".repeat(LEN),);
                for _ in 0..self.messages {
                    session.publish(TOPIC, &options, &Payload::typed(&text))?;
                }
            }
            Event::Published(published) => {
                let (text,): (String,) = published.payload.args()?;
                assert_eq!(text.len(), LEN);
                self.received += 1;
                if self.received == self.messages {
                    session.leave(uris::CLOSE_REALM, now)?;
                }
            }
            Event::Left { .. } => {}
            other => return Err(format!("{other:?}").into()),
        }
        Ok(())
    }
}

/// More than sockets hold, both ways at once: nothing is lost, nobody waits for ever.
#[test]
fn large_messages_go_both_ways() {
    let flood = || {
        let mut event_loop = EventLoop::new()?;
        let tcp = event_loop.listen(&"tcp://127.0.0.1:0".parse()?)?;
        let application = Flood {
            messages: 2,
            received: 0,
        };
        event_loop.connect(&tcp, SerializerKind::MessagePack, application)?;
        event_loop.run_while(|event_loop| event_loop.clients() > 0)
    };
    assert_eq!(within_a_minute(flood), Ok(()));
}

/// Does nothing, and tells whether it joined.
struct Guest(Rc<Cell<bool>>);

impl Application for Guest {
    fn name(&self) -> String {
        "guest".into()
    }

    fn handle_event(
        &mut self,
        event: Event,
        _: &mut ClientSession,
        _: Instant,
    ) -> Result<(), Box<dyn Error>> {
        self.0.set(matches!(event, Event::Joined(_)));
        Ok(())
    }
}

/// How a client ends that connects there.
fn visit(port: u16) -> Outcomes {
    within_a_minute(move || {
        let mut event_loop = EventLoop::new()?;
        let host = "127.0.0.1".into();
        let endpoint = Endpoint::Tcp { host, port };
        event_loop.connect(&endpoint, SerializerKind::Json, Guest(Rc::default()))?;
        event_loop.run_while(|event_loop| event_loop.clients() > 0)
    })
}

#[test]
fn a_client_hears_that_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = visit(port).unwrap_err();
    assert!(error.starts_with("guest: "), "{error}");
    assert!(error.contains("refused"), "{error}");
}

#[test]
fn a_client_hears_what_a_router_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.read_exact(&mut [0; 4]).unwrap();
        socket.write_all(&[0x7F, 0x10, 0, 0]).unwrap();
    });
    let error = visit(port).unwrap_err();
    router.join().unwrap();
    assert!(error.contains("serializer"), "{error}");
}

/// A stranger is shown out, and the others do not notice. Shut down, the router says goodbye.
#[test]
fn the_router_outlives_strangers_and_says_goodbye() {
    let run = || {
        let mut event_loop = EventLoop::new()?;
        let tcp = event_loop.listen(&"tcp://127.0.0.1:0".parse()?)?;
        let Endpoint::Tcp { port, .. } = tcp else {
            unreachable!("it listens on TCP")
        };
        let joined = Rc::new(Cell::new(false));
        let guest = Guest(joined.clone());
        event_loop.connect(&tcp, SerializerKind::Json, guest)?;
        event_loop.run_while(|_| !joined.get())?;

        let stranger = thread::spawn(move || {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let _ = socket.read(&mut [0; 1]);
        });
        event_loop.run_while(|event_loop| event_loop.connections() < 2)?;
        event_loop.run_while(|event_loop| event_loop.connections() > 1)?;
        stranger.join().unwrap();

        assert_eq!(event_loop.clients(), 1);
        event_loop.shut_down(Duration::from_secs(60))?;
        event_loop.run_while(|event_loop| event_loop.clients() > 0)
    };
    assert_eq!(within_a_minute(run), Ok(()));
}
