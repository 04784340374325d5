//! State for the default trigger without lateness: one table a window, which closes for all its keys at once.

use super::run::run_end;
use super::table::Table;
use super::{Accumulate, Arrival, Groups, Never, Rows, Run};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Error, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::hash_table::IntoIter;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A window with so few rows is given out in one go.
const SMALL: usize = 16_384;

/// The tables of all windows that are not over, and the one that is being given out.
pub(in crate::transforms) struct PlainGroups<A: Accumulate> {
    open: BTreeMap<Window, usize>,
    tables: Vec<PlainRows<A>>,
    free: Vec<usize>,
    /// The two windows looked up last: where windows meet, elements of both come mixed.
    recent: [Option<(Window, usize)>; 2],
    closing: Option<(Window, RowsOf<A>)>,
    watermark: Timestamp,
    hasher: RandomState,
}

/// The rows of a window, one after the other.
type RowsOf<A> = IntoIter<(<A as Accumulate>::Key, <A as Accumulate>::Acc)>;

/// The rows of one window.
pub(in crate::transforms) struct PlainRows<A: Accumulate>(Table<A::Key, A::Acc>);

impl<A: Accumulate> Rows<A> for PlainRows<A> {
    type Error = Never;

    #[inline]
    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        _: impl FnOnce() -> Arrival,
        _: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<(), Never> {
        add(self.0.row(key, || by.create()));
        Ok(())
    }
}

impl<A: Accumulate> Default for PlainGroups<A> {
    fn default() -> Self {
        let hasher = RandomState::default();
        let (open, tables, free) = (BTreeMap::new(), Vec::new(), Vec::new());
        PlainGroups { open, tables, free, recent: [None; 2], closing: None, watermark: Timestamp::MIN, hasher }
    }
}

impl<A: Accumulate> PlainGroups<A> {
    /// The table of a window, which is made if there is none.
    #[inline]
    fn table(&mut self, window: Window) -> &mut PlainRows<A> {
        let recent = self.recent.iter().flatten().find(|(w, _)| *w == window);
        let number = match recent {
            Some((_, number)) => *number,
            None => self.look_up(window),
        };
        &mut self.tables[number]
    }

    #[cold]
    fn look_up(&mut self, window: Window) -> usize {
        let number = *self.open.entry(window).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.tables.push(PlainRows(Table::new(self.hasher.clone())));
                self.tables.len() - 1
            })
        });
        self.recent = [Some((window, number)), self.recent[0]];
        number
    }
}

impl<A: Accumulate> Groups<A> for PlainGroups<A> {
    type Rows = PlainRows<A>;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(Run<'_, PlainRows<A>>) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        while start < len {
            let end = run_end(batch, len, start);
            let window = batch.window(start);
            let late = window.is_over(self.watermark);
            let run = match late {
                true => Run { elements: start..end, rows: None, late: &[window] },
                false => Run { elements: start..end, rows: Some(self.table(window)), late: &[] },
            };
            each(run)?;
            start = end;
        }
        Ok(())
    }

    fn finish_bundle(&mut self, _: &A, _: &mut Emitter<'_, A::Out>) -> Result<()> {
        Ok(())
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        loop {
            if self.closing.is_none() {
                let Some(first) = self.open.first_entry().filter(|w| w.key().is_over(self.watermark)) else {
                    return Ok(Advance::to(watermark));
                };
                if out.is_full() {
                    return Ok(Advance::more(first.key().max_timestamp()));
                }
                let (window, number) = first.remove_entry();
                self.recent = [None; 2];
                self.free.push(number);
                let rows = &mut self.tables[number].0.rows;
                if rows.len() <= SMALL {
                    // At once, and the memory stays for a later window.
                    give_out(by, window, rows.drain(), out)?;
                } else {
                    self.closing = Some((window, std::mem::take(rows).into_iter()));
                }
            }
            while let Some((window, rows)) = self.closing.as_mut().filter(|(_, rows)| rows.len() > 0) {
                if out.is_full() {
                    return Ok(Advance::more(window.max_timestamp()));
                }
                give_out(by, *window, rows.take(Batch::<A::Out>::target_len()), out)?;
            }
            self.closing = None;
        }
    }

    fn processing_time(&mut self, _: &A, _: Timestamp, _: &mut Emitter<'_, A::Out>) -> Result<bool> {
        Ok(false)
    }

    fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        if self.closing.is_some() {
            return Err(Error::internal("a snapshot was asked for while a window is being given out"));
        }
        for (window, number) in &self.open {
            for (key, acc) in &self.tables[*number].0.rows {
                to.keyed(key, &(window, key, acc))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, acc): (Window, A::Key, A::Acc)| {
            self.table(window).0.row(Cow::Owned(key), || acc);
            Ok(())
        })
    }
}

/// Sends the results of a window's rows.
fn give_out<A: Accumulate>(
    by: &A,
    window: Window,
    rows: impl Iterator<Item = (A::Key, A::Acc)>,
    out: &mut Emitter<'_, A::Out>,
) -> Result<()> {
    let mut results = rows.filter_map(|(key, acc)| by.finish(key, acc)).peekable();
    while results.peek().is_some() {
        out.with(|o| {
            o.values.extend(results.by_ref().take(Batch::<A::Out>::target_len()));
            o.set_uniform(window.max_timestamp(), window, PaneInfo::ON_TIME_AND_ONLY);
        })?;
    }
    Ok(())
}
