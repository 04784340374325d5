//! Visits of users to a site, from their clicks: session windows, early results, late data.
//!
//! A visit ends when its user has not clicked for a while. [`sessions`] gives each visit several times: while it goes
//! on, when it is over, and again if clicks come late. The latest result of a visit is the one to keep.

use dataflow::combiners::Count;
use dataflow::prelude::*;
use dataflow::windows::{AfterCount, AfterProcessingTime, AfterWatermark, Sessions, WindowingStrategy};

use serde::{Deserialize, Serialize};

/// How often a visit that goes on is told, in processing time.
pub const REFRESH: Duration = Duration::seconds(10);

/// The visits, which end after a `gap` without clicks, and the clicks that came later than `lateness` after the end.
pub fn sessions(
    clicks: &PCollection<Click>,
    gap: Duration,
    lateness: Duration,
) -> (PCollection<Session>, PCollection<Click>) {
    let windowing = WindowingStrategy::of(Sessions::with_gap(gap))
        .triggering(
            AfterWatermark::past_end_of_window()
                .early(AfterProcessingTime::delay(REFRESH))
                .late(AfterCount::at_least(1)),
        )
        .allowed_lateness(lateness)
        .accumulating(); // each result has all clicks of the visit, and takes the place of the one before
    let (counts, too_late) = clicks
        .window("Visits", windowing)
        .key_by("User", |click| click.user.clone())
        .late_data()
        .combine_per_key("Clicks", Count::new());
    (counts.par_do("Session", ToSession { gap }), too_late)
}

/// A click.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Click {
    /// Who.
    pub user: String,
    /// Where.
    pub page: String,
    /// When.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// A visit, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub user: String,
    /// The first click.
    #[serde(with = "crate::time")]
    pub start: Timestamp,
    /// How long it was from the first click to the last one, in seconds.
    pub seconds: i64,
    /// How many clicks it has.
    pub clicks: u64,
    /// How far it is.
    pub state: State,
}

/// How far a visit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Open,
    /// It is over.
    Closed,
    /// It was over, but clicks came late. It may have become one with others: it takes the place of all visits of the
    /// user that begin within it.
    Corrected,
}

/// Makes visits of the counts of windows: what a window is and which result it is, only a DoFn sees.
#[derive(Clone, Debug)]
struct ToSession {
    gap: Duration,
}

impl DoFn for ToSession {
    type In = (String, u64);
    type Out = Session;

    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, Session>) -> Result<(), BoxError> {
        let window = element.window();
        let state = match element.pane.timing {
            Timing::Early => State::Open,
            Timing::OnTime | Timing::Unknown => State::Closed,
            Timing::Late => State::Corrected,
        };
        let (user, clicks) = element.value;
        let last_click = window.end() - self.gap;
        let seconds = (last_click - window.start()).as_micros() / Duration::seconds(1).as_micros();
        out.emit(Session { user, start: window.start(), seconds, clicks, state });
        Ok(())
    }
}
