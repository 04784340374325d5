//! From what is given as input to raw lines.

use dataflow::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

use super::dead_letter::DeadLetter;
use super::event_time;
use super::options::{Input, RunOptions};
use super::raw_line::RawLine;
use super::source::SimulatedSource;
use dataflow::text::{Line, OnTruncated};
use dataflow_windows::watermark::WatermarkEstimator;

/// Reads the raw lines that the options name.
///
/// Lines of files that are blank are no events and are passed over. What is left of a truncated compressed file is
/// read; its last line is rejected. Lines of files have no time, for the pipeline to find, unless they are to
/// [tell](RunOptions::line_order) it.
#[derive(Clone, Debug)]
pub struct ReadLines<'a>(pub &'a RunOptions);

impl PTransform<Pipeline> for ReadLines<'_> {
    type Out = PCollection<RawLine>;

    fn expand(self, pipeline: Pipeline) -> PCollection<RawLine> {
        match (&self.0.reprocess, &self.0.input) {
            (Some(pattern), _) => {
                self.files(&pipeline, pattern, |line| event_time(&unwrap(line))).map("Unwrap", unwrap)
            }
            (None, Input::Simulation(simulation)) => pipeline.read("Simulate", SimulatedSource::new(*simulation)),
            (None, Input::Files(pattern)) => self.files(&pipeline, pattern, |line| event_time(&line)),
        }
    }
}

impl ReadLines<'_> {
    /// The lines of files that are not blank. Where lines are to tell event time, `time` is what validation will find.
    fn files(
        &self,
        pipeline: &Pipeline,
        pattern: &str,
        time: impl Fn(RawLine) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> PCollection<RawLine> {
        let max_line = usize::try_from(self.0.max_line.0).unwrap_or(usize::MAX);
        let source = TextSource::new(pattern).max_line(max_line).on_truncated(OnTruncated::EndFile);
        let lines = match self.0.line_order() {
            None => pipeline.read("Files", source),
            Some(bound) => {
                let estimator = WatermarkEstimator::bounded_out_of_orderness(bound);
                pipeline.read("Files", source.with_timestamps(move |line| time(line.clone().into()), estimator))
            }
        };
        lines.map("Line", RawLine::from).filter("NotBlank", |line| !line.is_blank())
    }
}

fn event_time(line: &RawLine) -> Option<Timestamp> {
    line.cut().is_none().then(|| event_time::find(line.as_bytes())).flatten()
}

/// What tells a dead letter from an event.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    raw: Option<Cow<'a, str>>,
    raw_hex: Option<String>,
    event_id: Option<IgnoredAny>,
}

/// The event in a dead letter; any other line is taken for an event.
fn unwrap(line: RawLine) -> RawLine {
    let RawLine::Read(outer) = &line else { return line };
    match inner(outer.as_bytes()) {
        Some(inner) => Line::new(inner, &outer.position.file, outer.position.offset).into(),
        None => line,
    }
}

fn inner(line: &[u8]) -> Option<Vec<u8>> {
    let Shape { raw, raw_hex, event_id: None } = serde_json::from_slice(line).ok()? else { return None };
    let (reasons, message, position, rejected_at) = Default::default();
    let letter = DeadLetter { raw, raw_hex, reasons, message, position, rejected_at };
    letter.line().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(text: &str) -> Vec<u8> {
        unwrap(Line::new(text.to_owned(), "f", 3).into()).as_bytes().to_vec()
    }

    #[test]
    fn dead_letters_are_unwrapped_and_events_are_not() {
        assert_eq!(unwrapped(r#"{"raw":"{\"a\":1}","reasons":["ts_null"]}"#), br#"{"a":1}"#);
        assert_eq!(unwrapped(r#"{"raw_hex":"7bff","position":"x"}"#), b"\x7b\xff");
        for event in [r#"{"event_id":"e","raw":"x"}"#, "{", r#"{"raw_hex":"7"}"#, r#"{"raw":null}"#, "[1]"] {
            assert_eq!(unwrapped(event), event.as_bytes());
        }
    }
}
