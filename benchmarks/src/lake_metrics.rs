//! Count, revenue and distinct users for each minute and action.

use anyhow::Result;
use dataflow_windows::Timestamp;
use examples::lake::event::{Action, EnrichedEvent};
use hashbrown::HashSet;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000;

/// A row of `metrics/`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricRow {
    /// Start of the minute.
    pub minute: Timestamp,
    /// The action counted.
    pub action: Action,
    /// Number of events.
    pub count: u64,
    /// Sum of the amounts, in millionths.
    pub revenue: i128,
    /// Number of distinct users.
    pub users: u64,
}

/// The minutes that are not over yet.
#[derive(Default)]
pub struct Metrics {
    /// By minutes since 1970; about two are open at any time.
    open: BTreeMap<i64, [Cell; 3]>,
}

#[derive(Default)]
struct Cell {
    count: u64,
    revenue: i128,
    users: HashSet<u64, foldhash::fast::RandomState>,
}

impl Metrics {
    /// Counts an event.
    #[inline]
    pub fn add(&mut self, event: &EnrichedEvent) {
        let minute = event.ts.as_micros().div_euclid(MINUTE);
        let cell = &mut self.open.entry(minute).or_default()[event.action as usize];
        cell.count += 1;
        // Rounded to whole millionths before summing, so that the sum does not depend on the order.
        cell.revenue += i128::from(event.amount_millionths());
        cell.users.insert(event.user_id);
    }

    /// Gives `write` the rows of the minutes that end at `watermark` or before, and forgets them.
    ///
    /// # Errors
    ///
    /// The first one of `write`.
    pub fn close(&mut self, watermark: Timestamp, mut write: impl FnMut(&MetricRow) -> Result<()>) -> Result<()> {
        while let Some(entry) = self.open.first_entry()
            && (entry.key() + 1).saturating_mul(MINUTE) <= watermark.as_micros()
        {
            let (minute, cells) = entry.remove_entry();
            for (action, cell) in Action::ALL.into_iter().zip(cells) {
                if cell.count > 0 {
                    let (minute, users) = (Timestamp::from_micros(minute * MINUTE), cell.users.len() as u64);
                    write(&MetricRow { minute, action, count: cell.count, revenue: cell.revenue, users })?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ts: i64, user_id: u64, action: Action, amount: f64) -> EnrichedEvent {
        EnrichedEvent {
            event_id: "e".into(),
            ts: Timestamp::from_micros(ts),
            user_id,
            action,
            amount,
            country: None,
            tier: None,
            session_id: None,
            ingested_at: Timestamp::MIN,
        }
    }

    #[test]
    fn minutes_are_written_once_when_they_are_over() {
        let mut metrics = Metrics::default();
        metrics.add(&event(MINUTE, 1, Action::Purchase, 0.1));
        metrics.add(&event(0, 1, Action::Purchase, 0.1));
        metrics.add(&event(1, 2, Action::Purchase, 0.2));
        metrics.add(&event(2, 2, Action::Click, 0.0));
        let mut rows = Vec::new();
        let mut close = |metrics: &mut Metrics, watermark| {
            metrics.close(watermark, |row| {
                rows.push(*row);
                Ok(())
            })
        };
        close(&mut metrics, Timestamp::from_micros(MINUTE - 1)).unwrap();
        close(&mut metrics, Timestamp::from_micros(MINUTE)).unwrap();
        close(&mut metrics, Timestamp::MAX).unwrap();
        let row = |minute, action, count, revenue, users| MetricRow { minute, action, count, revenue, users };
        let minute = Timestamp::from_micros;
        assert_eq!(
            rows,
            [
                row(minute(0), Action::Click, 1, 0, 1),
                row(minute(0), Action::Purchase, 2, 300_000, 2),
                row(minute(MINUTE), Action::Purchase, 1, 100_000, 1),
            ]
        );
    }
}
