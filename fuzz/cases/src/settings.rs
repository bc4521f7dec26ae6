//! Settings of a connection, as a fuzzer wants them.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use rawsocket_proto::connection::{Config, Connection};
use rawsocket_proto::handshake::Negotiated;
use rawsocket_proto::time::Instant;
use rawsocket_proto::wire::{MaxLen, SerializerId};

use crate::choices::Choices;

/// Which end of a connection, and how it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Client,
    Router,
    Established,
}

pub(crate) fn config(choices: &mut Choices<'_>) -> Arc<Config> {
    let interval = choices.one_of([None, Some(0), Some(1), Some(10), Some(60_000)]);
    let config = Config::new()
        .max_receive(choices.one_of([1 << 24, 0, 513, 5_000, 70_000, 1 << 20]))
        .greeting_limit(choices.one_of([64 << 10, 0, 600, 1 << 24]))
        .max_ping(choices.one_of([1 << 24, 0, 8, 5_000]))
        .send_full_frame(choices.flag())
        .ignore_reserved_bits(choices.flag())
        .handshake_timeout(choices.one_of([None, Some(Duration::from_secs(5))]))
        .close_timeout(choices.one_of([Duration::from_secs(5), Duration::ZERO]))
        .heartbeat_interval(interval.map(Duration::from_millis))
        .max_pings(
            choices
                .one_of([10, 1, 2])
                .try_into()
                .unwrap_or(NonZeroU8::MIN),
        )
        .water_marks(
            choices.one_of([1 << 20, 0, 1, 100, 5_000, 70_000]),
            choices.one_of([256 << 10, 0, 1, 60, 4_000]),
        )
        .pong_backlog(choices.one_of([64 << 10, 0, 1, 100, 5_000]));
    Arc::new(config)
}

pub(crate) fn connection(
    start: Start,
    config: Arc<Config>,
    choices: &mut Choices<'_>,
) -> Connection {
    match start {
        Start::Client => Connection::client(config, SerializerId::JSON, Instant::ZERO),
        Start::Router => Connection::router(config, Instant::ZERO),
        Start::Established => {
            let negotiated = Negotiated {
                serializer: SerializerId::JSON,
                send_max: MaxLen::from_nibble(choices.below(16)).unwrap_or(MaxLen::MAX),
                recv_max: config.announced_max(),
            };
            Connection::established(config, negotiated, Instant::ZERO)
        }
    }
}
