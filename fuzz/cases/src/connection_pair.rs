//! Two connections, and a network between them that takes its time.

use std::sync::Arc;
use std::time::Duration;

use rawsocket_proto::connection::{Config, Connection, ConnectionError};

use crate::choices::Choices;
use crate::settings::Start;
use crate::watched::{Seen, Watched};

/// One end, the octets on their way to it, and what it is allowed to receive.
struct End {
    watched: Watched,
    incoming: Vec<u8>,
    max_receive: usize,
    received: usize,
    sent: usize,
    /// The other end shut its side down.
    eof: bool,
}

/// A client and a router with any schedule of octets, events, messages and PINGs: what one sends
/// comes out at the other, whole and in order, and both come to an orderly end.
pub fn connection_pair(data: &[u8]) {
    let mut choices = Choices::new(data);
    // Once time passes, giving up is legitimate.
    let timed = choices.below(4) == 0;
    let [mut client, mut router] = [Start::Client, Start::Router].map(|start| {
        let max_receive = choices.one_of([1 << 24, 512, 5_000, 70_000]);
        let config = Config::new()
            .max_receive(max_receive)
            .water_marks(
                choices.one_of([1 << 20, 0, 5_000, 70_000]),
                choices.one_of([0, 4_000]),
            )
            .pong_backlog(choices.one_of([64 << 10, 0, 100]))
            .heartbeat_interval(timed.then_some(Duration::from_millis(10)));
        End {
            watched: Watched::new(start, Arc::new(config), &mut choices),
            incoming: Vec::new(),
            max_receive: max_receive as usize,
            received: 0,
            sent: 0,
            eof: false,
        }
    });
    for _ in 0..400 {
        if choices.is_empty() {
            break;
        }
        let op = choices.octet();
        let (near, far) = if op & 0x80 == 0 {
            (&mut client, &mut router)
        } else {
            (&mut router, &mut client)
        };
        match op & 7 {
            0 | 1 => drop(near.carry(far, choices.size())),
            2 => drop(near.carry(far, usize::MAX)),
            3 => drop(near.read(choices.size(), op & 0x40 != 0)),
            4 => drop(near.poll(op & 0x40 != 0)),
            5 => near.send(far.max_receive.min(choices.size()), op >> 3),
            // One PING more than are allowed would give the peer up.
            6 if near.watched.get().unanswered_pings() < 10 => {
                let _ = near.watched.act(Connection::ping);
            }
            _ if timed => {
                let time = Duration::from_millis(u64::from(choices.below(12)));
                near.watched.pass(time);
            }
            _ => drop(near.poll(true)),
        }
    }

    rest(&mut client, &mut router, timed);
    if !timed {
        for (near, far) in [(&client, &router), (&router, &client)] {
            assert!(near.watched.established);
            assert_eq!(near.sent, far.received, "all that was sent came");
            assert_eq!(near.watched.get().unanswered_pings(), 0);
        }
    }
    for end in [&mut client, &mut router] {
        end.watched.check_rest();
    }
    let first = if choices.flag() {
        &mut client
    } else {
        &mut router
    };
    first.watched.close();
    if choices.flag() {
        client.watched.close();
    }
    rest(&mut client, &mut router, timed);
    // Whoever saw the other end finish closes as well.
    client.watched.close();
    router.watched.close();
    rest(&mut client, &mut router, timed);
    if !timed {
        assert!(client.watched.closed && router.watched.closed);
    }
}

/// Carries octets and polls events at both ends until nothing moves.
fn rest(client: &mut End, router: &mut End, timed: bool) {
    for _ in 0..100_000 {
        let mut moved = false;
        for step in 0..2 {
            let (near, far) = if step == 0 {
                (&mut *client, &mut *router)
            } else {
                (&mut *router, &mut *client)
            };
            moved |= near.carry(far, usize::MAX);
            moved |= near.poll(false);
            moved |= near.read(usize::MAX, true);
            // Polling may have answered PINGs.
            moved |= near.watched.get().pending() > 0;
        }
        if !moved {
            for end in [client, router] {
                match end.watched.error {
                    None => {}
                    Some(error) if timed => assert!(
                        error.is_timeout()
                            || matches!(
                                error,
                                ConnectionError::Truncated { .. }
                                    | ConnectionError::ClosedInHandshake
                            )
                    ),
                    Some(error) => panic!("{error}"),
                }
            }
            return;
        }
    }
    panic!("it does not come to rest");
}

impl End {
    /// At most `most` octets leave for the other end; or the end of the stream, once nothing else
    /// will.
    fn carry(&mut self, far: &mut Self, most: usize) -> bool {
        let octets = self.watched.transmit(most);
        far.incoming.extend_from_slice(&octets);
        if !octets.is_empty() {
            return true;
        }
        let shuts = self.watched.get().wants_shutdown();
        if shuts {
            self.watched.act(Connection::handle_shutdown);
        }
        // A socket that is dropped ends its stream, too.
        let ends = shuts || self.watched.get().is_closed();
        let news = ends && !far.eof;
        far.eof |= ends;
        news
    }

    /// At most `most` of the octets on their way arrive; or the end of the stream behind them.
    fn read(&mut self, most: usize, by_read: bool) -> bool {
        let wanted = self.watched.get().wants_read();
        if self.incoming.is_empty() && self.eof && wanted {
            self.watched.act(Connection::handle_eof);
            return true;
        }
        let count = most.min(self.incoming.len());
        let taken = if count == 0 {
            0
        } else {
            self.watched.offer(&self.incoming[..count], by_read)
        };
        self.incoming.drain(..taken);
        taken > 0
    }

    fn poll(&mut self, take: bool) -> bool {
        match self.watched.poll(take) {
            Seen::Nothing | Seen::Failed(_) => false,
            Seen::Requested => {
                // Not any more, if it timed out meanwhile.
                let _ = self.watched.act(|connection, _| connection.accept());
                true
            }
            Seen::Established => {
                self.watched.act(|connection, _| connection.welcome());
                true
            }
            Seen::Message => {
                self.received += 1;
                true
            }
            Seen::Pong(_) | Seen::Writable | Seen::PeerFinished | Seen::Closed => true,
        }
    }

    fn send(&mut self, len: usize, how: u8) {
        if self.watched.send(len, how).is_ok() {
            self.sent += 1;
        }
    }
}
