//! Processing time in place of event time.

use super::Types;
use dataflow_core::plane::{Advance, Batch, Bounds, Column, Emitter, Operator, StateReader, StateWriter, Windows};
use dataflow_core::{Data, PCollection, Result, StepSpec};
use dataflow_windows::{Timestamp, Window, WindowingStrategy};
use std::marker::PhantomData;

/// `with_processing_time`: the time at which elements come.
pub trait ProcessingTime<T: Data> {
    /// Gives each element the time at which it comes to this step, and puts it into the global window; `window` may
    /// follow. The watermark is processing time, too, until the input ends: windows close by the clock, and nothing is
    /// late.
    ///
    /// Results hang on when the pipeline runs: another run over the same input has other ones.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::{Duration, FixedWindows};
    /// # let p = Pipeline::new("doc");
    /// # let clicks = p.create("Clicks", vec![1, 2, 3]);
    /// let now = clicks.with_processing_time("Now").window("Minutely", FixedWindows::of(Duration::minutes(1)));
    /// ```
    fn with_processing_time(&self, name: &str) -> PCollection<T>;
}

impl<T: Data> ProcessingTime<T> for PCollection<T> {
    fn with_processing_time(&self, name: &str) -> PCollection<T> {
        let spec = StepSpec { windowing: Some(WindowingStrategy::default()), ..StepSpec::new(name, "WithTimestamps") };
        self.apply_operator(spec, |_| Ok(ProcessingTimeOperator { now: Timestamp::MIN, element: PhantomData }))
    }
}

struct ProcessingTimeOperator<T> {
    now: Timestamp,
    element: Types<T>,
}

impl<T: Data> Operator for ProcessingTimeOperator<T> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        input.explode(); // an element of several windows is several
        input.times = Column::Uniform(self.now);
        input.bounds = Bounds { min: self.now, max: self.now };
        input.windows = Windows::Uniform(Window::GLOBAL);
        out.forward(input)
    }

    fn processing_time(&mut self, now: Timestamp, _: (Emitter<'_, T>,)) -> Result<bool> {
        let later = now > self.now; // a clock may be set back
        self.now = self.now.max(now);
        Ok(later)
    }

    fn watermark(&mut self, input: Timestamp, _: (Emitter<'_, T>,)) -> Result<Advance> {
        Ok(Advance::to(if input == Timestamp::MAX { input } else { self.now }))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        to.shard(&self.now)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        // Another machine's clock may be behind: no element may come behind what has been said.
        self.now = from.all_shards()?.into_iter().fold(self.now, Timestamp::max);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflow_core::plane::{Outbox, Ports, typed};

    #[test]
    fn time_never_goes_back_and_ends_with_the_input() {
        let mut operator = ProcessingTimeOperator::<i32> { now: Timestamp::MIN, element: PhantomData };
        let mut outbox = [Outbox::default()];
        let at = Timestamp::from_seconds;
        let mut moved = |operator: &mut ProcessingTimeOperator<i32>, now| {
            operator.processing_time(at(now), <(i32,)>::emitters(&mut outbox).unwrap()).unwrap()
        };
        assert_eq!([5, 3, 5, 6].map(|now| moved(&mut operator, now)), [true, false, false, true]);
        let mut outbox = [Outbox::default()];
        let mut batch = Batch::default();
        batch.push(1, at(1_000));
        operator.batch(&mut batch, <(i32,)>::emitters(&mut outbox).unwrap()).unwrap();
        let mut made = outbox[0].pop().unwrap();
        let made = typed::<i32>(&mut *made).unwrap();
        assert_eq!((made.times.get(0), made.window(0)), (at(6), Window::GLOBAL));
        let mut watermark =
            |input| operator.watermark(input, <(i32,)>::emitters(&mut outbox).unwrap()).unwrap().watermark;
        assert_eq!([at(100_000), Timestamp::MAX].map(&mut watermark), [at(6), Timestamp::MAX]);
    }
}
