//! The main job as a pipeline.

use dataflow::parquet::PartitionValue;
use dataflow::prelude::*;
use std::path::{Path, PathBuf};

use super::activity::{Activity, Sample};
use super::clock;
use super::event::EnrichedEvent;
use super::options::Mode;
use super::raw_line::RawLine;
use super::reason::ReasonCounters;
use super::rows::{MetricRow, Rejected, ToMetricRow};
use super::users::Users;

/// The main job: raw lines become clean events, metrics per minute, and dead letters.
///
/// It works in event time: the same lines give the same lake, in whatever order and however fast they come.
#[derive(Clone, Debug)]
pub struct Lake {
    /// The folder of the lake.
    pub folder: PathBuf,
    /// What to do with what is there already.
    pub mode: Mode,
    /// For how long, in event time, an event is known when it comes again.
    pub dedup_ttl: Duration,
    /// What is known about users.
    pub users: Users,
}

impl PTransform<PCollection<RawLine>> for Lake {
    type Out = ();

    fn expand(self, lines: PCollection<RawLine>) {
        let pipeline = lines.pipeline().clone();

        // Nothing is lost: a line is a valid event, or a dead letter that names every violated rule.
        let (events, rejected) = lines.try_map_typed("Validate", RawLine::parse);
        let reasons = ReasonCounters::new(&pipeline, "Validate");
        rejected
            .map("Reject", move |letter| {
                reasons.count(&letter.error);
                Rejected::now(letter.element, letter.error)
            })
            .write("DeadLetters", TextSink::json(self.folder.join(DEAD_LETTERS)).mode(self.mode.into()));

        let events =
            events
                .with_timestamps("EventTime", |event| event.ts)
                .deduplicate("Deduplicate", self.dedup_ttl, |event| event.event_id.clone());

        let users = pipeline.create("Users", self.users.iter().collect::<Vec<_>>()).as_map_view("UserOfId");
        let events = events.map_with_side_input("Enrich", &users, |event, users| {
            EnrichedEvent::new(event.clone(), users.get(&event.user_id).copied(), clock::now())
        });
        events.write("Events", parquet(&self.folder.join(EVENTS), self.mode, |event: &EnrichedEvent| event.ts));

        events
            .map_ref("Sample", Sample::of)
            .window("Minutely", FixedWindows::of(Duration::minutes(1)))
            .key_by("Action", |sample| sample.action)
            .combine_per_key("Activity", Activity)
            .par_do("MetricRow", ToMetricRow)
            .write("Metrics", parquet(&self.folder.join(METRICS), self.mode, |row: &MetricRow| row.window_start));
    }
}

/// The folder of the valid events, in that of the lake.
pub const EVENTS: &str = "events";
/// The folder of the metrics, in that of the lake.
pub const METRICS: &str = "metrics";
/// The folder of the rejected lines, in that of the lake.
pub const DEAD_LETTERS: &str = "dead-letters";

/// For how long, in processing time, rows wait until they can be seen, though the input goes on and the file is small.
const ROLL_AGE: Duration = Duration::minutes(5);

/// Parquet files in a folder for each day.
fn parquet<T: ArrowRow>(folder: &Path, mode: Mode, time: fn(&T) -> Timestamp) -> ParquetSink<T> {
    let sink = ParquetSink::to(folder).mode(mode.into()).roll_age(ROLL_AGE);
    sink.partition_by("date", move |row| PartitionValue::date(time(row)))
}
