//! WAMP over RawSocket on async-std sockets.
