//! State for the default trigger without lateness: one table a window, which closes for all its keys at once.

use super::run::run_end;
use super::tables::{PlainRows, SMALL, Tables};
use super::{Accumulate, Groups, Run};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Error, Result};
use dataflow_windows::{PaneInfo, Timestamp, Window};
use foldhash::fast::RandomState;
use hashbrown::hash_table::IntoIter;
use std::borrow::Cow;

/// The tables of all windows that are not over, and the one that is being given out.
pub(in crate::transforms) struct PlainGroups<A: Accumulate> {
    open: Tables<Window, A>,
    closing: Option<(Window, RowsOf<A>)>,
    watermark: Timestamp,
}

/// The rows of a window, one after the other.
pub(super) type RowsOf<A> = IntoIter<(<A as Accumulate>::Key, <A as Accumulate>::Acc)>;

impl<A: Accumulate> Default for PlainGroups<A> {
    fn default() -> Self {
        PlainGroups { open: Tables::new(RandomState::default()), closing: None, watermark: Timestamp::MIN }
    }
}

/// Calls `each` for the runs of a batch whose elements are each in one window.
#[inline]
pub(super) fn for_each_run<A: Accumulate, T>(
    open: &mut Tables<Window, A>,
    watermark: Timestamp,
    batch: &Batch<T>,
    len: usize,
    mut each: impl FnMut(Run<'_, PlainRows<A>>) -> Result<()>,
) -> Result<()> {
    let mut start = 0;
    while start < len {
        let end = run_end(batch, len, start);
        let window = batch.window(start);
        let late = window.is_over(watermark);
        let run = match late {
            true => Run { elements: start..end, rows: None, late: &[window] },
            false => Run { elements: start..end, rows: Some(open.table(window)), late: &[] },
        };
        each(run)?;
        start = end;
    }
    Ok(())
}

impl<A: Accumulate> Groups<A> for PlainGroups<A> {
    type Rows = PlainRows<A>;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        each: impl FnMut(Run<'_, PlainRows<A>>) -> Result<()>,
    ) -> Result<()> {
        for_each_run(&mut self.open, self.watermark, batch, len, each)
    }

    fn finish_bundle(&mut self, _: &A, _: &mut Emitter<'_, A::Out>) -> Result<()> {
        Ok(())
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        self.watermark = self.watermark.max(watermark);
        loop {
            if self.closing.is_none() {
                let Some(first) = self.open.first().filter(|w| w.is_over(self.watermark)) else {
                    return Ok(Advance::to(watermark));
                };
                if out.is_full() {
                    return Ok(Advance::more(first.max_timestamp()));
                }
                self.closing = close(by, &mut self.open, first, out)?;
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
        for (window, table) in self.open.iter() {
            for (key, acc) in &table.rows {
                to.keyed(key, &(window, key, acc))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, _: &A, from: StateReader<'_>) -> Result<()> {
        from.keyed(|(window, key, acc): (Window, A::Key, A::Acc)| {
            self.open.table(window).0.row(Cow::Owned(key), || acc);
            Ok(())
        })
    }
}

/// Gives out the rows of a window that is over, or returns them if they are many.
pub(super) fn close<A: Accumulate>(
    by: &A,
    open: &mut Tables<Window, A>,
    window: Window,
    out: &mut Emitter<'_, A::Out>,
) -> Result<Option<(Window, RowsOf<A>)>> {
    let Some(number) = open.take(window) else { return Ok(None) };
    let rows = &mut open.taken(number).rows;
    let many = (rows.len() > SMALL).then(|| (window, std::mem::take(rows).into_iter()));
    // Otherwise at once, and the memory stays for a later window.
    give_out(by, window, open.taken(number).rows.drain(), out)?;
    open.give_up(number);
    Ok(many)
}

/// Sends the results of a window's rows.
pub(super) fn give_out<A: Accumulate>(
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
