//! A table to look things up in, beside the elements.

use super::Types;
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, Operator, SideOperator, StateReader, StateWriter};
use dataflow_core::{Boundedness, Coded, Data, Error, Key, PCollection, Result, StepSpec, coder};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowFn};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

/// A collection as a table with one value per key: Beam's `View.asMap()`.
pub struct MapView<K, V>(PCollection<(K, V)>);

/// What a [`MapView`] holds, as user code sees it.
pub struct SideMap<K, V>(HashMap<K, V, RandomState>);

impl<K: Key, V> SideMap<K, V> {
    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `as_map_view`: a collection of pairs as a table.
pub trait AsMapView<K, V> {
    /// The collection as a side input. It must be bounded and in the global window, and have each key once.
    fn as_map_view(&self) -> MapView<K, V>;
}

impl<K: Key, V: Coded> AsMapView<K, V> for PCollection<(K, V)> {
    fn as_map_view(&self) -> MapView<K, V> {
        MapView(self.clone())
    }
}

/// `map_with_side_input`: looks things up in a table.
pub trait SideInput<T: Data> {
    /// Makes an element of each and of the whole side input. Until that is complete elements wait, and hold the
    /// watermark.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # let p = Pipeline::new("doc");
    /// let names = p.create("Names", vec![(1, "one".to_owned()), (2, "two".to_owned())]).as_map_view();
    /// let named = p.create("Numbers", vec![2, 3]).map_with_side_input("Name", &names, |n, names| {
    ///     names.get(n).cloned().unwrap_or_else(|| "many".to_owned())
    /// });
    /// ```
    fn map_with_side_input<K: Key, V: Coded, O: Data>(
        &self,
        name: &str,
        side: &MapView<K, V>,
        f: impl Fn(&T, &SideMap<K, V>) -> O + Send + Sync + 'static,
    ) -> PCollection<O>
    where
        T: Coded;
}

impl<T: Data> SideInput<T> for PCollection<T> {
    fn map_with_side_input<K: Key, V: Coded, O: Data>(
        &self,
        name: &str,
        side: &MapView<K, V>,
        f: impl Fn(&T, &SideMap<K, V>) -> O + Send + Sync + 'static,
    ) -> PCollection<O>
    where
        T: Coded,
    {
        let MapView(side) = side;
        if side.windowing().window_fn != WindowFn::Global || side.boundedness() == Boundedness::Unbounded {
            self.report(
                name,
                "its side input must be bounded and in the global window, so that it is complete some time",
            );
        }
        let f = Arc::new(f);
        self.apply_side_operator(StepSpec::new(name, "ParDo"), side, move |_| {
            let side = SideMap(HashMap::with_hasher(RandomState::default()));
            let (waiting, types) = (VecDeque::new(), PhantomData);
            Ok(SideInputOperator { f: f.clone(), side, complete: false, waiting, types })
        })
    }
}

struct SideInputOperator<T, K, V, O, F> {
    f: Arc<F>,
    side: SideMap<K, V>,
    complete: bool,
    waiting: VecDeque<Batch<T>>,
    types: Types<O>,
}

/// A waiting element in a snapshot.
type Row<T> = (T, Timestamp, Window, PaneInfo);

impl<T: Coded, K: Key, V: Coded, O: Data, F> SideInputOperator<T, K, V, O, F>
where
    F: Fn(&T, &SideMap<K, V>) -> O + Send + Sync + 'static,
{
    fn process(&self, input: &mut Batch<T>, out: &mut Emitter<'_, O>) -> Result<()> {
        out.with(|o| {
            let mut cursor = Cursor::default();
            o.values.extend(input.values.iter().enumerate().map(|(i, v)| {
                cursor.0 = i;
                (self.f)(v, &self.side)
            }));
            o.take_meta(input);
        })?;
        input.values.clear();
        Ok(())
    }

    /// Lets waiting elements through; what still waits holds the watermark.
    fn catch_up(&mut self, watermark: Timestamp, out: &mut Emitter<'_, O>) -> Result<Advance> {
        while self.complete && !out.is_full() {
            let Some(mut batch) = self.waiting.pop_front() else { break };
            self.process(&mut batch, out)?;
        }
        let hold = self.waiting.iter().map(|batch| batch.bounds.min).min().unwrap_or(Timestamp::MAX);
        Ok(Advance { watermark: watermark.min(hold), more: self.complete && !self.waiting.is_empty() })
    }
}

impl<T: Coded, K: Key, V: Coded, O: Data, F> Operator for SideInputOperator<T, K, V, O, F>
where
    F: Fn(&T, &SideMap<K, V>) -> O + Send + Sync + 'static,
{
    type In = T;
    type Out = (O,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, O>,)) -> Result<()> {
        if self.complete && self.waiting.is_empty() {
            return self.process(input, &mut out);
        }
        self.waiting.push_back(std::mem::take(input));
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, (mut out,): (Emitter<'_, O>,)) -> Result<Advance> {
        self.catch_up(watermark, &mut out)
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        let mut rows: Vec<Row<&T>> = Vec::new();
        for batch in &self.waiting {
            let row = |(i, v)| (v, batch.times.get(i), batch.window(i), batch.panes.get(i));
            rows.extend(batch.values.iter().enumerate().map(row));
        }
        // Encoded apart, as every shard takes up the table, but only one the elements.
        let mut table = Vec::new();
        coder::encode(&self.side.0.iter().collect::<Vec<_>>(), &mut table)?;
        let mut waiting = Vec::new();
        coder::encode(&rows, &mut waiting)?;
        to.shard(&(table, waiting))
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        if let Some((table, _)) = from.all_shards::<(Vec<u8>, Vec<u8>)>()?.first() {
            self.side.0.extend(coder::decode::<Vec<(K, V)>>(&mut &table[..])?);
        }
        for (_, waiting) in from.shard::<(Vec<u8>, Vec<u8>)>()? {
            let mut batch = Batch::default();
            for (value, time, window, pane) in coder::decode::<Vec<Row<T>>>(&mut &waiting[..])? {
                batch.push_in(value, time, window, pane);
            }
            self.waiting.push_back(batch);
        }
        Ok(())
    }
}

impl<T: Coded, K: Key, V: Coded, O: Data, F> SideOperator for SideInputOperator<T, K, V, O, F>
where
    F: Fn(&T, &SideMap<K, V>) -> O + Send + Sync + 'static,
{
    type Side = (K, V);

    fn side_batch(&mut self, side: &mut Batch<(K, V)>, _: (Emitter<'_, O>,)) -> Result<()> {
        let mut cursor = Cursor::default();
        for (i, (key, value)) in side.values.drain(..).enumerate() {
            cursor.0 = i;
            if self.side.0.insert(key, value).is_some() {
                return Err(Error::data(
                    "the side input has a key twice, but a map view has one value per key: combine the values per key first",
                ));
            }
        }
        Ok(())
    }

    fn side_watermark(&mut self, side: Timestamp, main: Timestamp, (mut out,): (Emitter<'_, O>,)) -> Result<Advance> {
        self.complete |= Window::GLOBAL.is_over(side);
        self.catch_up(main, &mut out)
    }
}
