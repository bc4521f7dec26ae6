//! Ids of the global scope: random, uniform over 1..=2^53.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::Id;

/// Draws session and publication ids from a seed that the caller provides.
///
/// The generator is `ChaCha` with 8 rounds: who sees any number of ids cannot tell the next one.
///
/// Spec: basic profile, "IDs".
#[derive(Debug)]
pub(super) struct GlobalIds {
    rng: ChaCha8Rng,
}

impl GlobalIds {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            rng: ChaCha8Rng::from_seed(seed),
        }
    }

    pub(super) fn draw(&mut self) -> Id {
        Id::from_random(self.rng.next_u64())
    }
}
