//! Revenue per region and minute, which is corrected when sales come late.
//!
//! A minute has a first result when it is over, and another one for each late sale, with all sales so far. The reader
//! tells them apart by what the engine says of a result: its [`PaneInfo`]. Sales that come later than that are not in
//! any result, but they are not lost either: they are an output of their own.

use dataflow::combiners::Sum;
use dataflow::prelude::*;
use dataflow::windows::{AfterCount, AfterWatermark, WindowingStrategy};

use serde::{Deserialize, Serialize};

/// The revenue of each region and minute, with its corrections, and the sales that came later than `lateness` after the
/// end of their minute.
pub fn revenue(sales: &PCollection<Sale>, lateness: Duration) -> (PCollection<Revenue>, PCollection<Sale>) {
    let minutely = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)))
        .triggering(AfterWatermark::past_end_of_window().late(AfterCount::at_least(1)))
        .allowed_lateness(lateness)
        .accumulating(); // a correction is a whole result: discarding, it would be the late sales alone
    let (revenue, too_late) = sales
        .window("Minutely", minutely)
        .key_by("Region", |sale| sale.region.clone())
        .late_data()
        .combine_per_key("Revenue", Sum::of(|sale: &Sale| sale.cents));
    (revenue.par_do("Row", ToRow), too_late)
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sale {
    /// Where.
    pub region: String,
    /// For how much.
    pub cents: u64,
    /// When.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// The revenue of a region in a minute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revenue {
    /// Start of the minute.
    #[serde(with = "crate::time")]
    pub minute: Timestamp,
    /// The region.
    pub region: String,
    /// The results of a region and minute are numbered from 0: keep the one with the highest number.
    pub version: u32,
    /// Whether it corrects others.
    pub kind: Kind,
    /// The sum of all sales that are known.
    pub cents: u64,
}

/// Whether a result corrects others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The result at the end of the minute.
    OnTime,
    /// The first result, but late: all sales of the region in that minute came after its end.
    FirstButLate,
    /// It takes the place of the one before.
    Correction,
}

/// Adds the minute and what kind of result it is.
#[derive(Clone, Debug)]
struct ToRow;

impl DoFn for ToRow {
    type In = (String, u64);
    type Out = Revenue;

    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, Revenue>) -> Result<(), BoxError> {
        let (minute, pane) = (element.window().start(), element.pane);
        let kind = match pane.timing {
            Timing::Late if pane.is_first => Kind::FirstButLate,
            Timing::Late => Kind::Correction,
            Timing::Early | Timing::OnTime | Timing::Unknown => Kind::OnTime,
        };
        let (region, cents) = element.value;
        out.emit(Revenue { minute, region, version: pane.index, kind, cents });
        Ok(())
    }
}
