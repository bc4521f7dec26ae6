//! Typed names for requests, and for what they brought about.

use crate::Id;

macro_rules! handles {
    ($($(#[doc = $doc:expr])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        ///
        /// It belongs to the session that gave it out, and means nothing to another one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) Id);

        impl $name {
            /// The id on the wire.
            pub const fn id(self) -> Id {
                self.0
            }
        }
    )+};
}

handles! {
    /// A SUBSCRIBE that was sent.
    SubscribeRequest;
    /// An UNSUBSCRIBE that was sent.
    UnsubscribeRequest;
    /// A PUBLISH that was sent.
    PublishRequest;
    /// A REGISTER that was sent.
    RegisterRequest;
    /// An UNREGISTER that was sent.
    UnregisterRequest;
    /// A CALL that was sent.
    CallRequest;
    /// A subscription that the router has granted.
    Subscription;
    /// A registration that the router has granted.
    Registration;
    /// An INVOCATION that was received.
    Invocation;
}
