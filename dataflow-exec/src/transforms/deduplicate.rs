//! Each id once.

use super::Types;
use super::key_by::{ByFunction, Keyed, Keying};
use dataflow_core::plane::{Advance, Batch, Emitter, Operator, StateReader, StateWriter};
use dataflow_core::{Counter, Data, Key, PCollection, Result};
use dataflow_windows::{Duration, Timestamp, WindowFn};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::sync::Arc;

/// `deduplicate`: each id once.
pub trait Deduplicate<T: Data> {
    /// Passes on the first element to come with each id and drops those that follow within `time_to_live` of event time; they are
    /// counted as `duplicates`. An element whose timestamp is later than that is a first one again.
    ///
    /// An id is remembered until the watermark has passed its time to live: 1.2 to 2.3 × (size of the id + 9) bytes each,
    /// and what the id owns on the heap.
    ///
    /// ```
    /// # use dataflow_core::Pipeline;
    /// # use dataflow_exec::transforms::*;
    /// # use dataflow_windows::Duration;
    /// # let p = Pipeline::new("doc");
    /// let once = p.create("Ids", vec![1, 2, 1]).deduplicate("Once", Duration::days(7), |id| *id);
    /// ```
    fn deduplicate<K: Key>(
        &self,
        name: &str,
        time_to_live: Duration,
        id: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> PCollection<T>;
}

impl<T: Data> Deduplicate<T> for PCollection<T> {
    fn deduplicate<K: Key>(
        &self,
        name: &str,
        time_to_live: Duration,
        id: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> PCollection<T> {
        if time_to_live <= Duration::ZERO {
            self.report(name, format!("a time to live of {time_to_live} drops nothing: give a positive one"));
        }
        if self.windowing().window_fn != WindowFn::Global {
            self.report(
                name,
                "its input is windowed, but ids are remembered over all time: deduplicate before `window`",
            );
        }
        let keying = Arc::new(ByFunction(id, PhantomData));
        let keyed = Keyed { collection: self.clone(), detail: format!("for {time_to_live}"), keying: keying.clone() };
        self.apply_operator(keyed.step(name, "Deduplicate"), move |context| {
            Ok(DeduplicateOperator {
                keying: keying.clone(),
                time_to_live,
                seen: HashTable::new(),
                hasher: RandomState::default(),
                hashes: Vec::new(),
                selection: Vec::new(),
                sweep_at: Timestamp::MIN,
                duplicates: context.counter("duplicates"),
                element: PhantomData,
            })
        })
    }
}

struct DeduplicateOperator<T, G: Keying<T>> {
    keying: Arc<G>,
    time_to_live: Duration,
    /// Ids, and when they are to be forgotten.
    seen: HashTable<(G::Key, Timestamp)>,
    hasher: RandomState,
    hashes: Vec<u64>,
    selection: Vec<u32>,
    sweep_at: Timestamp,
    duplicates: Counter,
    element: Types<T>,
}

impl<T: Data, G: Keying<T>> Operator for DeduplicateOperator<T, G> {
    type In = T;
    type Out = (T,);

    fn batch(&mut self, input: &mut Batch<T>, (mut out,): (Emitter<'_, T>,)) -> Result<()> {
        let (keying, hasher, seen, ttl) = (&*self.keying, &self.hasher, &mut self.seen, self.time_to_live);
        // All hashes first: the probes that follow then overlap their cache misses.
        self.hashes.clear();
        self.hashes.extend(input.values.iter().map(|v| hasher.hash_one(&*keying.key(v))));
        let hashes = &self.hashes;
        let before = input.len();
        input.retain(&mut self.selection, |i, element, t| {
            let key = keying.key(element);
            match seen.entry(hashes[i], |(k, _)| *k == *key, |(k, _)| hasher.hash_one(k)) {
                Entry::Vacant(free) => {
                    free.insert((key.into_owned(), t + ttl));
                    true
                }
                Entry::Occupied(mut row) => {
                    let first_again = t >= row.get().1;
                    if first_again {
                        row.get_mut().1 = t + ttl;
                    }
                    first_again
                }
            }
        });
        self.duplicates.add((before - input.len()) as u64);
        out.forward(input)
    }

    fn watermark(&mut self, watermark: Timestamp, _: (Emitter<'_, T>,)) -> Result<Advance> {
        if watermark == Timestamp::MAX {
            self.seen = HashTable::new();
        } else if watermark >= self.sweep_at {
            self.seen.retain(|(_, until)| *until > watermark);
            let hasher = &self.hasher;
            self.seen.shrink_to(self.seen.len() * 2, |(k, _)| hasher.hash_one(k));
            // Each id is looked at a few times in its life, and kept at most a quarter longer than it must be.
            self.sweep_at = watermark + Duration::micros(self.time_to_live.as_micros() / 4);
        }
        Ok(Advance::to(watermark))
    }

    fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        self.seen.iter().try_for_each(|row| to.keyed(&row.0, row))
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.keyed(|row: (G::Key, Timestamp)| {
            let hasher = &self.hasher;
            self.seen.insert_unique(hasher.hash_one(&row.0), row, |(k, _)| hasher.hash_one(k));
            Ok(())
        })
    }
}
