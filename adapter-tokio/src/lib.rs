//! WAMP over RawSocket on tokio sockets.
