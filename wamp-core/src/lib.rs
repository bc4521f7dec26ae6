//! WAMP as sans-IO state machines.
