//! Triggers of processing time by the real clock, where nothing else happens.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Boundedness, BoxError, DoFn, Element, Output, Pipeline, Poll, Result, Source, SourceReader};
use dataflow_exec::transforms::*;
use dataflow_tests::Way;
use dataflow_windows::{AfterProcessingTime, AfterWatermark, Duration, FixedWindows, Timestamp, Timing, Windowing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// An element, and then nothing until somebody has seen what became of it.
struct OneAndWait(Arc<AtomicBool>);

struct Reader {
    seen: Arc<AtomicBool>,
    read: bool,
    begun: Instant,
}

impl Source for OneAndWait {
    type Element = u64;
    type Split = bool;
    type Reader = Reader;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn splits(&self, _: usize) -> Result<Vec<bool>> {
        Ok(vec![false])
    }

    fn open(&self, read: bool) -> Result<Reader> {
        Ok(Reader { seen: self.0.clone(), read, begun: Instant::now() })
    }
}

impl SourceReader for Reader {
    type Element = u64;
    type Split = bool;

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        if !std::mem::replace(&mut self.read, true) {
            batch.push(7, Timestamp::from_seconds(1));
        }
        // The bound is there so that a mistake ends the test, not to measure anything.
        let over = self.seen.load(Ordering::SeqCst) || self.begun.elapsed().as_secs() > 30;
        Ok(if over { Poll::End } else { Poll::Pending })
    }

    fn watermark(&self) -> Timestamp {
        Timestamp::from_seconds(1)
    }

    fn checkpoint(&mut self) -> Result<bool> {
        Ok(self.read)
    }
}

/// Says that something has come.
#[derive(Clone)]
struct Tell(Arc<AtomicBool>);

impl DoFn for Tell {
    type In = (u64, u64);
    type Out = Timing;

    fn process(&mut self, e: Element<(u64, u64)>, out: &mut Output<'_, Timing>) -> Result<(), BoxError> {
        self.0.store(true, Ordering::SeqCst);
        out.emit(e.pane.timing);
        Ok(())
    }
}

#[test]
fn an_early_pane_comes_by_the_clock_while_the_source_has_nothing() {
    for threads in [1, 2, 3] {
        let seen = Arc::new(AtomicBool::new(false));
        let p = Pipeline::new("test");
        let early = AfterWatermark::past_end_of_window().early(AfterProcessingTime::delay(Duration::millis(30)));
        let windowed = p
            .read("Read", OneAndWait(seen.clone()))
            .window("Hourly", FixedWindows::of(Duration::hours(1)).triggering(early).accumulating());
        let out = windowed.key_by("Key", |n| *n).count("Count").par_do("Tell", Tell(seen)).collect("Out");
        Way::on(threads).run(&p).unwrap();
        assert_eq!(out.values(), [Timing::Early, Timing::OnTime], "on {threads} threads");
    }
}
