//! When results arrive.

use super::{Durations, Times};
use crate::query::Row;
use dataflow::core::plane::Batch;
use dataflow::core::{Sink, SinkContext, SinkWriter};
use dataflow::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Span;

/// What is due before this is not counted: the program warms up.
const WARM_UP: Span = Span::from_millis(500);

/// A sink that notes how late results are.
#[derive(Clone, Debug)]
pub struct Arrivals {
    times: Times,
    late: Arc<Mutex<Vec<Span>>>,
}

impl Arrivals {
    /// Results of events that are due at these times.
    pub fn new(times: Times) -> Self {
        Arrivals { times, late: Arc::default() }
    }

    /// How late the results were that have come to writers that are closed: of those of the same window that came
    /// together, one.
    pub fn latencies(&self) -> Durations {
        Durations::new(self.late.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Notes how late the results are that come to a thread.
pub struct ArrivalsWriter {
    sink: Arrivals,
    late: Vec<Span>,
}

impl<R: Row> Sink<R> for Arrivals {
    type Writer = ArrivalsWriter;

    fn open(&self, _: SinkContext) -> Result<ArrivalsWriter> {
        Ok(ArrivalsWriter { sink: self.clone(), late: Vec::new() })
    }
}

impl<R: Row> SinkWriter<R> for ArrivalsWriter {
    const READS_ONLY: bool = true;

    fn write(&mut self, batch: &mut Batch<R>) -> Result<()> {
        let now = self.sink.times.elapsed();
        let mut last = None;
        for i in 0..batch.len() {
            let window = batch.window(i);
            let is_global = window == Window::GLOBAL;
            let time = if is_global { batch.times.get(i) } else { window.end() };
            if last.replace(time) == Some(time) {
                continue;
            }
            let times = &self.sink.times;
            let due = if is_global { Some(times.at(time)) } else { times.past(time) };
            if let Some(due) = due.filter(|due| *due >= WARM_UP) {
                self.late.push(now.saturating_sub(due));
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>> {
        Err(Error::internal("arrivals are not kept over a restart"))
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Err(Error::internal("arrivals are not kept over a restart"))
    }

    fn close(&mut self) -> Result<()> {
        self.sink.late.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.late);
        Ok(())
    }
}
