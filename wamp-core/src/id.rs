//! WAMP IDs: integers from 1 to 2^53 (spec: "IDs").

use core::fmt;
use core::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An ID of a session, publication, subscription, registration or request.
///
/// Always between [`Id::MIN`] and [`Id::MAX`]; zero is no ID. An `Option<Id>` is as small as an
/// `Id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    /// The smallest ID, 1: the first request of a session carries it.
    pub const MIN: Self = Self(NonZeroU64::MIN);

    /// The largest ID, 2^53: the largest integer that a double and all smaller ones can hold.
    pub const MAX: Self = match NonZeroU64::new(1 << 53) {
        Some(max) => Self(max),
        None => Self::MIN,
    };

    /// The ID with this value, or `None` if it is zero or above 2^53.
    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(id) if value <= Self::MAX.0.get() => Some(Self(id)),
            _ => None,
        }
    }

    /// The value, from 1 to 2^53.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The ID after this one: IDs of session scope go up by one and wrap to 1 after 2^53.
    #[must_use]
    pub const fn next(self) -> Self {
        match Self::new(self.get() + 1) {
            Some(next) => next,
            None => Self::MIN,
        }
    }

    /// An ID made of 64 random bits, uniform over the complete range, as IDs of global scope
    /// (sessions, publications) must be. The caller brings the randomness.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        // The top 53 bits are uniform over 0..2^53.
        match NonZeroU64::new((bits >> 11) + 1) {
            Some(id) => Self(id),
            None => Self::MIN,
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Id> for u64 {
    fn from(id: Id) -> Self {
        id.get()
    }
}

/// The integer is zero or above 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfRange {
    /// The integer.
    pub value: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no WAMP ID: those go from 1 to 2^53", self.value)
    }
}

impl core::error::Error for OutOfRange {}

impl TryFrom<u64> for Id {
    type Error = OutOfRange;

    fn try_from(value: u64) -> Result<Self, OutOfRange> {
        Self::new(value).ok_or(OutOfRange { value })
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        Self::try_from(value).map_err(de::Error::custom)
    }
}

/// The request IDs of one direction of a session: 1, 2, 3 … 2^53, 1 …
///
/// The same type counts what is sent and checks what is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    next: Id,
}

impl RequestIds {
    /// Starts at 1.
    pub const fn new() -> Self {
        Self { next: Id::MIN }
    }

    /// Takes the next ID, for a request to be sent.
    pub const fn next(&mut self) -> Id {
        let id = self.next;
        self.next = id.next();
        id
    }

    /// The ID that comes next, without taking it.
    pub const fn peek(&self) -> Id {
        self.next
    }

    /// Takes the ID of a received request: true if it was the next in sequence. If it was not,
    /// nothing changes; the spec makes that a protocol error.
    pub fn accept(&mut self, id: Id) -> bool {
        let in_sequence = id == self.next;
        if in_sequence {
            self.next = id.next();
        }
        in_sequence
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_1_to_2_to_the_53() {
        assert_eq!(Id::new(0), None);
        assert_eq!(Id::new(1), Some(Id::MIN));
        assert_eq!(Id::new(1 << 53), Some(Id::MAX));
        assert_eq!(Id::new((1 << 53) + 1), None);
        assert_eq!(Id::from_random(0), Id::MIN);
        assert_eq!(Id::from_random(u64::MAX), Id::MAX);
        assert_eq!(size_of::<Option<Id>>(), 8);
    }

    #[test]
    fn request_ids_count_from_1_and_wrap_after_2_to_the_53() {
        let mut ids = RequestIds::new();
        assert_eq!(ids.next().get(), 1);
        assert_eq!(ids.next().get(), 2);
        assert!(!ids.accept(Id::MIN));
        assert!(ids.accept(ids.peek()));
        assert_eq!(ids.peek().get(), 4);
        ids.next = Id::MAX;
        assert_eq!(ids.next(), Id::MAX);
        assert_eq!(ids.next(), Id::MIN);
    }
}
