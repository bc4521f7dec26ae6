//! Hash tables that give memory back.

use core::hash::Hash;
use std::collections::HashMap;

/// Entries for which there is always room.
const KEPT: usize = 64;

/// To be called after entries were removed: halves a table of which most is free. In the long run
/// that takes constant time for each entry.
pub(crate) fn shrink<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    let capacity = table.capacity();
    if capacity > KEPT && table.len() < capacity / 8 {
        table.shrink_to(capacity / 4);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{KEPT, shrink};

    #[test]
    fn what_is_empty_again_holds_little() {
        let mut table: HashMap<u32, u32> = (0..10_000).map(|n| (n, n)).collect();
        for n in 0..10_000 {
            table.remove(&n);
            shrink(&mut table);
            assert!(table.capacity() <= 2 * KEPT || table.len() >= table.capacity() / 16);
        }
        assert!(table.capacity() <= 2 * KEPT, "{}", table.capacity());
    }
}
