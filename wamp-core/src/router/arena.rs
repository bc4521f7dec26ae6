//! Slots with generations: small keys that never name a later tenant.

/// Names one value of an [`Arena`]. A key outlives its value harmlessly: it then finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// One number for logs: unique among the keys of an arena until a slot was reused 2^32 times.
    pub(super) const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Values under keys: insert, look up and remove in constant time, on the average. Freed slots are
/// reused, and given back when most are free.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// The generation of slots that are made from now on: later than any that was given back.
    generation: u32,
    /// Values removed since slots were last given back, or found not to be.
    removed: usize,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            generation: 0,
            removed: 0,
        }
    }

    /// Slots that are kept, full or not.
    const KEPT: usize = 64;

    pub(crate) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Stores what `make` builds for the key it will have; `None` if all 2^32 slots are taken.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Option<Key> {
        if let Some(index) = self.free.pop() {
            let slot = self.slots.get_mut(index as usize)?;
            let key = Key {
                index,
                generation: slot.generation,
            };
            slot.value = Some(make(key));
            return Some(key);
        }
        let key = Key {
            index: u32::try_from(self.slots.len()).ok()?,
            generation: self.generation,
        };
        let value = Some(make(key));
        if self.slots.len() == self.slots.capacity() {
            // To double would leave a quarter empty on the average.
            self.slots.reserve_exact(self.slots.len() / 8 + 4);
        }
        self.slots.push(Slot {
            generation: self.generation,
            value,
        });
        Some(key)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.value.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        self.removed += 1;
        let (kept, len) = (self.len(), self.slots.len());
        if len > Self::KEPT && kept <= len / 4 && (self.removed > len / 4 || kept == 0) {
            self.give_back();
        }
        Some(value)
    }

    /// Gives back the free slots at the end.
    fn give_back(&mut self) {
        self.removed = 0;
        let used = self.slots.iter().rposition(|slot| slot.value.is_some());
        let len = used.map_or(0, |last| last + 1).max(Self::KEPT);
        for slot in self.slots.drain(len.min(self.slots.len())..) {
            self.generation = self.generation.max(slot.generation);
        }
        self.free.retain(|index| (*index as usize) < len);
        self.slots.shrink_to_fit();
        self.free.shrink_to_fit();
    }

    /// The values, in the order of their slots.
    #[cfg(feature = "runtime")]
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }

    /// The keys in use, in the order of their slots.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.slots
            .iter()
            .zip(0_u32..)
            .filter(|(slot, _)| slot.value.is_some())
            .map(|(slot, index)| Key {
                index,
                generation: slot.generation,
            })
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn slots_are_given_back_and_keys_still_differ() {
        let mut arena = Arena::new();
        let mut known = alloc::collections::BTreeSet::new();
        for _ in 0..3 {
            let keys: Vec<_> = (0..1000)
                .map(|n| arena.insert_with(|_| n).unwrap())
                .collect();
            assert!(
                keys.iter().all(|key| known.insert(*key)),
                "a key came twice"
            );
            assert!(arena.slots.capacity() < 1000 + 1000 / 8 + 5);
            let (last, others) = keys.split_last().unwrap();
            for (key, n) in others.iter().zip(0..) {
                assert_eq!(arena.remove(*key), Some(n));
            }
            assert_eq!((arena.get(*last), arena.slots.len()), (Some(&999), 1000));
            assert_eq!(arena.remove(*last), Some(999));
            assert_eq!(
                (arena.len(), arena.slots.capacity()),
                (0, Arena::<i32>::KEPT)
            );
            assert!(known.iter().all(|key| arena.get(*key).is_none()));
        }
    }

    #[test]
    fn a_key_never_finds_the_next_tenant_of_its_slot() {
        let mut arena = Arena::new();
        let first = arena.insert_with(|_| "first").unwrap();
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert_with(|_| "second").unwrap();
        assert_eq!(arena.slots.len(), 1, "the slot is reused");
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_ne!(first.to_bits(), second.to_bits());
        assert_eq!((arena.len(), arena.keys().count()), (1, 1));
    }
}
