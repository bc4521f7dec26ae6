//! The rules for URIs and URI patterns (spec: "URIs").

use core::fmt;

/// How strictly a URI is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UriRule {
    /// Components must not be empty, nor hold `#`, `.` or whitespace. Every URI must pass this.
    #[default]
    Loose,
    /// Components hold lower-case letters, digits and `_` only, as the spec recommends.
    Strict,
}

/// How a subscription or registration matches: the `match` option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MatchPolicy {
    /// The URI equals the one given.
    #[default]
    Exact,
    /// The URI starts with the one given.
    Prefix,
    /// An empty component of the one given stands for any component.
    Wildcard,
}

impl MatchPolicy {
    /// The name on the wire: `exact`, `prefix`, `wildcard`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Wildcard => "wildcard",
        }
    }

    /// The policy with this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "exact" => Some(Self::Exact),
            "prefix" => Some(Self::Prefix),
            "wildcard" => Some(Self::Wildcard),
            _ => None,
        }
    }
}

/// Why a string is no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUri {
    /// A component is empty, which only a pattern may have; so is an empty string.
    EmptyComponent,
    /// A character that the rule does not allow.
    Character(char),
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyComponent => f.write_str("a URI must not have an empty component"),
            Self::Character(c) => write!(f, "a URI must not hold {c:?}"),
        }
    }
}

impl core::error::Error for InvalidUri {}

impl UriRule {
    /// Checks a URI: a realm, topic, procedure, error or reason.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(self, uri: &str) -> Result<(), InvalidUri> {
        self.check_pattern(uri, MatchPolicy::Exact)
    }

    /// Checks the URI or pattern of SUBSCRIBE and REGISTER. Prefixes and wildcard patterns may
    /// have empty components, an exact URI may not.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check_pattern(self, uri: &str, policy: MatchPolicy) -> Result<(), InvalidUri> {
        let allow_empty = policy != MatchPolicy::Exact;
        // The octet before the current one; a URI starts as if after a dot.
        let mut before = b'.';
        for (at, &octet) in uri.as_bytes().iter().enumerate() {
            let good = match octet {
                // Continuation octets are judged with their leading one.
                b'a'..=b'z' | b'0'..=b'9' | b'_' | 0x80..=0xBF => true,
                b'.' => {
                    if before == b'.' && !allow_empty {
                        return Err(InvalidUri::EmptyComponent);
                    }
                    true
                }
                _ if self == Self::Strict => false,
                b'#' | b' ' | b'\t'..=b'\r' | 0x1C..=0x1F => false,
                0xC0.. => !uri[at..].starts_with(char::is_whitespace),
                _ => true,
            };
            if !good {
                let character = uri[at..].chars().next().unwrap_or_default();
                return Err(InvalidUri::Character(character));
            }
            before = octet;
        }
        if before == b'.' && !allow_empty {
            return Err(InvalidUri::EmptyComponent);
        }
        Ok(())
    }
}

/// Whether the first component is `wamp`, which is reserved for the protocol itself:
/// applications must not publish to, or register, such URIs.
pub fn is_reserved(uri: &str) -> bool {
    uri.strip_prefix("wamp")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The spec's rule, component by component.
    fn naive(rule: UriRule, uri: &str, allow_empty: bool) -> bool {
        uri.split('.').all(|component| {
            (allow_empty || !component.is_empty())
                && component.chars().all(|c| match rule {
                    UriRule::Strict => matches!(c, 'a'..='z' | '0'..='9' | '_'),
                    UriRule::Loose => {
                        c != '#' && !c.is_whitespace() && !('\u{1c}'..='\u{1f}').contains(&c)
                    }
                })
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_rule_read_aloud(
            uri in "[a-z0-9_.A# \u{a0}é\u{3000}\u{1f}\u{b}-]{0,12}",
        ) {
            for rule in [UriRule::Loose, UriRule::Strict] {
                prop_assert_eq!(rule.check(&uri).is_ok(), naive(rule, &uri, false));
                prop_assert_eq!(
                    rule.check_pattern(&uri, MatchPolicy::Wildcard).is_ok(),
                    naive(rule, &uri, true)
                );
            }
        }
    }

    #[test]
    fn examples() {
        assert_eq!(UriRule::Strict.check("com.myapp.mytopic1"), Ok(()));
        assert_eq!(UriRule::Loose.check("com.Größe.x-y"), Ok(()));
        assert_eq!(
            UriRule::Strict.check("com.Größe"),
            Err(InvalidUri::Character('G'))
        );
        assert_eq!(UriRule::Loose.check(""), Err(InvalidUri::EmptyComponent));
        assert_eq!(
            UriRule::Loose.check("a..b"),
            Err(InvalidUri::EmptyComponent)
        );
        assert_eq!(
            UriRule::Loose.check("realm with space"),
            Err(InvalidUri::Character(' '))
        );
        assert_eq!(
            UriRule::Loose.check_pattern("a..b.", MatchPolicy::Prefix),
            Ok(())
        );
        assert!(is_reserved("wamp.session.count") && is_reserved("wamp"));
        assert!(!is_reserved("wampire.count"));
    }
}
