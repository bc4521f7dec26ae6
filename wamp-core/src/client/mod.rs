//! The session level: join a realm, subscribe, publish, register, call.
//!
//! It is written once, on `core::task` alone; an adapter brings sockets, a clock and tasks as a
//! [`Runtime`](crate::runtime::Runtime) and gives [`Join`] its short name. The state machines
//! underneath are [`ClientPeer`](crate::transport::ClientPeer) and
//! [`ClientSession`](crate::session::ClientSession), for those who have an event loop of their
//! own.

mod backoff;
mod call;
mod error;
mod join;
mod oneshot;
mod procedure;
mod queue;
mod serialized;
mod session;
mod state;
mod states;
#[cfg(feature = "stream")]
mod stream;
mod subscription;
mod task;

pub use backoff::Reconnect;
pub use call::Call;
pub use error::{End, SessionError, WampError};
pub use join::Join;
pub use procedure::{Invocation, Registration};
pub use session::{Arguments, Session};
pub use states::{SessionState, States, Unrestored};
pub use subscription::{Event, Handled, Subscription};
