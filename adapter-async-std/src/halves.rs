//! A connection in two halves: many tasks send while one receives.

use core::fmt;
use core::ops::{Deref, DerefMut};

use rawsocket_proto::driver;

use crate::clock::AsyncIoClock;
use crate::connection::Connection;
use crate::io::FuturesIo;

/// The sending half of a [`Connection`]. It can be cloned.
///
/// Sending and closing are [`driver::Sender`]'s, to which it derefs.
#[derive(Debug)]
pub struct Sender<T>(driver::Sender<FuturesIo<T>, AsyncIoClock>);

/// The receiving half of a [`Connection`].
///
/// Receiving is [`driver::Receiver`]'s, to which it derefs.
#[derive(Debug)]
pub struct Receiver<T>(driver::Receiver<FuturesIo<T>, AsyncIoClock>);

/// The halves were not put together: they are of different connections, or there are other
/// [`Sender`]s. Both are handed back.
#[non_exhaustive]
pub struct ReuniteError<T> {
    /// The sending half.
    pub sender: Sender<T>,
    /// The receiving half.
    pub receiver: Receiver<T>,
}

/// Parts a connection.
pub(crate) fn halves<T>(
    (sender, receiver): (
        driver::Sender<FuturesIo<T>, AsyncIoClock>,
        driver::Receiver<FuturesIo<T>, AsyncIoClock>,
    ),
) -> (Sender<T>, Receiver<T>) {
    (Sender(sender), Receiver(receiver))
}

impl<T> Receiver<T> {
    /// Another sending half, even if all were dropped.
    pub fn sender(&self) -> Sender<T> {
        Sender(self.0.sender())
    }

    /// Puts the halves together again, if `sender` is the only one of this connection.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] with both halves, as they were.
    pub fn reunite(self, sender: Sender<T>) -> Result<Connection<T>, ReuniteError<T>> {
        match self.0.reunite(sender.0) {
            Ok(connection) => Ok(Connection::new(connection)),
            Err(apart) => Err(ReuniteError {
                sender: Sender(apart.sender),
                receiver: Self(apart.receiver),
            }),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Sender<T> {
    type Target = driver::Sender<FuturesIo<T>, AsyncIoClock>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Deref for Receiver<T> {
    type Target = driver::Receiver<FuturesIo<T>, AsyncIoClock>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> DerefMut for Receiver<T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<T> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are not the only two halves of one connection")
    }
}

impl<T> std::error::Error for ReuniteError<T> {}
