//! Numbers that look random, each a function of the seed and the number of an event.

/// The random numbers of one event.
pub(super) struct Random(u64);

impl Random {
    /// Those of event `id`.
    #[inline]
    pub(super) fn new(seed: u64, id: u64) -> Self {
        Random(mix(seed ^ id.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    /// Any number. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64).
    #[inline]
    pub(super) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `n`, which must be below 2^32.
    #[inline]
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((self.any() >> 32) * n) >> 32
    }

    /// An index of something that has `n` places.
    #[inline]
    pub(super) fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }
}

#[inline]
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
