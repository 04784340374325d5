//! Elements of a key in the order of their timestamps.

use super::key_by::{Keyed, KeyedCollection, Keying};
use dataflow_core::plane::{Advance, Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Coded, Counter, PCollection, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowingStrategy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `sort_by_time`: elements of a key in the order of their timestamps.
pub trait SortByTime: KeyedCollection<Element: Coded> {
    /// Keeps elements until the watermark has passed their timestamps, and passes them on in the order of these. Elements
    /// of one key stay together on a thread; those of one timestamp stay in the order in which they came.
    ///
    /// Elements behind the watermark cannot be brought into order any more: they are passed on at once, but for those whose
    /// window has expired, which are dropped and counted as `dropped_late`.
    ///
    /// An element does not wait for longer than its window: one with a timestamp behind the end of it, as
    /// `Timestamp::MAX` is behind that of the global window, comes as the last of its window.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::Timestamp;
    /// # let p = Pipeline::new("doc");
    /// let moves = [(("ann", "second"), 2), (("ann", "first"), 1)].map(|((who, what), at)| {
    ///     ((who.to_owned(), what.to_owned()), Timestamp::from_seconds(at))
    /// });
    /// let in_order = p.create_timestamped("Moves", moves).sort_by_time("InOrder");
    /// # assert!(p.check().is_ok());
    /// ```
    fn sort_by_time(&self, name: &str) -> PCollection<Self::Element> {
        // What follows may have timers, which are to fire between the elements.
        apply(&self.keyed(), name, true)
    }
}

impl<C: KeyedCollection<Element: Coded>> SortByTime for C {}

/// Adds the step. If it goes `stepwise`, the watermark follows element by element, as far as they differ in time.
pub(super) fn apply<T: Coded, G: Keying<T>>(keyed: &Keyed<T, G>, name: &str, stepwise: bool) -> PCollection<T> {
    let (keying, strategy) = (keyed.keying.clone(), keyed.collection.windowing());
    keyed.collection.apply_operator(keyed.step(name, "SortByTime"), move |context| {
        Ok(SortByTimeOperator {
            keying: keying.clone(),
            strategy: strategy.clone(),
            stepwise,
            waiting: BTreeMap::new(),
            next: 0,
            watermark: Timestamp::MIN,
            dropped_late: context.counter("dropped_late"),
        })
    })
}

struct SortByTimeOperator<T, G> {
    keying: Arc<G>,
    strategy: WindowingStrategy,
    stepwise: bool,
    waiting: BTreeMap<Place, Waiting<T>>,
    next: u64,
    watermark: Timestamp,
    dropped_late: Counter,
}

/// The order of elements: when they are due, their timestamps, and their numbers among all that have come.
type Place = (Timestamp, Timestamp, u64);

struct Waiting<T> {
    value: T,
    window: Window,
    pane: PaneInfo,
}

impl<T, G> SortByTimeOperator<T, G> {
    fn keep(&mut self, timestamp: Timestamp, waiting: Waiting<T>) {
        // A timestamp behind the end of its window would let the watermark pass that end before the element.
        let due = timestamp.min(waiting.window.max_timestamp());
        self.waiting.insert((due, timestamp, self.next), waiting);
        self.next += 1;
    }

    /// When the first element is due, if that time has come. At the end of time all are, as nothing comes after it.
    fn due(&self) -> Option<Timestamp> {
        let first = self.waiting.first_key_value().map(|((due, ..), _)| *due);
        first.filter(|due| *due < self.watermark || self.watermark == Timestamp::MAX)
    }
}

impl<T: Coded, G: Keying<T>> Operator for SortByTimeOperator<T, G> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, _: (Emitter<'_, T>,)) -> Result<()> {
        input.explode();
        let mut values = std::mem::take(&mut input.values);
        for (i, value) in values.drain(..).enumerate() {
            let window = input.window(i);
            if self.strategy.expiry(window) <= self.watermark {
                self.dropped_late.add(1);
            } else {
                self.keep(input.times.get(i), Waiting { value, window, pane: input.panes.get(i) });
            }
        }
        input.values = values; // its memory is used again
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, (mut out,): (Emitter<'_, T>,)) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        let Some(first) = self.due() else { return Ok(Advance::to(watermark)) };
        while let Some(next) = self.due().filter(|t| !self.stepwise || *t == first) {
            if out.is_full() {
                return Ok(Advance::more(next));
            }
            out.with(|o| {
                while o.len() < Batch::<T>::target_len()
                    && self.due().is_some_and(|t| !self.stepwise || t == first)
                    && let Some(((_, t, _), Waiting { value, window, pane })) = self.waiting.pop_first()
                {
                    o.push_in(value, t, window, pane);
                }
            })?;
        }
        Ok(self.due().map_or(Advance::to(watermark), Advance::more))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        for ((_, t, _), Waiting { value, window, pane }) in &self.waiting {
            to.keyed(&*self.keying.key(value), &(t, window, pane, value))?;
        }
        Ok(())
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(t, window, pane, value): (Timestamp, Window, PaneInfo, T)| {
            self.keep(t, Waiting { value, window, pane });
            Ok(())
        })
    }
}
