//! Names that were met, as a set of fixed size.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const BITS: u64 = 1 << 22;

/// A set that may hold more than was put into it, and never less.
pub(super) struct Seen(Vec<u64>);

impl Seen {
    pub fn new() -> Self {
        Seen(vec![0; usize::try_from(BITS / 64).unwrap_or_default()])
    }

    /// Says whether the name is new.
    pub fn insert(&mut self, name: &[u8]) -> bool {
        let (word, bit) = place(name);
        let Some(word) = self.0.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub fn contains(&self, name: &[u8]) -> bool {
        let (word, bit) = place(name);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(name: &[u8]) -> (usize, u64) {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let at = hasher.finish() % BITS;
    (usize::try_from(at / 64).unwrap_or_default(), 1 << (at % 64))
}
