//! Prices: 10^x units of money with x even between 0 and 6, in cents.

use super::random::Random;

const STEPS: usize = 1 << 10;

/// The powers that prices are products of: x in steps of 6 / 2^10, and in 2^10 steps between those.
#[derive(Debug)]
pub(super) struct Prices {
    coarse: Vec<f64>,
    fine: Vec<f64>,
}

impl Prices {
    pub(super) fn new() -> Self {
        let powers = |step: f64, factor: f64| (0..STEPS).map(|i| factor * 10f64.powf(i as f64 * step)).collect();
        let step = 6.0 / STEPS as f64;
        Prices { coarse: powers(step, 100.0), fine: powers(step / STEPS as f64, 1.0) }
    }

    /// A price.
    #[inline]
    pub(super) fn any(&self, random: &mut Random) -> u64 {
        let any = random.any() as usize;
        (self.coarse[any % STEPS] * self.fine[any / STEPS % STEPS] + 0.5) as u64
    }
}
