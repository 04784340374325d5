//! How much goes on: count, revenue and distinct users.

use dataflow::prelude::*;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::event::{Action, EnrichedEvent};

/// What of an event counts for its activity: little, as it is sent to the thread that has the action.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// See [`EnrichedEvent::action`].
    pub action: Action,
    user_id: u64,
    /// In millionths.
    amount: i64,
}

impl Sample {
    /// The sample of an event.
    #[inline]
    pub fn of(event: &EnrichedEvent) -> Sample {
        Sample { action: event.action, user_id: event.user_id, amount: event.amount_millionths() }
    }
}

/// Combines events to their number, their revenue and the number of their users.
#[derive(Clone, Copy, Debug)]
pub struct Activity;

/// What is known of the events so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ActivitySoFar {
    count: u64,
    revenue: i128,
    users: HashSet<u64, foldhash::fast::RandomState>,
}

/// The activity of some events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Number of events.
    pub count: u64,
    /// Sum of the amounts, in millionths.
    pub revenue: i128,
    /// Number of distinct users.
    pub distinct_users: u64,
}

impl CombineFn for Activity {
    type In = Sample;
    type Acc = ActivitySoFar;
    type Out = Totals;

    fn create(&self) -> ActivitySoFar {
        ActivitySoFar::default()
    }

    #[inline]
    fn add(&self, acc: &mut ActivitySoFar, sample: &Sample) {
        acc.count += 1;
        acc.revenue += i128::from(sample.amount);
        acc.users.insert(sample.user_id);
    }

    fn merge(&self, acc: &mut ActivitySoFar, other: ActivitySoFar) {
        acc.count += other.count;
        acc.revenue += other.revenue;
        acc.users.extend(other.users);
    }

    fn extract(&self, acc: ActivitySoFar) -> Totals {
        Totals { count: acc.count, revenue: acc.revenue, distinct_users: acc.users.len() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::event::{Action, Event};

    fn sample(user_id: u64, amount: f64) -> Sample {
        let ts = Timestamp::from_seconds(0);
        let (event_id, action) = ("e".into(), Action::View);
        let event = Event { event_id, ts, user_id, action, amount: Some(amount), session_id: None };
        Sample::of(&EnrichedEvent::new(event, None, ts))
    }

    #[test]
    fn sums_are_exact_and_users_counted_once() {
        let (mut all, mut other) = (Activity.create(), Activity.create());
        for (user_id, amount) in [(1, 0.1), (2, 0.2), (1, 1e9)] {
            Activity.add(&mut all, &sample(user_id, amount));
        }
        Activity.add(&mut other, &sample(2, 0.000_001));
        Activity.merge(&mut all, other);
        let expected = Totals { count: 4, revenue: 1_000_000_000_300_001, distinct_users: 2 };
        assert_eq!(Activity.extract(all), expected);
    }
}
