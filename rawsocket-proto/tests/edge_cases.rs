//! The edge cases of the wire: each test names one and holds its decided outcome, on both ends
//! where both can meet it, in each layer that it concerns, and in what goes out.
#![cfg(feature = "connection")]

#[expect(
    clippy::allow_attributes,
    reason = "which of it is used differs from test to test"
)]
#[allow(dead_code, reason = "shared by several tests")]
mod support;

#[path = "edge_cases/frames.rs"]
mod frames;
#[path = "edge_cases/handshake_client.rs"]
mod handshake_client;
#[path = "edge_cases/handshake_router.rs"]
mod handshake_router;
#[path = "edge_cases/stream_end.rs"]
mod stream_end;
