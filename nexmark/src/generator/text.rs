//! Strings. They are what making events costs, so most of them are cut out of one long random text.

use super::random::Random;

/// The length of the texts that strings are cut from. They stay in the processor's cache.
const TEXT: usize = 1 << 14;

/// No random string is shorter.
const SHORTEST: usize = 3;

/// Random letters.
#[derive(Debug)]
pub(super) struct Texts {
    letters: String,
    /// With a blank now and then.
    words: String,
}

impl Texts {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, u64::MAX);
        let mut letter = || (b'a' + random.below(26) as u8) as char;
        let letters = (0..TEXT).map(|_| letter()).collect();
        let mut words: String = (0..TEXT).map(|_| letter()).collect();
        let mut random = Random::new(seed, u64::MAX - 1);
        words = words.chars().map(|c| if random.below(13) == 0 { ' ' } else { c }).collect();
        Texts { letters, words }
    }

    /// Exactly `len` letters; as many as there are, if that is too much.
    #[inline]
    pub(super) fn letters(&self, random: &mut Random, len: usize) -> &str {
        let len = len.min(TEXT);
        let from = random.index(TEXT - len + 1);
        &self.letters[from..from + len]
    }

    /// Three letters or more, but less than `limit`.
    pub(super) fn word(&self, random: &mut Random, limit: usize) -> &str {
        let len = SHORTEST + random.index(limit - SHORTEST);
        self.letters(random, len)
    }

    /// Words of less than `limit` letters in all.
    pub(super) fn words(&self, random: &mut Random, limit: usize) -> String {
        let len = SHORTEST + random.index(limit - SHORTEST);
        let from = random.index(TEXT - len + 1);
        self.words[from..from + len].trim().to_owned()
    }

    /// So much that an event of `size` bytes gets `average` bytes on average, give or take a fifth of what is missing.
    #[inline]
    pub(super) fn extra(&self, random: &mut Random, size: usize, average: usize) -> String {
        let missing = average.saturating_sub(size);
        let spread = (missing + 2) / 5;
        let len = missing - spread + random.index(2 * spread.max(1));
        self.letters(random, if missing == 0 { 0 } else { len }).to_owned()
    }
}
