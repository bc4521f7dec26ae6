//! A whole connection: buffers, limits, timers, heartbeats, backpressure, orderly close.

mod frame;

pub use frame::{Frame, FrameEncodeError};
