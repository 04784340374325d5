//! When events happen.

use super::config::{Config, Shape};
use dataflow::prelude::{Duration, Timestamp};

/// In how many steps a sine is cut.
const SINE_STEPS: u64 = 10;

/// The times of events, by their numbers: event time goes on by a delay from event to event, which changes from step to
/// step of the rate's period.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    base: i64,
    /// The delay, in nanoseconds, if it is always the same.
    delay: u64,
    /// The steps of a period, if it is not.
    steps: Vec<Step>,
    /// How many events a period has, and how many nanoseconds.
    period: (u64, u64),
}

/// A time with the same rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    delay: u64,
    events: u64,
}

impl Clock {
    pub(super) fn new(config: &Config) -> Self {
        let (first, next) = (config.first_rate.max(1), config.next_rate.max(1));
        let delay = |rate: u64| ((1_000_000_000 + rate / 2) / rate).max(1);
        let rates = match config.shape {
            _ if first == next => vec![],
            Shape::Square => vec![first, next],
            Shape::Sine => {
                let (middle, swing) = ((first + next) as f64 / 2.0, (first as f64 - next as f64) / 2.0);
                let rate = |i| middle + swing * (std::f64::consts::TAU * i as f64 / SINE_STEPS as f64).cos();
                (0..SINE_STEPS).map(|i| (rate(i).round() as u64).max(1)).collect()
            }
        };
        let length = config.rate_period.max(Duration::micros(1)).as_micros() as u64 * 1_000;
        let step = |rate: u64| Step { delay: delay(rate), events: (length / rates.len() as u64 / delay(rate)).max(1) };
        let steps: Vec<Step> = rates.iter().map(|rate| step(*rate)).collect();
        let period = steps.iter().fold((0, 0), |(events, ns), s| (events + s.events, ns + s.events * s.delay));
        Clock { base: config.base_time.as_micros(), delay: delay(first), steps, period }
    }

    /// The time of event `number`.
    #[inline]
    pub(super) fn time(&self, number: u64) -> Timestamp {
        let ns = match self.steps.is_empty() {
            true => number * self.delay,
            false => self.in_period(number),
        };
        Timestamp::from_micros(self.base + (ns / 1_000) as i64)
    }

    fn in_period(&self, number: u64) -> u64 {
        let (events, length) = self.period;
        let (mut ns, mut left) = (number / events * length, number % events);
        for step in &self.steps {
            let events = left.min(step.events);
            ns += events * step.delay;
            left -= events;
        }
        ns
    }
}
