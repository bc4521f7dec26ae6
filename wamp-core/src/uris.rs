//! The URIs that the spec predefines: reasons of ABORT and GOODBYE, and errors.

macro_rules! uris {
    ($($(#[doc = $doc:expr])+ $name:ident = $uri:literal;)+) => {
        $($(#[doc = $doc])+ #[doc = concat!("\n\n`", $uri, "`")] pub const $name: &str = $uri;)+

        #[cfg(test)]
        const ALL: &[&str] = &[$($uri),+];
    };
}

uris! {
    /// The peer is shutting down completely.
    SYSTEM_SHUTDOWN = "wamp.close.system_shutdown";
    /// The peer wants to leave the realm.
    CLOSE_REALM = "wamp.close.close_realm";
    /// Answers a GOODBYE.
    GOODBYE_AND_OUT = "wamp.close.goodbye_and_out";
    /// The router ended the session by force.
    KILLED = "wamp.close.killed";
    /// A message that the protocol does not allow.
    PROTOCOL_VIOLATION = "wamp.error.protocol_violation";
    /// A URI that breaks the rules.
    INVALID_URI = "wamp.error.invalid_uri";
    /// No procedure is registered under the URI.
    NO_SUCH_PROCEDURE = "wamp.error.no_such_procedure";
    /// A procedure is registered under the URI already.
    PROCEDURE_ALREADY_EXISTS = "wamp.error.procedure_already_exists";
    /// A procedure is registered under the URI with another invocation policy.
    PROCEDURE_EXISTS_INVOCATION_POLICY_CONFLICT =
        "wamp.error.procedure_exists_with_different_invocation_policy";
    /// The registration is not active.
    NO_SUCH_REGISTRATION = "wamp.error.no_such_registration";
    /// The subscription is not active.
    NO_SUCH_SUBSCRIPTION = "wamp.error.no_such_subscription";
    /// No session has the ID.
    NO_SUCH_SESSION = "wamp.error.no_such_session";
    /// Types or values of the arguments are not acceptable to the procedure.
    INVALID_ARGUMENT = "wamp.error.invalid_argument";
    /// The call was cancelled.
    CANCELED = "wamp.error.canceled";
    /// A callee failed in a way that it has no URI for. Not in the spec; Autobahn's.
    RUNTIME_ERROR = "wamp.error.runtime_error";
    /// The call took longer than allowed.
    TIMEOUT = "wamp.error.timeout";
    /// The message is larger than the receiver takes.
    PAYLOAD_SIZE_EXCEEDED = "wamp.error.payload_size_exceeded";
    /// The session is not allowed to do this.
    NOT_AUTHORIZED = "wamp.error.not_authorized";
    /// The principal is not authorized to perform the action.
    AUTHORIZATION_DENIED = "wamp.error.authorization_denied";
    /// Whether the session is allowed to do this could not be found out.
    AUTHORIZATION_FAILED = "wamp.error.authorization_failed";
    /// The action needs an authorization.
    AUTHORIZATION_REQUIRED = "wamp.error.authorization_required";
    /// The realm does not exist.
    NO_SUCH_REALM = "wamp.error.no_such_realm";
    /// The role does not exist.
    NO_SUCH_ROLE = "wamp.error.no_such_role";
    /// The principal does not exist.
    NO_SUCH_PRINCIPAL = "wamp.error.no_such_principal";
    /// None of the offered authentication methods is accepted.
    NO_MATCHING_AUTH_METHOD = "wamp.error.no_matching_auth_method";
    /// The authentication is denied, for example for a wrong password.
    AUTHENTICATION_DENIED = "wamp.error.authentication_denied";
    /// The authentication failed for a technical reason.
    AUTHENTICATION_FAILED = "wamp.error.authentication_failed";
    /// The client has to authenticate and did not.
    AUTHENTICATION_REQUIRED = "wamp.error.authentication_required";
    /// The router does not allow an option of the request.
    OPTION_NOT_ALLOWED = "wamp.error.option_not_allowed";
    /// The router does not allow clients to disclose their identity.
    DISCLOSE_ME_DISALLOWED = "wamp.error.option_disallowed.disclose_me";
    /// The router ran into a network failure.
    NETWORK_FAILURE = "wamp.error.network_failure";
    /// The callee cannot handle the invocation; another one may.
    UNAVAILABLE = "wamp.error.unavailable";
    /// All callees of the procedure are unavailable.
    NO_AVAILABLE_CALLEE = "wamp.error.no_available_callee";
    /// The callee does not support a feature that the call needs.
    FEATURE_NOT_SUPPORTED = "wamp.error.feature_not_supported";
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_are_strict_reserved_and_different() {
        for (index, uri) in super::ALL.iter().enumerate() {
            assert_eq!(crate::uri::UriRule::Strict.check(uri), Ok(()));
            assert!(crate::uri::is_reserved(uri));
            assert!(!super::ALL[..index].contains(uri), "{uri} twice");
        }
    }
}
