//! When a run stops to go on from bytes.

use crate::random::{Random, purpose};

/// How often a run restarts: after so many batches that were read and events of test streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restarts {
    Never,
    /// So often on average if there is a seed, else exactly so often.
    About(u64),
    /// So often whether there is a seed or not.
    Exactly(u64),
}

impl Restarts {
    /// How many batches and events there are until the next restart, after so many `restarts`.
    pub(crate) fn budget(self, seed: Option<u64>, restarts: u64) -> u64 {
        match (self, seed) {
            (Restarts::Never, _) => u64::MAX,
            (Restarts::Exactly(n), _) | (Restarts::About(n), None) => n,
            (Restarts::About(n), Some(seed)) => {
                // 1 to 2n - 1, but soon all the same.
                let twice = usize::try_from(2 * n.min(1 << 20) - 1).unwrap_or(1);
                1 + Random::new(seed, purpose::RESTART, restarts).below(twice) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_restarts_random_unless_they_are_exact() {
        let budgets = |of: Restarts, seed| (0..200).map(|n| of.budget(seed, n)).collect::<Vec<_>>();
        let random = budgets(Restarts::About(5), Some(3));
        assert!(random.iter().all(|n| (1..=9).contains(n)) && (1..=9).all(|n| random.contains(&n)), "{random:?}");
        assert_eq!(budgets(Restarts::About(5), None), [5; 200]);
        assert_eq!(budgets(Restarts::Exactly(5), Some(3)), [5; 200]);
        assert_eq!(budgets(Restarts::Exactly(5), None), [5; 200]);
        assert_eq!(Restarts::Never.budget(Some(3), 0), u64::MAX);
    }
}
