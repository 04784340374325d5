//! A run that cannot go on says which step waits for what.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::{Advance, Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Pipeline, Result, StepSpec, TestStream};
use dataflow_exec::transforms::*;
use dataflow_tests::WAYS;
use dataflow_windows::{Duration, FixedWindows, Timestamp};

/// Never lets the watermark pass second 100.
struct Hold;

impl Operator for Hold {
    type In = (u64, i64);
    type Out = ((u64, i64),);
    fn batch(&mut self, input: &mut Batch<(u64, i64)>, (mut out,): (Emitter<'_, (u64, i64)>,)) -> Result<()> {
        out.forward(input)
    }
    fn watermark(&mut self, watermark: Timestamp, _: (Emitter<'_, (u64, i64)>,)) -> Result<Advance> {
        Ok(Advance::to(watermark.min(Timestamp::from_seconds(100))))
    }
    fn snapshot(&mut self, _: &mut StateWriter) -> Result<()> {
        Ok(())
    }
    fn restore(&mut self, _: StateReader<'_>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn of_two_stages_the_dump_says_which_has_all_its_input_and_which_waits_for_it() {
    for way in WAYS {
        let mut events = TestStream::new();
        (0..4).for_each(|key| _ = events.add((key, 1), Timestamp::from_seconds(1)));
        events.advance_watermark_to(Timestamp::from_seconds(5));
        let p = Pipeline::new("test");
        let held = p.test_stream("Events", &events).filter("All", |_| true);
        let held = held.apply_operator(StepSpec::new("Hold", "ParDo"), |_| Ok(Hold));
        let held = held.window("Hourly", FixedWindows::of(Duration::hours(1)));
        held.sum("Sum", |n| *n).map("After", |(_, n)| n).collect("Out");
        let error = way.run(&p).unwrap_err().to_string();
        assert!(error.contains("nothing can go on"), "{way:?}: {error}");
        let waits = |line: &str| error.lines().any(|l| l.trim() == line);
        let held = "1970-01-01T00:01:40Z";
        assert!(waits(&format!("Hold: has come to {held}, its inputs to the end of time")), "{way:?}: {error}");
        assert!(waits(&format!("Sum: has come to {held}, its inputs to {held}")), "{way:?}: {error}");
        assert!(!error.contains("Events:") && !error.contains("All:"), "{way:?}: these have ended: {error}");
    }
}
