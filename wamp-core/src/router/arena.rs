//! Slots with generations: small keys that never name a later tenant.

/// Names one value of an [`Arena`]. A key outlives its value harmlessly: it then finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
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

/// Values under keys: insert, look up and remove in constant time; freed slots are reused.
#[derive(Debug)]
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Stores what `make` builds for the key it will have; `None` if all 2^32 slots are taken.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Option<Key> {
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
            generation: 0,
        };
        let value = Some(make(key));
        self.slots.push(Slot {
            generation: 0,
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

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
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

#[cfg(test)]
mod tests {
    use super::Arena;

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
