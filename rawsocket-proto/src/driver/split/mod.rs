//! A connection in two halves: many send while one receives.

mod receiver;
mod sender;
mod shared;
mod waiters;

use alloc::sync::Arc;
use core::fmt;

use super::{Connection, Timer, Transport};
use shared::Shared;

pub use receiver::Receiver;
pub use sender::Sender;

impl<T: Transport, C: Timer> Connection<T, C> {
    /// Parts the connection in two halves that different tasks or threads use at the same time.
    /// The [`Sender`] can be cloned; [`Receiver::reunite`] puts the halves together again.
    ///
    /// There is still no task behind them. While a method of any half is awaited, all is done for
    /// the connection that the connection would do: PINGs are answered, heartbeats sent, queued
    /// messages written, and what comes is read, up to the next message. Whoever is polled does
    /// so, whatever it waits for itself, and the others are woken when they have what they need.
    /// Nothing happens while nobody awaits anything, and nobody reads beyond the next message
    /// unless it is received.
    ///
    /// So an end with one task that sends and one that receives never blocks another such end,
    /// however much both send.
    ///
    /// An error of the transport ends the connection for both halves: each call returns it from
    /// then on. Only a failed write is kept from the receiver until it has read what the peer said
    /// before.
    ///
    /// The transport is dropped with the last half.
    pub fn split(self) -> (Sender<T, C>, Receiver<T, C>) {
        let shared = Arc::new(Shared::new(self));
        let sender = Sender {
            shared: shared.clone(),
        };
        (sender, Receiver { shared })
    }
}

/// The halves were not put together: they are of different connections, or there are other
/// [`Sender`]s. Both are handed back.
#[non_exhaustive]
pub struct ReuniteError<T, C> {
    /// The sending half.
    pub sender: Sender<T, C>,
    /// The receiving half.
    pub receiver: Receiver<T, C>,
}

impl<T, C> fmt::Debug for ReuniteError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T, C> fmt::Display for ReuniteError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are not the only two halves of one connection")
    }
}

impl<T, C> std::error::Error for ReuniteError<T, C> {}
