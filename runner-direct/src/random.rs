//! Random choices for tests, all from one seed.

/// A stream of random numbers.
///
/// Source: S. Vigna, "splitmix64.c" (public domain): a counter, mixed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of `seed` for some `purpose` and number, unlike that of any other.
    pub(crate) fn new(seed: u64, purpose: u64, number: u64) -> Self {
        let mut random = Random(seed);
        for part in [purpose, number] {
            random.0 = random.next() ^ part;
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which must not be 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Whether something happens that does once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Puts `items` in a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// What streams of random numbers are for.
pub(crate) mod purpose {
    /// What a thread does next; by the number of the thread and of restarts.
    pub(crate) const THREAD: u64 = 1;
    /// Which thread has the elements of an event; by the number of the event.
    pub(crate) const EVENT: u64 = 2;
    /// When the next restart is; by the number of restarts.
    pub(crate) const RESTART: u64 = 3;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices_again_and_each_purpose_its_own() {
        let numbers = |mut r: Random| (0..100).map(|_| r.below(1_000)).collect::<Vec<_>>();
        assert_eq!(numbers(Random::new(7, 1, 2)), numbers(Random::new(7, 1, 2)));
        assert_ne!(numbers(Random::new(7, 1, 2)), numbers(Random::new(7, 1, 3)));
        assert_ne!(numbers(Random::new(7, 1, 2)), numbers(Random::new(7, 2, 1)));
        assert_ne!(numbers(Random::new(7, 1, 2)), numbers(Random::new(8, 1, 2)));
    }

    #[test]
    fn a_shuffle_keeps_all_items() {
        let mut items: Vec<u32> = (0..50).collect();
        Random::new(1, 1, 1).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
