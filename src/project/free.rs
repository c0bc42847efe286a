//! Numbers that nobody has yet, and where to begin to look for one.

use std::collections::BTreeMap;

use crate::image::Digest;

/// A range of numbers of which some are taken. Each question costs little, however many those are.
pub(super) struct Free {
    first: u128,
    last: u128,
    /// Of a number that is taken, where to look next: every one in between is taken too.
    next: BTreeMap<u128, u128>,
}

impl Free {
    /// All from the first to the last.
    pub(super) fn new(first: u128, last: u128) -> Self {
        Free { first, last, next: BTreeMap::new() }
    }

    /// Takes a number away. Says whether it was there to be taken.
    pub(super) fn remove(&mut self, number: u128) -> bool {
        let free = (self.first..=self.last).contains(&number) && !self.next.contains_key(&number);
        if free {
            self.next.insert(number, number.saturating_add(1));
        }
        free
    }

    /// Takes the first that is free from a number on, beginning again at the first of all; none if all are taken.
    pub(super) fn take(&mut self, from: u128) -> Option<u128> {
        let from = from.clamp(self.first, self.last);
        let found = self.find(from).filter(|found| *found <= self.last);
        let found = found.or_else(|| self.find(self.first).filter(|found| *found < from))?;
        self.remove(found).then_some(found)
    }

    /// The first that is not taken, from a number on. The numbers passed on the way lead there from now on.
    fn find(&mut self, from: u128) -> Option<u128> {
        let mut at = from;
        let mut passed = Vec::new();
        while let Some(next) = self.next.get(&at) {
            // Behind the last of all numbers there is none.
            if *next == at {
                return None;
            }
            passed.push(at);
            at = *next;
        }
        for number in passed {
            self.next.insert(number, at);
        }
        (self.first..=self.last).contains(&at).then_some(at)
    }
}

/// A number that depends on nothing but these texts.
pub(super) fn hash(texts: &[&str]) -> u64 {
    u64::from_str_radix(hex(texts).get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

/// The same as hexadecimal digits.
pub(super) fn hex(texts: &[&str]) -> String {
    Digest::sha256(texts.join("\0").as_bytes()).hex().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_taken_once() {
        let mut free = Free::new(10, 14);
        assert!(free.remove(12) && !free.remove(12) && !free.remove(9));
        let taken: Vec<_> = std::iter::from_fn(|| free.take(13)).collect();
        assert_eq!(taken, [13, 14, 10, 11]);
    }

    #[test]
    fn the_end_of_all_numbers_is_no_trap() {
        let mut free = Free::new(u128::MAX - 1, u128::MAX);
        assert_eq!(free.take(u128::MAX), Some(u128::MAX));
        assert_eq!(free.take(u128::MAX), Some(u128::MAX - 1));
        assert_eq!(free.take(0), None);
    }

    #[test]
    fn a_full_range_is_no_longer_to_ask_than_an_empty_one() {
        let mut free = Free::new(0, 1_000_000);
        let mut count = 0;
        while free.take(500_000).is_some() {
            count += 1;
        }
        assert_eq!(count, 1_000_001);
    }
}
