//! The roles and features that clients and routers announce to each other.
//!
//! Spec: basic profile, "Role and Feature Announcement"; advanced profile, "Feature Announcement".

use crate::Value;

/// The longest text for humans in a message of our own making, in octets. Every peer takes
/// messages of 512 octets, so that one with such a text always fits.
const SHORT: usize = 200;

/// What a client session announces: the features whose messages and options it handles; or just
/// the roles, for a transport that takes no more.
pub(crate) fn client_roles(with_features: bool) -> Value {
    roles(
        with_features,
        &[
            (
                "publisher",
                &[
                    "publisher_exclusion",
                    "publisher_identification",
                    "subscriber_blackwhite_listing",
                ],
            ),
            (
                "subscriber",
                &[
                    "pattern_based_subscription",
                    "publisher_identification",
                    "subscription_revocation",
                ],
            ),
            (
                "caller",
                &[
                    "call_canceling",
                    "call_timeout",
                    "caller_identification",
                    "progressive_call_results",
                ],
            ),
            (
                "callee",
                &[
                    "call_canceling",
                    "caller_identification",
                    "pattern_based_registration",
                    "progressive_call_results",
                    "registration_revocation",
                    "shared_registration",
                ],
            ),
        ],
    )
}

/// What the router announces: what it does, and no more.
pub(crate) fn router_roles() -> Value {
    roles(
        true,
        &[
            (
                "broker",
                &["publisher_exclusion", "subscriber_blackwhite_listing"],
            ),
            (
                "dealer",
                &["call_canceling", "call_timeout", "progressive_call_results"],
            ),
        ],
    )
}

fn roles(with_features: bool, roles: &[(&str, &[&str])]) -> Value {
    let entries = roles.iter().map(|(role, features)| {
        let mut dict = Vec::new();
        if with_features {
            let features = features
                .iter()
                .map(|name| ((*name).to_owned(), Value::Bool(true)));
            dict.push(("features".to_owned(), Value::Map(features.collect())));
        }
        ((*role).to_owned(), Value::Map(dict))
    });
    Value::Map(entries.collect())
}

/// The text, cut short so that a message with it always fits.
pub(crate) fn short(text: &str) -> String {
    let mut end = text.len().min(SHORT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // JSON writes a control character as six octets.
    text.get(..end)
        .unwrap_or_default()
        .replace(char::is_control, " ")
}
