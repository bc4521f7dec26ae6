//! Options and details: the dictionaries of WAMP messages.

use alloc::borrow::Cow;

use core::fmt;

use serde::Deserialize;

use crate::error::{EncodeError, PayloadError};
use crate::serializer::{RawEntries, RawValue, SerializerKind, Sink, write_value_ref};
use crate::{Id, Value, ValueRef};

/// The `Options` or `Details` of a message: an ordered map with string keys.
///
/// A received one stays in the octets of its frame and is read on demand; an empty one costs
/// nothing. Keys that WAMP does not know are kept, in their place, and are encoded again with
/// the rest. The types of those that it does know were checked by
/// [`Message::decode`](crate::Message::decode).
///
/// ```
/// use wamp_rawsocket_core::Dict;
///
/// let options = Dict::new().with("acknowledge", true).with("_my_own", "kept");
/// assert_eq!(options.get_bool("acknowledge"), Some(true));
/// assert_eq!(options.get_str("_my_own").as_deref(), Some("kept"));
/// ```
#[derive(Clone, Default)]
pub struct Dict<'a>(Repr<'a>);

#[derive(Clone, Default)]
enum Repr<'a> {
    #[default]
    Empty,
    /// Proven well-formed by a decoder.
    Raw(SerializerKind, Cow<'a, [u8]>),
    Built(Vec<(Cow<'a, str>, ValueRef<'a>)>),
}

impl<'a> Dict<'a> {
    /// An empty dictionary.
    pub const fn new() -> Self {
        Self(Repr::Empty)
    }

    /// A map that a decoder has proven well-formed, and not empty.
    pub(crate) const fn from_raw(raw: RawValue<'a>) -> Self {
        Self(Repr::Raw(raw.serializer(), Cow::Borrowed(raw.as_bytes())))
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Empty => true,
            Repr::Raw(..) => self.iter().next().is_none(),
            Repr::Built(entries) => entries.is_empty(),
        }
    }

    /// The entries, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(match &self.0 {
            Repr::Empty => IterRepr::Built([].iter()),
            Repr::Raw(kind, bytes) => IterRepr::Raw(RawValue::trusted(*kind, bytes).entries()),
            Repr::Built(entries) => IterRepr::Built(entries.iter()),
        })
    }

    /// The value of a key, whatever its type. Null counts as absent.
    pub fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        let [value] = self.get_all([key]);
        value
    }

    /// The values of several keys, found in one pass. Null counts as absent.
    pub(crate) fn get_all<const N: usize>(&self, keys: [&str; N]) -> [Option<ValueRef<'_>>; N] {
        let mut values = [const { None }; N];
        let mut missing = N;
        let position = |name: &str| keys.iter().position(|key| *key == name);
        let mut iter = self.iter();
        while missing > 0
            && let Some((at, value)) = iter.next_wanted(position)
        {
            // The first of equal keys counts.
            if let Some(slot @ None) = values.get_mut(at) {
                *slot = Some(value);
                missing -= 1;
            }
        }
        values.map(|value| value.filter(|value| *value != ValueRef::Null))
    }

    /// Whether a key has a value. Null counts as absent.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key, if it is a bool.
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            ValueRef::Bool(bool) => Some(bool),
            ValueRef::Value(value) => value.as_bool(),
            _ => None,
        }
    }

    /// The value of a key, if it is an integer and not negative.
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            ValueRef::Int(int) => u64::try_from(int).ok(),
            ValueRef::UInt(int) => Some(int),
            ValueRef::Value(value) => value.as_u64(),
            _ => None,
        }
    }

    /// The value of a key, if it is an ID.
    pub fn get_id(&self, key: &str) -> Option<Id> {
        self.get_u64(key).and_then(Id::new)
    }

    /// The value of a key, if it is a string.
    pub fn get_str(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.get(key)? {
            ValueRef::Str(text) => Some(text),
            ValueRef::Value(Cow::Owned(Value::Str(text))) => Some(Cow::Owned(text)),
            ValueRef::Value(Cow::Borrowed(Value::Str(text))) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// The value of a key, owned and read to the last leaf.
    pub fn get_value(&self, key: &str) -> Option<Value> {
        self.get(key).map(|value| value.to_value())
    }

    /// The value of a key as a type of the caller's.
    ///
    /// # Errors
    ///
    /// The value is there, but is no `T`.
    pub fn get_as<T: for<'de> Deserialize<'de>>(
        &self,
        key: &str,
    ) -> Result<Option<T>, PayloadError> {
        self.get(key)
            .map(|value| crate::serializer::value_ref_to(&value))
            .transpose()
    }

    /// Sets a key: its value is replaced in place, or the entry is added at the end.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<ValueRef<'a>>) {
        let (key, value) = (key.into(), value.into());
        let entries = self.build();
        match entries.iter_mut().find(|(name, _)| *name == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }

    /// [`Dict::insert`], for building one in a single expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<ValueRef<'a>>) -> Self {
        self.insert(key, value);
        self
    }

    /// Removes a key. Nothing happens if it is not there.
    pub fn remove(&mut self, key: &str) {
        if self.iter().any(|(name, _)| name == key) {
            self.build().retain(|(name, _)| name != key);
        }
    }

    /// The same dictionary without borrowing from the frame.
    pub fn into_owned(self) -> Dict<'static> {
        Dict(match self.0 {
            Repr::Empty => Repr::Empty,
            Repr::Raw(kind, bytes) => Repr::Raw(kind, Cow::Owned(bytes.into_owned())),
            Repr::Built(entries) => Repr::Built(
                entries
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            ),
        })
    }

    /// The entries as a list that can be changed.
    fn build(&mut self) -> &mut Vec<(Cow<'a, str>, ValueRef<'a>)> {
        if !matches!(self.0, Repr::Built(_)) {
            let entries = match core::mem::take(&mut self.0) {
                Repr::Raw(kind, Cow::Borrowed(bytes)) => {
                    RawValue::trusted(kind, bytes).entries().collect()
                }
                Repr::Raw(kind, Cow::Owned(bytes)) => RawValue::trusted(kind, &bytes)
                    .entries()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
                Repr::Empty | Repr::Built(_) => Vec::new(),
            };
            self.0 = Repr::Built(entries);
        }
        match &mut self.0 {
            Repr::Built(entries) => entries,
            Repr::Empty | Repr::Raw(..) => unreachable!("was built just now"),
        }
    }

    /// Writes it as a map.
    pub(crate) fn write<S: Sink>(&self, sink: &mut S) -> Result<(), EncodeError> {
        match &self.0 {
            Repr::Empty => {
                sink.empty_map();
                Ok(())
            }
            Repr::Raw(kind, bytes) => RawValue::trusted(*kind, bytes).write_dict(sink),
            Repr::Built(entries) => {
                let mark = sink.open_map(Some(entries.len()))?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    sink.key(index, key)?;
                    write_value_ref(value, sink)?;
                }
                sink.close_map(mark, entries.len())
            }
        }
    }
}

impl PartialEq for Dict<'_> {
    /// Equal entries in equal order, whatever the serializer.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Raw(a, x), Repr::Raw(b, y)) if a == b && x == y => true,
            _ => self
                .iter()
                .map(|(key, value)| (key, value.to_value()))
                .eq(other.iter().map(|(key, value)| (key, value.to_value()))),
        }
    }
}

impl fmt::Debug for Dict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (key, value.to_value())))
            .finish()
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<ValueRef<'a>>> FromIterator<(K, V)> for Dict<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut dict = Self::new();
        for (key, value) in entries {
            dict.insert(key, value);
        }
        dict
    }
}

impl<'d> IntoIterator for &'d Dict<'_> {
    type Item = (Cow<'d, str>, ValueRef<'d>);
    type IntoIter = Iter<'d>;

    fn into_iter(self) -> Iter<'d> {
        self.iter()
    }
}

/// The entries of a [`Dict`], in order.
#[derive(Debug, Clone)]
pub struct Iter<'d>(IterRepr<'d>);

#[derive(Debug, Clone)]
enum IterRepr<'d> {
    Raw(RawEntries<'d>),
    Built(core::slice::Iter<'d, (Cow<'d, str>, ValueRef<'d>)>),
}

impl<'d> Iter<'d> {
    /// The next entry whose key is wanted, with what it is wanted as.
    fn next_wanted<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Option<(T, ValueRef<'d>)> {
        match &mut self.0 {
            IterRepr::Raw(entries) => entries.next_wanted(wanted),
            IterRepr::Built(entries) => {
                entries.find_map(|(key, value)| Some((wanted(key)?, value.reborrow())))
            }
        }
    }
}

impl<'d> Iterator for Iter<'d> {
    type Item = (Cow<'d, str>, ValueRef<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            IterRepr::Raw(entries) => entries.next(),
            IterRepr::Built(entries) => entries
                .next()
                .map(|(key, value)| (Cow::Borrowed(key.as_ref()), value.reborrow())),
        }
    }
}
