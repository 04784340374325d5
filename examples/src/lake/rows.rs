//! What lands beside the events: metrics, and rejected lines.

use dataflow::prelude::*;
use serde::{Serialize, Serializer};

use super::activity::Totals;
use super::clock;
use super::dead_letter::DeadLetter;
use super::event::Action;
use super::raw_line::RawLine;
use super::reason::Rejection;

/// A row of `metrics/`: what went on in a minute.
#[derive(Clone, Debug, PartialEq, ArrowRow)]
pub struct MetricRow {
    /// Start of the minute.
    pub window_start: Timestamp,
    /// The action counted.
    pub action: Action,
    /// Number of events.
    pub count: u64,
    /// Sum of their amounts, in millionths.
    #[arrow(decimal(38, 6))]
    pub revenue: i128,
    /// Number of distinct users.
    pub distinct_users: u64,
}

/// Makes [`MetricRow`]s of the totals of windows.
#[derive(Clone, Copy, Debug)]
pub struct ToMetricRow;

impl DoFn for ToMetricRow {
    type In = (Action, Totals);
    type Out = MetricRow;

    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, MetricRow>) -> Result<(), BoxError> {
        let window_start = element.window().start();
        let (action, Totals { count, revenue, distinct_users }) = element.value;
        out.emit(MetricRow { window_start, action, count, revenue, distinct_users });
        Ok(())
    }
}

/// A rejected line on its way to the dead letters. Serialised, it is a [`DeadLetter`].
#[derive(Clone, Debug)]
pub struct Rejected {
    line: RawLine,
    rejection: Rejection,
    rejected_at: Timestamp,
}

impl Rejected {
    /// A line that was rejected right now.
    pub fn now(line: RawLine, rejection: Rejection) -> Self {
        Rejected { line, rejection, rejected_at: clock::now() }
    }
}

impl Serialize for Rejected {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let position = self.line.position().to_string();
        let mut letter = DeadLetter::new(self.line.as_bytes(), self.rejection, &position, self.rejected_at);
        if let Some(cut) = self.line.cut() {
            letter.message = cut.to_string().into();
        }
        letter.serialize(serializer)
    }
}
