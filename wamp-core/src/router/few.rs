//! What most sessions hold none or one of.

use alloc::collections::BTreeMap;

use crate::Id;

/// A map by id that has no memory of its own while it is empty, nor for its first entry.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "each session has four, and hardly any is in use"
)]
pub(super) enum Few<V> {
    One(Id, V),
    /// Any number; none without a map. That stays until it is empty, so that a number which goes
    /// to and fro between one and two does not cost an allocation each time.
    Many(Option<Box<BTreeMap<Id, V>>>),
}

impl<V> Few<V> {
    pub(super) const fn new() -> Self {
        Self::Many(None)
    }

    /// Puts a value in the place of the one that is there.
    pub(super) fn insert(&mut self, id: Id, value: V) {
        match self {
            Self::Many(Some(map)) => {
                map.insert(id, value);
            }
            Self::One(known, _) if *known != id => {
                let mut map = Box::new(BTreeMap::new());
                if let Self::One(known, first) = core::mem::take(self) {
                    map.insert(known, first);
                }
                map.insert(id, value);
                *self = Self::Many(Some(map));
            }
            Self::One(..) | Self::Many(None) => *self = Self::One(id, value),
        }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<V> {
        match self {
            Self::One(known, _) if *known == id => match core::mem::take(self) {
                Self::One(_, value) => Some(value),
                Self::Many(_) => None,
            },
            Self::Many(Some(map)) => {
                let removed = map.remove(&id);
                if map.is_empty() {
                    *self = Self::new();
                }
                removed
            }
            Self::One(..) | Self::Many(None) => None,
        }
    }

    pub(super) fn get(&self, id: Id) -> Option<&V> {
        match self {
            Self::One(known, value) => (*known == id).then_some(value),
            Self::Many(map) => map.as_ref()?.get(&id),
        }
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Many(map) => map.as_ref().map_or(0, |map| map.len()),
        }
    }

    /// What is there, in the order of the ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &V)> {
        let (one, many) = match self {
            Self::One(id, value) => (Some((*id, value)), None),
            Self::Many(map) => (None, map.as_ref()),
        };
        let many = many.into_iter().flat_map(|map| map.iter());
        one.into_iter().chain(many.map(|(id, value)| (*id, value)))
    }
}

impl<V> Default for Few<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Few;
    use crate::Id;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((any::<bool>(), 1_u64..6, any::<u8>()), 0..64)) {
            let (mut few, mut map) = (Few::new(), BTreeMap::new());
            for (insert, id, value) in steps {
                let id = Id::new(id).unwrap();
                if insert {
                    few.insert(id, value);
                    map.insert(id, value);
                } else {
                    prop_assert_eq!(few.remove(id), map.remove(&id));
                }
                prop_assert_eq!(few.len(), map.len());
                prop_assert_eq!(few.get(id), map.get(&id));
                prop_assert_eq!(few.contains(id), map.contains_key(&id));
                let all: Vec<_> = few.iter().collect();
                prop_assert_eq!(all, map.iter().map(|(id, value)| (*id, value)).collect::<Vec<_>>());
                prop_assert!(!map.is_empty() || matches!(few, Few::Many(None)));
            }
        }
    }
}
