//! Looks things up, window by window, and lets elements wait for what is not there yet.

use super::code::Code;
use super::mapping::Mapping;
use super::view::Content;
use super::waiting::Waiting;
use crate::transforms::Types;
use dataflow_core::plane::{Advance, Batch, Emitter, Operator, SideOperator, StateReader, StateWriter};
use dataflow_core::{Coded, Counter, Error, Result};
use dataflow_windows::{Timestamp, Window, WindowingStrategy};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// What the operators of all shards have in common.
pub(super) struct Plan<C> {
    pub(super) view: String,
    pub(super) empty: Content<C>,
    pub(super) side: WindowingStrategy,
    pub(super) main: WindowingStrategy,
}

pub(super) struct SideInputOperator<T, C, U> {
    plan: Arc<Plan<C>>,
    code: U,
    mapping: Mapping,
    /// The latest content of each side window.
    contents: BTreeMap<Window, Content<C>>,
    waiting: Waiting<T>,
    main_watermark: Timestamp,
    side_watermark: Timestamp,
    /// Something of the side input came since waiting elements were looked at.
    news: bool,
    first_shard: bool,
    dropped_late: Counter,
    runs: Vec<(Option<Window>, Range<usize>)>,
    element: Types<T>,
}

impl<T: Coded, C: Coded + Sync, U: Code<T, C>> SideInputOperator<T, C, U> {
    pub(super) fn new(plan: Arc<Plan<C>>, code: U, shard: usize, dropped_late: Counter) -> Self {
        SideInputOperator {
            mapping: Mapping::new(plan.side.window_fn.clone()),
            plan,
            code,
            contents: BTreeMap::new(),
            waiting: Waiting::new(),
            main_watermark: Timestamp::MIN,
            side_watermark: Timestamp::MIN,
            news: false,
            first_shard: shard == 0,
            dropped_late,
            runs: Vec::new(),
            element: PhantomData,
        }
    }

    /// The content for a side window, if it is ready: a pane has come, or it is known that there are no elements.
    fn content(&self, side: Option<Window>) -> Option<Content<C>> {
        let Some(side) = side else { return Some(None) };
        self.contents.get(&side).cloned().or_else(|| side.is_over(self.side_watermark).then_some(None))
    }

    /// Whether nothing is to be looked up in a side window any more.
    fn is_expired(&self, side: Window) -> bool {
        !self.mapping.is_global()
            && side.is_over(self.side_watermark)
            && side.end() + self.plan.main.allowed_lateness <= self.main_watermark
            && !self.waiting.has(side)
    }

    /// Processes elements that share a side window, or lets them wait.
    fn take(&mut self, side: Option<Window>, batch: &mut Batch<T>, out: &mut Emitter<'_, U::Out>) -> Result<()> {
        match (self.content(side), side) {
            (_, Some(side)) if self.is_expired(side) => {
                self.dropped_late.add(batch.len() as u64);
                batch.clear();
                Ok(())
            }
            (Some(content), side) if side.is_none_or(|side| !self.waiting.has(side)) => {
                self.process(side, batch, content, out)
            }
            (_, Some(side)) => {
                self.waiting.push(side, std::mem::take(batch));
                Ok(())
            }
            (_, None) => Err(Error::internal("elements of no side window waited for it")),
        }
    }

    fn process(
        &mut self,
        side: Option<Window>,
        batch: &mut Batch<T>,
        content: Content<C>,
        out: &mut Emitter<'_, U::Out>,
    ) -> Result<()> {
        match content.as_deref().or(self.plan.empty.as_deref()) {
            Some(content) => self.code.process(batch, content, out),
            None => {
                let window = side.map_or("a gap between its windows".to_owned(), |side| side.to_string());
                Err(Error::data(format!(
                    "the side input \"{}\" has no value in {window}: give it a default with `as_singleton_view_or`",
                    self.plan.view
                )))
            }
        }
    }

    /// Sorts elements by their side windows, and takes those of each.
    #[cold]
    fn take_apart(&mut self, input: &mut Batch<T>, out: &mut Emitter<'_, U::Out>) -> Result<()> {
        let mut runs = std::mem::take(&mut self.runs);
        runs.clear();
        self.mapping.for_each_run(input, |side, run| runs.push((side, run)));
        let mut values = std::mem::take(&mut input.values).into_iter();
        let mut parts: Vec<(Option<Window>, Batch<T>)> = Vec::new();
        for (side, run) in runs.drain(..) {
            let known = parts.iter().rposition(|(window, _)| *window == side);
            let number = known.unwrap_or_else(|| {
                parts.push((side, Batch::default()));
                parts.len() - 1
            });
            let part = &mut parts[number].1;
            part.extend_meta(input, run.clone());
            part.values.extend(values.by_ref().take(run.len()));
        }
        self.runs = runs;
        parts.into_iter().try_for_each(|(side, mut part)| self.take(side, &mut part, out))
    }

    /// Lets waiting elements through, and forgets what is not needed any more. What still waits holds the watermark.
    fn catch_up(&mut self, out: &mut Emitter<'_, U::Out>) -> Result<Advance> {
        let mut last = None;
        let mut more = false;
        while let Some(side) = self.waiting.next(last).filter(|_| self.news) {
            last = Some(side);
            while let Some(content) = self.content(last).filter(|_| self.waiting.has(side)) {
                if out.is_full() {
                    more = true;
                    break;
                }
                if let Some(mut batch) = self.waiting.pop(side) {
                    self.process(last, &mut batch, content, out)?;
                }
            }
        }
        self.code.finish_bundle(out)?; // what was let through is a bundle of its own
        self.news = more;
        while let Some((side, _)) = self.contents.first_key_value()
            && self.is_expired(*side)
        {
            self.contents.pop_first();
        }
        let earliest = self.waiting.earliest();
        let advance = Advance { more, ..Advance::to(self.main_watermark.min(earliest)) };
        Ok(advance.pending(earliest != Timestamp::MAX || self.waiting.next(None).is_some()))
    }
}

impl<T: Coded, C: Coded + Sync, U: Code<T, C>> Operator for SideInputOperator<T, C, U> {
    type In = T;
    type Out = (U::Out,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, U::Out>,)) -> Result<()> {
        if U::PER_WINDOW || !self.mapping.is_global() {
            input.explode();
        }
        match self.mapping.one_for_all(input) {
            Some(side) => self.take(side, input, &mut out),
            None => self.take_apart(input, &mut out),
        }
    }

    fn watermark(&mut self, watermark: Timestamp, (mut out,): (Emitter<'_, U::Out>,)) -> Result<Advance> {
        self.main_watermark = self.main_watermark.max(watermark);
        self.catch_up(&mut out)
    }

    fn finish_bundle(&mut self, (mut out,): (Emitter<'_, U::Out>,)) -> Result<()> {
        self.code.finish_bundle(&mut out)
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        // Windows are forgotten at different times on different shards, but the global one never: one writes it.
        if self.first_shard || !self.mapping.is_global() {
            for (window, content) in &self.contents {
                to.shared(window, &content.as_deref())?;
            }
        }
        self.waiting.snapshot(to)
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        self.news = true;
        let contents = from.shared::<Window, Option<C>>()?;
        self.contents.extend(contents.into_iter().map(|(window, content)| (window, content.map(Arc::new))));
        for batch in Waiting::<T>::restored(from)? {
            for i in 0..batch.len() {
                let mut one = Batch::default();
                one.extend_meta(&batch, i..i + 1);
                one.values.push(batch.values[i].clone());
                if let Some(side) = self.mapping.side_window(batch.window(i)) {
                    self.waiting.push(side, one);
                }
            }
        }
        Ok(())
    }
}

impl<T: Coded, C: Coded + Sync, U: Code<T, C>> SideOperator for SideInputOperator<T, C, U> {
    type Side = Content<C>;

    fn side_batch(&mut self, side: &mut Batch<Content<C>>, _: (Emitter<'_, U::Out>,)) -> Result<()> {
        side.explode();
        self.news = true;
        for (i, content) in std::mem::take(&mut side.values).into_iter().enumerate() {
            let window = side.window(i);
            if self.is_expired(window) {
                continue;
            }
            // What waits for it is let through at the end of the bundle.
            let known = self.contents.entry(window).or_default();
            if content.is_some() {
                *known = content; // a pane without elements says only that nothing is new
            }
        }
        Ok(())
    }

    fn side_watermark(
        &mut self,
        side: Timestamp,
        main: Timestamp,
        (mut out,): (Emitter<'_, U::Out>,),
    ) -> Result<Advance> {
        self.side_watermark = self.side_watermark.max(side);
        self.news = true;
        self.main_watermark = self.main_watermark.max(main);
        self.catch_up(&mut out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::MapCode;
    use super::*;
    use dataflow_core::plane::{Outbox, Ports, StepState, typed};
    use dataflow_windows::{Duration, FixedWindows};

    type Look = fn(&i64, &Vec<i64>) -> (i64, Vec<i64>);
    type Looking = MapCode<(i64, Vec<i64>), Look>;

    fn operator(shard: usize) -> SideInputOperator<i64, Vec<i64>, Looking> {
        let tens = WindowingStrategy::of(FixedWindows::of(Duration::seconds(10)));
        let empty = Some(Arc::new(vec![]));
        let plan = Plan { view: "View".to_owned(), empty, side: tens.clone(), main: tens };
        let look: Look = |n, side| (*n, side.clone());
        SideInputOperator::new(Arc::new(plan), MapCode(Arc::new(look), PhantomData), shard, Counter::default())
    }

    fn at(s: i64) -> Timestamp {
        Timestamp::from_seconds(s)
    }

    /// A batch of one element in its window of ten seconds.
    fn one<T>(value: T, time: i64) -> Batch<T> {
        let mut batch = Batch::default();
        batch.push(value, at(time));
        batch.windows =
            dataflow_core::plane::Windows::Uniform(FixedWindows::of(Duration::seconds(10)).assign(at(time)));
        batch
    }

    fn emitters(outbox: &mut [Outbox; 1]) -> (Emitter<'_, (i64, Vec<i64>)>,) {
        <((i64, Vec<i64>),)>::emitters(outbox).unwrap()
    }

    #[test]
    fn another_number_of_shards_takes_up_each_waiting_element_once_and_all_contents() {
        let mut state = StepState::default();
        for shard in 0..2 {
            let (mut operator, mut outbox) = (operator(shard), [Outbox::default()]);
            for n in 0..10 {
                operator.batch(&mut one(n * 2 + shard as i64, n), emitters(&mut outbox)).unwrap();
                operator.batch(&mut one(n * 2 + shard as i64, n + 20), emitters(&mut outbox)).unwrap();
            }
            operator.side_batch(&mut one(Some(Arc::new(vec![15])), 15), emitters(&mut outbox)).unwrap();
            // One of the shards is so far ahead that it has forgotten the content.
            let main = at(if shard == 0 { 100 } else { 5 });
            let held = operator.side_watermark(at(20), main, emitters(&mut outbox)).unwrap();
            assert_eq!(operator.contents.len(), shard);
            assert_eq!(held.watermark, main.min(at(20)), "the first ten have found their window empty");
            let mut to = StateWriter::default();
            operator.snapshot(&mut to).unwrap();
            state.merge(to.finish());
        }
        let mut seen = vec![];
        for shard in 0..3 {
            let (mut operator, mut outbox) = (operator(shard), [Outbox::default()]);
            operator.restore(StateReader::new(&state, shard, 3)).unwrap();
            operator.side_watermark(at(20), at(5), emitters(&mut outbox)).unwrap();
            operator.batch(&mut one(1_000, 16), emitters(&mut outbox)).unwrap();
            operator.side_batch(&mut one(Some(Arc::new(vec![25])), 25), emitters(&mut outbox)).unwrap();
            operator.watermark(at(5), emitters(&mut outbox)).unwrap();
            while let Some(mut batch) = outbox[0].pop() {
                seen.append(&mut typed::<(i64, Vec<i64>)>(&mut *batch).unwrap().values);
            }
        }
        seen.sort();
        let expected: Vec<_> = (0..20).map(|n| (n, vec![25])).chain((0..3).map(|_| (1_000, vec![15]))).collect();
        assert_eq!(seen, expected);
    }
}
