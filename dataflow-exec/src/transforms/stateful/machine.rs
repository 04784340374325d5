//! Runs a KeyedDoFn: state, timers, late data, watermark hold.

use super::incoming::{Incoming, LookedAt, Taken};
use super::rows::{Place, Queue, Queues, Row, Rows, row_of};
use crate::transforms::Keying;
use crate::transforms::grouping::run_end;
use crate::transforms::hints::Hint;
use dataflow_core::plane::{Advance, Batch, Cursor, Emitter, StateReader, StateWriter, Windows};
use dataflow_core::state::{Call, Clock, KeyContext, row};
use dataflow_core::{Counter, Data, Element, Error, KeyedDoFn, Output, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window, WindowingStrategy};
use hashbrown::hash_table::IntoIter;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{BuildHasher, Hash};

/// The rows of a window that has expired.
type Leaving<D> = IntoIter<Row<<D as KeyedDoFn>::Key, <D as KeyedDoFn>::State>>;

/// A KeyedDoFn with all that it keeps.
pub(crate) struct Machine<D: KeyedDoFn> {
    do_fn: D,
    strategy: WindowingStrategy,
    rows: Rows<D::Key, D::State>,
    queues: Queues,
    watermark: Timestamp,
    now: Timestamp,
    /// The watermark of the output.
    released: Timestamp,
    /// The window that has expired and whose rows are being told so.
    closing: Option<(Window, Leaving<D>)>,
    made: Batch<D::Out>,
    /// The numbers of elements that are looked at: memory to work with.
    looked_at: Batch<u32>,
    dropped_late: Counter,
}

impl<D: KeyedDoFn> Drop for Machine<D> {
    fn drop(&mut self) {
        self.do_fn.teardown();
    }
}

impl<D: KeyedDoFn> Machine<D> {
    pub(crate) fn new(do_fn: D, strategy: WindowingStrategy, dropped_late: Counter) -> Result<Self> {
        let mut machine = Machine {
            do_fn,
            strategy,
            rows: Rows::default(),
            queues: Queues::default(),
            watermark: Timestamp::MIN,
            now: Timestamp::MIN,
            released: Timestamp::MIN,
            closing: None,
            made: Batch::default(),
            looked_at: Batch::default(),
            dropped_late,
        };
        machine.do_fn.setup().map_err(Error::user)?;
        Ok(machine)
    }

    /// Takes a batch, or looks at it. Elements of windows that have expired go to `late`.
    pub(crate) fn batch<T: Data, G>(
        &mut self,
        keying: &G,
        input: &mut Batch<T>,
        out: &mut Emitter<'_, D::Out>,
        late: Option<&mut Batch<T>>,
    ) -> Result<()>
    where
        G: Keying<T, Key = D::Key, Value = D::In>,
    {
        if D::READS_ONLY {
            let mut rows = std::mem::take(&mut self.looked_at);
            rows.clear();
            rows.values.extend(0..input.len() as u32);
            rows.copy_meta(input);
            self.look(keying, &input.values, &mut rows, out, late)?;
            self.looked_at = rows;
            return Ok(());
        }
        input.explode();
        let (len, mut taken) = (input.len(), std::mem::take(&mut input.values));
        let elements = Taken { values: taken.drain(..), meta: input, keying, late };
        self.each(input, len, elements, out)?;
        input.values = taken; // its memory is used again
        Ok(())
    }

    /// Looks at those of `values` whose numbers `rows` has, with what else is known of them.
    pub(crate) fn look<T: Data, G>(
        &mut self,
        keying: &G,
        values: &[T],
        rows: &mut Batch<u32>,
        out: &mut Emitter<'_, D::Out>,
        late: Option<&mut Batch<T>>,
    ) -> Result<()>
    where
        G: Keying<T, Key = D::Key, Value = D::In>,
    {
        rows.explode();
        self.each(rows, rows.len(), LookedAt { values, rows, keying, late }, out)
    }

    /// Takes `len` elements of which this is known.
    fn each<'a, U, I: Incoming<'a, D>>(
        &mut self,
        meta: &Batch<U>,
        len: usize,
        mut elements: I,
        out: &mut Emitter<'_, D::Out>,
    ) -> Result<()> {
        Output::prepare(&mut self.made, meta);
        let mut cursor = Cursor::default();
        let mut start = 0;
        while start < len {
            let window = meta.window(start);
            let run = start..run_end(meta, len, start);
            start = run.end;
            let expiry = self.strategy.expiry(window);
            if expiry <= self.watermark {
                self.dropped_late.add(run.len() as u64);
                elements.too_late(run, window);
                continue;
            }
            let number = self.rows.open(window);
            let (table, hasher) = (&mut self.rows.tables[number], &self.rows.hasher);
            for i in run {
                cursor.0 = i;
                let Some((key, value)) = elements.next(i) else { break };
                let hash = hasher.hash_one(&*key);
                let mut entry = row_of(table, hasher, hash, key);
                let row = entry.get_mut();
                let call = Call::for_element(meta.times.get(i), window, self.now, expiry);
                let context = KeyContext::new(&row.key, call);
                let mut output = Output::new(&mut self.made, Some(Element::of(meta, i, ())));
                I::process(&mut self.do_fn, &context, Element::of(meta, i, value), &mut row.state, &mut output)
                    .map_err(Error::user)?;
                row.settle(hash, &call, &mut self.queues)?;
                if D::ON_WINDOW_EXPIRATION.is_none() && row.is_idle() {
                    entry.remove();
                }
                if self.made.len() >= Batch::<D::Out>::target_len() {
                    out.forward(&mut self.made)?;
                    Output::prepare(&mut self.made, meta);
                }
            }
        }
        drop(elements);
        self.send(out)
    }

    fn send(&mut self, out: &mut Emitter<'_, D::Out>) -> Result<()> {
        if !self.made.is_empty() {
            out.forward(&mut self.made)?;
        }
        self.made.clear();
        Ok(())
    }

    /// The watermark of the input is at `watermark`: an operator's `watermark`.
    pub(crate) fn advance(&mut self, watermark: Timestamp, out: &mut Emitter<'_, D::Out>) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        let done = self.fire(out)? && self.expire(out)?;
        if !done {
            // Nothing is released before all has been emitted.
            return Ok(Advance::more(self.released));
        }
        self.released = self.released.max(self.hold());
        let pending = self.queues.processing.earliest_before(Timestamp::MAX).is_some();
        Ok(Advance::to(self.released).pending(pending))
    }

    /// Processing time has come to `now`. Returns whether timers may be due then, which `advance` fires.
    pub(crate) fn processing_time(&mut self, now: Timestamp) -> bool {
        self.now = self.now.max(now);
        self.queues.processing.earliest_before(self.now).is_some()
    }

    /// Fires the timers that are due, as long as there is room for what they emit. Returns whether all have been fired.
    pub(crate) fn fire(&mut self, out: &mut Emitter<'_, D::Out>) -> Result<bool> {
        let mut all = false;
        while !all && !out.is_full() {
            if let Some(hint) = self.queues.event.pop_before(self.watermark) {
                self.fire_row(Queue::Event, hint, out)?;
            } else if let Some(hint) = self.queues.processing.pop_before(self.now) {
                self.fire_row(Queue::Processing, hint, out)?;
            } else {
                all = true;
            }
        }
        self.send(out)?;
        Ok(all)
    }

    /// Fires the timers of a row that are due, one after the other: each may set others.
    fn fire_row(&mut self, queue: Queue, hint: Hint<Place>, out: &mut Emitter<'_, D::Out>) -> Result<()> {
        let Some(mut entry) = self.rows.unqueue(hint, queue) else { return Ok(()) };
        let row = entry.get_mut();
        let Place { hash, window } = hint.row;
        let expiry = self.strategy.expiry(window);
        while !out.is_full() {
            let (timer, setting, event_time) = match row::take_due(&mut row.state, Clock::Event, self.watermark) {
                Some((timer, setting)) => (timer, setting, setting.at),
                None => match row::take_due(&mut row.state, Clock::Processing, self.now) {
                    Some((timer, setting)) => (timer, setting, setting.output),
                    None => break,
                },
            };
            let call = Call {
                event_time,
                fired_at: setting.at,
                ..Call::for_element(setting.output, window, self.now, expiry)
            };
            let mut output = prepared(&mut self.made, &call);
            let context = KeyContext::new(&row.key, call);
            self.do_fn.on_timer(&context, timer, &mut row.state, &mut output).map_err(Error::user)?;
            row::settle(&mut row.state, &call)?;
            if self.made.len() >= Batch::<D::Out>::target_len() {
                out.forward(&mut self.made)?;
            }
        }
        row.queue(hash, window, &mut self.queues); // also what is due, but for which there is no room
        if D::ON_WINDOW_EXPIRATION.is_none() && row.is_idle() {
            entry.remove();
        }
        Ok(())
    }

    /// Forgets the windows that have expired, and says so to their keys. Returns whether all of it is done.
    fn expire(&mut self, out: &mut Emitter<'_, D::Out>) -> Result<bool> {
        loop {
            while let (Some((window, rows)), Some(on_expiration)) = (&mut self.closing, D::ON_WINDOW_EXPIRATION) {
                if out.is_full() {
                    self.send(out)?;
                    return Ok(false);
                }
                let Some(mut row) = rows.next() else {
                    self.closing = None;
                    break;
                };
                let expiry = self.strategy.expiry(*window);
                let call = Call::for_element(window.max_timestamp(), *window, self.now, expiry);
                let mut output = prepared(&mut self.made, &call);
                let context = KeyContext::new(&row.key, call);
                on_expiration(&mut self.do_fn, &context, &mut row.state, &mut output).map_err(Error::user)?;
                if self.made.len() >= Batch::<D::Out>::target_len() {
                    out.forward(&mut self.made)?;
                }
            }
            let Some(window) = self.rows.first_window().filter(|w| self.strategy.expiry(*w) <= self.watermark) else {
                self.send(out)?;
                return Ok(true);
            };
            if D::ON_WINDOW_EXPIRATION.is_some() {
                self.closing = Some((window, self.rows.close(window).into_iter()));
            } else {
                self.rows.clear(window);
            }
        }
    }

    /// The watermark, or the earliest output timestamp of a timer that is set, if that is earlier.
    fn hold(&mut self) -> Timestamp {
        while let Some(at) = self.queues.hold.earliest_before(self.watermark) {
            let Some(hint) = self.queues.hold.pop_before(self.watermark) else { break };
            let Some(mut entry) = self.rows.unqueue(hint, Queue::Hold) else { continue };
            let row = entry.get_mut();
            row.queue(hint.row.hash, hint.row.window, &mut self.queues); // where it really holds now
            if row.queued.at(Queue::Hold) == at {
                return at;
            }
            if D::ON_WINDOW_EXPIRATION.is_none() && row.is_idle() {
                entry.remove();
            }
        }
        self.watermark
    }

    pub(crate) fn snapshot(&mut self, to: &mut StateWriter) -> Result<()> {
        if self.closing.is_some() {
            return Err(Error::internal("a snapshot was asked for while a window is being closed"));
        }
        let mut bytes = Vec::new();
        for (window, row) in self.rows.iter_mut() {
            // A key that has nothing is worth keeping only to be told that its window expires.
            if D::ON_WINDOW_EXPIRATION.is_some() || !row::is_vacant(&mut row.state) {
                bytes.clear();
                row::encode(&mut row.state, &mut bytes)?;
                to.keyed(&row.key, &(window, &row.key, Encoded(Cow::Borrowed(&bytes))))?;
            }
        }
        Ok(())
    }

    pub(crate) fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, Encoded(bytes)): (Window, D::Key, Encoded<'static>)| {
            let hash = self.rows.hasher.hash_one(&key);
            let number = self.rows.open(window);
            let mut entry = row_of(&mut self.rows.tables[number], &self.rows.hasher, hash, Cow::Owned(key));
            let row = entry.get_mut();
            row::decode(&mut row.state, &bytes)?;
            row.queue(hash, window, &mut self.queues);
            Ok(())
        })
    }

    /// The state of a key in each window in which it has a row.
    pub(crate) fn state_of<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> impl Iterator<Item = (Window, &mut D::State)>
    where
        D::Key: Borrow<Q>,
    {
        self.rows.of_key(key).map(|(window, row)| (window, &mut row.state))
    }

    /// All keys with their state in each window.
    pub(crate) fn state(&mut self) -> impl Iterator<Item = (&D::Key, &mut D::State)> {
        self.rows.iter_mut().map(|(_, row)| (&row.key, &mut row.state))
    }
}

/// An output for what a call makes that is not about an element. Most often all in `made` is of one window.
fn prepared<'b, T: Data>(made: &'b mut Batch<T>, call: &Call) -> Output<'b, T> {
    if made.is_empty() {
        made.clear();
        made.windows = Windows::Uniform(call.window);
    } else if let Windows::Uniform(other) = made.windows
        && other != call.window
    {
        made.windows = Windows::PerElement(vec![other; made.len()]);
    }
    Output::new(made, Some(Element::new((), call.timestamp, call.window, PaneInfo::NO_FIRING)))
}

/// Bytes that are written as such, not one by one.
#[derive(Clone)]
struct Encoded<'a>(Cow<'a, [u8]>);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Encoded<'static> {
    fn deserialize<R: Deserializer<'de>>(from: R) -> std::result::Result<Self, R::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> std::result::Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        from.deserialize_byte_buf(Bytes).map(|bytes| Encoded(Cow::Owned(bytes)))
    }
}
