//! WAMP over RawSocket on blocking sockets.
