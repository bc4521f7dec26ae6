//! One connection, and anything that can happen to it.

use std::time::Duration;

use rawsocket_proto::connection::{Connection, SendErrorReason};
use rawsocket_proto::wire::{FrameKind, RefusalCode};

use crate::choices::{Choices, pattern};
use crate::reference;
use crate::settings::{self, Start};
use crate::watched::{Seen, Watched};

/// Inputs, commands and outputs in any order, from a peer who keeps the protocol or does not.
pub fn connection_ops(data: &[u8]) {
    let mut choices = Choices::new(data);
    let start = choices.one_of([Start::Established, Start::Router, Start::Client]);
    let config = settings::config(&mut choices);
    let mut watched = Watched::new(start, config, &mut choices);
    // What the peer sent and the connection did not take yet.
    let mut incoming = Vec::new();
    let mut eof = false;
    for number in 0..200 {
        if choices.is_empty() {
            break;
        }
        // Whatever was sent is kept, so the peer must come to an end.
        let talks = incoming.len() < 1 << 20;
        match choices.below(20) {
            0 if talks => {
                let count = usize::from(choices.below(16));
                incoming.extend_from_slice(choices.octets(count));
            }
            1 if talks => incoming.extend_from_slice(&[0x7F, choices.octet(), 0, 0]),
            2 if talks => {
                let message = pattern(number, choices.size());
                incoming.extend(reference::encode(FrameKind::Message, &message));
            }
            3 if talks => {
                let ping = pattern(number, choices.size());
                incoming.extend(reference::encode(FrameKind::Ping, &ping));
            }
            4 if talks => {
                let pong = watched.ledger.last_ping.clone();
                incoming.extend(reference::encode(
                    FrameKind::Pong,
                    &pong.unwrap_or_default(),
                ));
            }
            5 | 6 => {
                let (by_read, count) = (choices.flag(), choices.size().min(incoming.len()));
                let taken = watched.offer(&incoming[..count], by_read);
                incoming.drain(..taken);
            }
            7 => {
                let taken = watched.offer(&incoming, true);
                incoming.drain(..taken);
            }
            8 => drop(watched.transmit(choices.size())),
            9 => drop(watched.transmit(usize::MAX)),
            10 => poll(&mut watched, &mut choices),
            11 => while !matches!(watched.poll(true), Seen::Nothing | Seen::Failed(_)) {},
            12 | 13 => drop(watched.send(choices.size(), choices.octet())),
            14 => {
                let result = watched.act(Connection::ping);
                assert!(!matches!(result, Err(SendErrorReason::Full)));
            }
            15 => {
                let millis = choices.one_of([0, 1, 9, 10, 1_000, 5_000, 60_000]);
                watched.pass(Duration::from_millis(millis));
            }
            16 => {
                let answer = choices.octet();
                match RefusalCode::new(answer & 15) {
                    Some(code) if answer > 0xEF => watched.refuse(code),
                    _ => {
                        let _ = watched.act(|connection, _| connection.accept());
                    }
                }
            }
            17 => watched.act(|connection, _| connection.welcome()),
            18 if choices.below(4) == 0 => {
                eof = true;
                watched.act(Connection::handle_eof);
            }
            19 if choices.below(4) == 0 => watched.close(),
            _ if watched.get().wants_shutdown() => watched.act(Connection::handle_shutdown),
            _ => {}
        }
        if eof {
            incoming.clear();
        }
    }
    let by_read = choices.flag();
    watched.drain(&mut incoming, by_read);
    watched.check_rest();
    watched.finish(eof || choices.flag());
}

/// Polls once; who is told that there is room has it.
fn poll(watched: &mut Watched, choices: &mut Choices<'_>) {
    let refused = watched.refused();
    if let (Seen::Writable, Some(len)) = (watched.poll(choices.flag()), refused)
        && choices.flag()
    {
        assert_eq!(watched.send(len, choices.octet()), Ok(()));
    }
}
