//! Something that is read anew every now and then.

use super::Types;
use dataflow_core::StepSpec;
use dataflow_core::plane::{Advance, Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Boundedness, BoxError, Data, Error, PCollection, Pipeline, Poll, Result, Source, SourceReader};
use dataflow_windows::{
    AfterCount, Duration, GlobalWindows, PaneInfo, Repeatedly, Timestamp, Window, WindowingStrategy,
};
use std::marker::PhantomData;
use std::sync::Arc;

/// `refresh_every`: something that is read anew every now and then, mostly as a side input.
pub trait Refresh {
    /// Calls `read` at the start and then every `period` of processing time; what it returns is an element, with the
    /// time of the call, in the global window. As [`as_singleton_view`](super::AsView::as_singleton_view) it is a side
    /// input that always has what was read last.
    ///
    /// On a pipeline this goes on for ever; on a collection, whose elements are not looked at, until it ends.
    ///
    /// `read` runs on one of the threads that process elements, which wait for it. If it fails, the run fails; to go on
    /// with what was read before, let it return that. After a restart it is called when the period is over. In a test
    /// with a `TestStream`, beside which nothing may go on for ever, call it on a collection.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::Duration;
    /// # fn load_rates() -> Result<Vec<f64>, std::io::Error> { Ok(vec![1.5]) }
    /// # let p = Pipeline::new("doc");
    /// # let prices = p.create("Prices", vec![100.0]);
    /// let rates = p.refresh_every("LoadRates", Duration::minutes(5), |_| Ok(load_rates()?)).as_singleton_view("Rates");
    /// let converted = prices.map_with_side_input("Convert", &rates, |price, rates| price * rates[0]);
    /// ```
    fn refresh_every<T: Data>(
        &self,
        name: &str,
        period: Duration,
        read: impl Fn(Timestamp) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> PCollection<T>;
}

impl Refresh for Pipeline {
    fn refresh_every<T: Data>(
        &self,
        name: &str,
        period: Duration,
        read: impl Fn(Timestamp) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> PCollection<T> {
        self.read(&format!("{name}.forever"), Forever).refresh_every(name, period, read)
    }
}

impl<I: Data> Refresh for PCollection<I> {
    fn refresh_every<T: Data>(
        &self,
        name: &str,
        period: Duration,
        read: impl Fn(Timestamp) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> PCollection<T> {
        if period <= Duration::ZERO {
            self.report(name, format!("it cannot be read anew every {period}: give a period above 0"));
        }
        let each = WindowingStrategy::of(GlobalWindows).triggering(Repeatedly::forever(AfterCount::at_least(1)));
        let detail = format!("every {period}");
        let spec = StepSpec { windowing: Some(each), detail, ..StepSpec::new(name, "PeriodicImpulse") };
        let read = Arc::new(read);
        self.apply_operator(spec, move |context| {
            let at_work = context.shard == 0;
            Ok(RefreshOperator {
                read: read.clone(),
                period,
                at_work,
                ended: false,
                due: None,
                now: Timestamp::MIN,
                types: PhantomData,
            })
        })
    }
}

struct RefreshOperator<I, T, F> {
    read: Arc<F>,
    period: Duration,
    /// One shard reads, until the input ends.
    at_work: bool,
    ended: bool,
    due: Option<Timestamp>,
    now: Timestamp,
    types: Types<(I, T)>,
}

impl<I, T, F> Operator for RefreshOperator<I, T, F>
where
    I: Data,
    T: Data,
    F: Fn(Timestamp) -> Result<T, BoxError> + Send + Sync + 'static,
{
    type In = I;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<I>, _: (Emitter<'_, T>,)) -> Result<()> {
        input.clear();
        Ok(())
    }

    fn processing_time(&mut self, now: Timestamp, (mut out,): (Emitter<'_, T>,)) -> Result<bool> {
        let later = now > self.now;
        self.now = self.now.max(now);
        if self.at_work && self.due.is_none_or(|due| self.now >= due) {
            let value = (self.read)(self.now).map_err(Error::user)?;
            out.with(|o| o.push_in(value, self.now, Window::GLOBAL, PaneInfo::NO_FIRING))?;
            self.due = Some(self.now + self.period);
        }
        Ok(later)
    }

    fn watermark(&mut self, input: Timestamp, _: (Emitter<'_, T>,)) -> Result<Advance> {
        if input == Timestamp::MAX {
            (self.at_work, self.ended) = (false, true);
            return Ok(Advance::to(input));
        }
        Ok(Advance::to(self.now))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        to.shard(&(self.now, self.due, self.ended))
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        for (now, due, ended) in from.all_shards::<(Timestamp, Option<Timestamp>, bool)>()? {
            (self.now, self.due) = (self.now.max(now), self.due.max(due));
            self.at_work &= !ended;
            self.ended |= ended;
        }
        Ok(())
    }
}

/// A source without elements that never ends.
struct Forever;

impl Source for Forever {
    type Element = ();
    type Split = ();
    type Reader = Forever;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn splits(&self, _: usize) -> Result<Vec<()>> {
        Ok(vec![()])
    }

    fn open(&self, (): ()) -> Result<Forever> {
        Ok(Forever)
    }
}

impl SourceReader for Forever {
    type Element = ();
    type Split = ();

    fn poll(&mut self, _: &mut Batch<()>) -> Result<Poll> {
        Ok(Poll::Pending)
    }

    fn checkpoint(&mut self) -> Result<()> {
        Ok(())
    }
}
