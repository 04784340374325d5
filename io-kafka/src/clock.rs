//! The event time of a partition: timestamps of records, and the watermark that follows from them.

use crate::KafkaRecord;
use dataflow_core::Counter;
use dataflow_core::plane::Bounds;
use dataflow_core::windows::watermark::WatermarkEstimator;
use dataflow_core::windows::{Duration, Timestamp};
use std::sync::Arc;

/// Gives timestamps to a batch of records. One call per batch: what is behind it is compiled for the closure in it.
pub(crate) type Stamp = Arc<dyn Fn(&[KafkaRecord], &mut Clock, &mut Vec<Timestamp>) -> Bounds + Send + Sync>;

/// Makes a [`Stamp`] of a function that finds the time in a record; where it finds none the record's own is taken.
pub(crate) fn stamp(time: impl Fn(&KafkaRecord) -> Option<Timestamp> + Send + Sync + 'static) -> Stamp {
    Arc::new(move |records, clock, times| {
        let mut bounds = Bounds::EMPTY;
        times.extend(records.iter().map(|record| {
            let time = time(record).or(record.timestamp);
            let time = time.inspect(|time| clock.see(*time)).unwrap_or_else(|| clock.estimator.watermark());
            bounds.add(time);
            time
        }));
        bounds
    })
}

/// Judges the watermark of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) estimator: WatermarkEstimator,
    /// Timestamps that are further ahead of the clock on the wall do not move the watermark.
    pub(crate) max_future: Option<Duration>,
    /// Counts them.
    pub(crate) future: Counter,
    /// The latest timestamp that moves it.
    latest: Timestamp,
}

impl Clock {
    pub(crate) fn new(estimator: WatermarkEstimator) -> Self {
        Clock { estimator, max_future: None, future: Counter::default(), latest: Timestamp::MAX }
    }

    /// Says what time it is, before a batch.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.latest = self.max_future.map_or(Timestamp::MAX, |future| now + future);
    }

    #[inline]
    fn see(&mut self, time: Timestamp) {
        if time <= self.latest {
            self.estimator.observe(time);
        } else {
            self.future.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_too_far_ahead_does_not_move_the_watermark() {
        let at = Timestamp::from_seconds;
        let mut clock = Clock::new(WatermarkEstimator::monotone());
        clock.max_future = Some(Duration::minutes(1));
        clock.tick(at(1_000));
        clock.see(at(990));
        clock.see(at(1_060));
        assert_eq!((clock.estimator.watermark(), clock.future.get()), (at(1_060), 0));
        clock.see(at(1_061));
        clock.see(at(400_000_000));
        assert_eq!((clock.estimator.watermark(), clock.future.get()), (at(1_060), 2));
    }
}
