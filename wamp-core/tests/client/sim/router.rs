//! A router that says what a test has it say, in JSON.

use std::sync::Arc;

use rawsocket_proto::connection::Config;
use rawsocket_proto::driver::Connection;
use rawsocket_proto::wire::{FrameHeader, RefusalCode, SerializerId};
use serde_json::{Value, json};
use wamp_rawsocket_core::runtime::Runtime as _;

use super::executor::{Sim, SimTimer};
use super::pipe::End;

pub(crate) struct Script(Connection<End, SimTimer>);

impl Script {
    /// Lets a client in that speaks JSON.
    pub(crate) async fn accept(sim: &Sim, end: End) -> Self {
        Self::decide(sim, end, |_| Ok(())).await.unwrap()
    }

    pub(crate) async fn decide(
        sim: &Sim,
        end: End,
        decide: impl FnOnce(SerializerId) -> Result<(), RefusalCode>,
    ) -> Option<Self> {
        let config = Arc::new(Config::new());
        let decide = |request: rawsocket_proto::wire::Request| decide(request.serializer);
        let connection = Connection::router(end, sim.timer(), config, decide).await;
        connection.ok().map(Self)
    }

    /// The next message.
    pub(crate) async fn recv(&mut self) -> Option<Value> {
        let message = self.0.recv().await.ok()??;
        Some(serde_json::from_slice(&message).unwrap())
    }

    /// The next message, of this kind; panics if it is another.
    pub(crate) async fn expect(&mut self, kind: u64) -> Value {
        let message = self.recv().await.expect("a message");
        assert_eq!(message[0], kind, "{message}");
        message
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.queue(message);
        self.0.flush().await.ok();
    }

    /// To be sent together with what follows.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it reads as the message does"
    )]
    pub(crate) fn queue(&mut self, message: Value) {
        self.0.try_send(message.to_string()).ok();
    }

    /// Takes HELLO and answers WELCOME, with the features of a dealer.
    pub(crate) async fn welcome(&mut self, session: u64, dealer: Value) {
        self.expect(1).await;
        self.0.welcome();
        let roles = json!({"broker": {}, "dealer": {"features": dealer}});
        self.send(json!([2, session, {"roles": roles}])).await;
    }

    pub(crate) async fn close(mut self) {
        self.0.close().await.ok();
    }
}

/// What a side has written, without its handshake: whole messages. Panics if they are not.
pub(crate) fn frames(record: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = record.get(4..).unwrap_or_default();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let header = *rest.first_chunk().expect("a whole header");
        let len = FrameHeader::decode(header).unwrap().payload_len() as usize;
        let frame = rest.get(4..4 + len).expect("a whole frame");
        frames.push(frame.to_vec());
        rest = &rest[4 + len..];
    }
    frames
}
