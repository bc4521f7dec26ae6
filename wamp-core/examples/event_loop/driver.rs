//! One state machine on one socket.

use std::io::{self, Write as _};

use mio::Token;
use mio::event::Event;
use rawsocket_proto::driver::{Machine, read_from};
use rawsocket_proto::time::Instant;

use super::reactor::Reactor;
use super::socket::Socket;

/// A state machine, the socket that it speaks over, and what is known of that.
///
/// mio tells of readiness once, when it comes, and not again as long as it lasts. So it is
/// remembered here until the socket answers `WouldBlock`. That also does for backpressure: while
/// the machine does not want to read, `readable` stays as it is.
pub(crate) struct Driver<M> {
    machine: M,
    socket: Socket,
    token: Token,
    connected: bool,
    readable: bool,
    writable: bool,
    /// A write failed. The peer may have said why, so what it sent is read first.
    broken: Option<io::Error>,
}

impl<M: Machine> Driver<M> {
    /// Rounds in one turn, so that a busy peer does not keep the others waiting.
    const ROUNDS: usize = 16;

    /// Has the reactor watch the socket, which may be still connecting. Give it a turn.
    pub(crate) fn new(machine: M, mut socket: Socket, reactor: &mut Reactor) -> io::Result<Self> {
        let token = reactor.add_stream(socket.as_source())?;
        Ok(Self {
            machine,
            socket,
            token,
            connected: false,
            readable: false,
            writable: false,
            broken: None,
        })
    }

    /// The reactor's name for the socket.
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    /// The state machine. After commands, give it a turn.
    pub(crate) fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The socket became ready for something. Give it a turn.
    pub(crate) fn handle_event(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// A turn: goes on as far as it comes, with `act` to take the machine's events and to give it
    /// commands. Returns whether there is more to come.
    ///
    /// # Errors
    ///
    /// Those of the socket. They end the connection.
    pub(crate) fn turn(
        &mut self,
        reactor: &mut Reactor,
        act: impl FnMut(&mut M),
    ) -> io::Result<bool> {
        let now = reactor.now();
        if self.run(now, act)? {
            reactor.give_turn(self.token);
        }
        let goes_on = !self.machine.is_closed();
        reactor.set_deadline(self.token, self.machine.poll_timeout());
        Ok(goes_on)
    }

    /// The connection is over, one way or another.
    pub(crate) fn end(&mut self, reactor: &mut Reactor) {
        reactor.remove(self.token, self.socket.as_source());
    }

    /// Acts, writes and reads until nothing moves. Returns whether it stopped before.
    fn run(&mut self, now: Instant, mut act: impl FnMut(&mut M)) -> io::Result<bool> {
        for _ in 0..Self::ROUNDS {
            act(&mut self.machine);
            if !self.is_connected()? {
                return Ok(false);
            }
            let wrote = self.write(now);
            let read = self.read(now)?;
            if !wrote && !read {
                return self.broken.take().map_or(Ok(false), Err);
            }
        }
        Ok(true)
    }

    fn is_connected(&mut self) -> io::Result<bool> {
        if !self.connected && self.writable {
            self.connected = self.socket.is_connected()?;
            self.writable = self.connected;
        }
        Ok(self.connected)
    }

    /// Writes once, and behind the last of it closes the sending side. Returns whether it made a
    /// difference.
    ///
    /// [`Machine::poll_transmit_vectored`] gives more at a time.
    fn write(&mut self, now: Instant) -> bool {
        if !self.writable || self.broken.is_some() {
            return false;
        }
        let Some(octets) = self.machine.poll_transmit() else {
            return self.shut_down(now);
        };
        match self.socket.write(octets) {
            Ok(0) => self.broken = Some(io::ErrorKind::WriteZero.into()),
            Ok(count) => self.machine.handle_transmitted(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.broken = Some(error),
        }
        self.writable && self.broken.is_none()
    }

    fn shut_down(&mut self, now: Instant) -> bool {
        let wanted = self.machine.wants_shutdown();
        if wanted {
            self.broken = self.socket.shut_down().err();
            self.machine.handle_shutdown(now);
        }
        wanted
    }

    /// Reads once, if the machine wants to. Returns whether it made a difference.
    fn read(&mut self, now: Instant) -> io::Result<bool> {
        if !self.readable || !self.machine.wants_read() {
            return Ok(false);
        }
        let socket = &mut self.socket;
        match self.machine.handle_read(now, |buf| read_from(socket, buf)) {
            Ok(0) => {
                // After a reset some systems tell of it once, and of an end from then on.
                self.broken.take().map_or(Ok(()), Err)?;
                self.machine.handle_eof(now);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(self.readable)
    }
}
