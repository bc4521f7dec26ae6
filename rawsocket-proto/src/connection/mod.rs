//! A whole connection without a socket: buffers, limits, timers, heartbeats, backpressure, orderly
//! close.
//!
//! [`Connection`] is the state machine of one connection, for either end. It owns the buffers and
//! the rules; whoever drives it owns the socket and the clock. Its methods come in four kinds:
//!
//! | kind | methods | rule |
//! |---|---|---|
//! | inputs | `handle_*` | say what happened outside; never fail |
//! | commands | [`send`], [`accept`], [`close`] … | a refusal hands the value back |
//! | outputs | `poll_*` | to be drained after inputs and commands, in the order below |
//! | getters | the others | cheap |
//!
//! # The loop
//!
//! 1. Write what [`poll_transmit`] gives, and tell [`handle_transmitted`] how much went out.
//! 2. If [`wants_shutdown`], shut the socket's sending side down and call [`handle_shutdown`].
//! 3. Take events from [`poll_event`] until there is none, and act on them. Commands may give step
//!    1 something to do, and so may polling itself: it answers PINGs.
//! 4. If [`is_closed`], drop the socket.
//! 5. Wait until the socket is readable (if [`wants_read`]), writable (if step 1 left something),
//!    or the time of [`poll_timeout`] has come. Then call [`handle_read`] or [`handle_input`],
//!    [`handle_eof`] at the end of the stream, [`handle_timeout`].
//!
//! Reading and writing go on side by side: an end that first finishes writing and an end that does
//! the same wait for each other for ever.
//!
//! ```
//! use std::sync::Arc;
//! use wamp_rawsocket_proto::connection::{Config, Connection, Event};
//! use wamp_rawsocket_proto::time::Instant;
//! use wamp_rawsocket_proto::wire::SerializerId;
//!
//! // Two ends, a "network" that carries octets over, and a clock that stands still.
//! let (config, now) = (Arc::new(Config::new()), Instant::ZERO);
//! let mut client = Connection::client(config.clone(), SerializerId::JSON, now);
//! let mut router = Connection::router(config, now);
//! fn carry(from: &mut Connection, to: &mut Connection) {
//!     while let Some(octets) = from.poll_transmit() {
//!         let (octets, mut input) = (octets.len(), octets);
//!         to.handle_input(&mut input, Instant::ZERO);
//!         let left = input.len();
//!         from.handle_transmitted(octets - left);
//!         assert_eq!(left, 0);
//!     }
//! }
//!
//! carry(&mut client, &mut router);
//! let Some(Event::Requested(request)) = router.poll_event()? else { unreachable!() };
//! assert_eq!(request.serializer, SerializerId::JSON);
//! router.accept()?;
//! let Some(Event::Established(_)) = router.poll_event()? else { unreachable!() };
//! carry(&mut router, &mut client);
//! let Some(Event::Established(_)) = client.poll_event()? else { unreachable!() };
//!
//! client.send_copy(b"[1]")?;
//! carry(&mut client, &mut router);
//! let Some(Event::Message(message)) = router.poll_event()? else { unreachable!() };
//! assert_eq!(&message[..], b"[1]");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! * Any split of the input gives the same events.
//! * Each PING is answered by exactly one PONG, in order, before messages that wait but never
//!   inside a frame. A PING behind a message is answered when that message is polled.
//! * Nothing is reserved because a peer announced it. An idle connection holds no buffer.
//! * Memory stays below [`Connection::memory_bound`].
//! * Nothing that a peer sends panics. The first error is final.
//!
//! [`send`]: Connection::send
//! [`accept`]: Connection::accept
//! [`close`]: Connection::close
//! [`poll_transmit`]: Connection::poll_transmit
//! [`handle_transmitted`]: Connection::handle_transmitted
//! [`wants_shutdown`]: Connection::wants_shutdown
//! [`handle_shutdown`]: Connection::handle_shutdown
//! [`poll_event`]: Connection::poll_event
//! [`is_closed`]: Connection::is_closed
//! [`wants_read`]: Connection::wants_read
//! [`poll_timeout`]: Connection::poll_timeout
//! [`handle_read`]: Connection::handle_read
//! [`handle_input`]: Connection::handle_input
//! [`handle_eof`]: Connection::handle_eof
//! [`handle_timeout`]: Connection::handle_timeout

mod config;
mod event;
mod frame;
mod inbox;
mod machine;
mod outbox;
mod spare;
mod stats;

pub use config::Config;
pub use event::{CloseReason, ConnectionError, Event, Payload, SendError, SendErrorReason};
pub use frame::{Frame, FrameEncodeError};
pub use inbox::RecvBuf;
pub use machine::{Connection, NotDeciding};
#[cfg(feature = "driver")]
pub use spare::release_spare_buffers;
pub use stats::Stats;
