//! State where windows of a key become one, such as sessions.

use super::pane::Time;
use super::row::{Place, Row};
use super::table::Table;
use super::{Accumulate, Arrival, Groups, PaneEmitter, Rows, Rules, Run, holds::Holds, pane::PaneState};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Error, Result};
use dataflow_windows::{Duration, Timestamp, Window, WindowFn};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// State of keys by window.
pub(in crate::transforms) struct MergingGroups<A: Accumulate>(Sessions<A>);

/// All rows, by key.
pub(in crate::transforms) struct Sessions<A: Accumulate> {
    rules: Arc<Rules>,
    time: Time,
    keys: Table<A::Key, KeyRow<A::Acc>>,
    /// Keys for which something has come in this bundle.
    touched: Vec<A::Key>,
    /// When a window of a key is next to be looked at; the key's and the windows' own notes are the truth.
    ends: BTreeMap<Timestamp, Vec<A::Key>>,
    timers: BTreeMap<Timestamp, Vec<A::Key>>,
    holds: Holds,
}

/// The windows of a key, ordered by their starts.
struct KeyRow<C> {
    sessions: Vec<Session<C>>,
    /// The watermark at which one of them is to be looked at, as far as it is noted.
    armed: Option<Timestamp>,
    /// How many of them something has come for in this bundle.
    touched: usize,
}

struct Session<C> {
    window: Window,
    row: Row<C>,
    /// What has come in this bundle.
    arrived: Option<(C, Arrival)>,
}

impl<C> KeyRow<C> {
    fn new() -> Self {
        KeyRow { sessions: Vec::new(), armed: None, touched: 0 }
    }

    /// The watermark at which one of its windows is to be looked at, if it is not noted yet.
    fn arm(&mut self, rules: &Rules, watermark: Timestamp) -> Option<Timestamp> {
        let next = |s: &Session<C>| match s.window.is_over(watermark) {
            false => s.window.end(),
            true => rules.strategy.expiry(s.window),
        };
        let next = if rules.keeps_windows_apart() {
            // The first of those that are over, and of those that are not, are the next ones to be looked at.
            let over = self.sessions.partition_point(|s| s.window.is_over(watermark));
            [self.sessions.first(), self.sessions.get(over)].into_iter().flatten().map(next).min()
        } else {
            self.sessions.iter().map(next).min()
        };
        let next = next.filter(|next| self.armed.is_none_or(|armed| *next < armed))?;
        self.armed = Some(next);
        Some(next)
    }

    /// Which of its windows `window` may have to be joined with.
    fn near(&self, rules: &Rules, window: Window) -> Range<usize> {
        if !rules.keeps_windows_apart() {
            return 0..self.sessions.len();
        }
        // At the end of time windows may be empty.
        let before = |s: &Session<C>| s.window.end() <= window.start() && s.window.start() < window.start();
        let from = self.sessions.partition_point(before);
        let is_near = |s: &&Session<C>| s.window.start() < window.end() || s.window == window;
        let near = self.sessions[from..].iter().take_while(is_near).count();
        from..from + near
    }
}

impl<A: Accumulate> MergingGroups<A> {
    pub(in crate::transforms) fn new(rules: Arc<Rules>) -> Self {
        MergingGroups(Sessions {
            rules,
            time: Time { watermark: Timestamp::MIN, now: Timestamp::MIN },
            keys: Table::new(RandomState::default()),
            touched: Vec::new(),
            ends: BTreeMap::new(),
            timers: BTreeMap::new(),
            holds: Holds::default(),
        })
    }
}

impl<A: Accumulate> Rows<A> for Sessions<A> {
    type Error = Error;

    fn add(
        &mut self,
        by: &A,
        key: Cow<'_, A::Key>,
        arrival: impl FnOnce() -> Arrival,
        window: impl FnOnce() -> Window,
        add: impl FnOnce(&mut A::Acc),
    ) -> Result<()> {
        let (rules, time) = (&self.rules, self.time);
        let arrival = arrival().late_before(time.watermark);
        let row = self.keys.row(Cow::Borrowed(&*key), KeyRow::new);
        if row.touched == 0 {
            self.touched.push(key.into_owned());
        }
        let own = window();
        let near = row.near(rules, own);
        let joined = |s: &Session<A::Acc>| {
            s.window == own || (s.window.covers(own) && rules.strategy.window_fn.join(s.window, own) == Some(s.window))
        };
        let at = match row.sessions[near.clone()].iter().position(joined) {
            Some(at) => near.start + at,
            None => join_all(by, rules, time, row, own, &mut self.holds)?,
        };
        let session = &mut row.sessions[at];
        row.touched += usize::from(session.arrived.is_none());
        let (acc, arrived) = session.arrived.get_or_insert_with(|| (by.create(), Arrival::NONE));
        add(acc);
        arrived.add(arrival);
        Ok(())
    }
}

/// The window that two are to become, if they are.
fn join(window_fn: &WindowFn, a: Window, b: Window) -> Result<Option<Window>> {
    match window_fn.join(a, b) {
        // An element would be in a window that does not hold it, and come out when that ends.
        Some(joint) if !joint.covers(a) || !joint.covers(b) => Err(Error::data(format!(
            "the window function \"{window_fn}\" joined {a} and {b} to {joint}, which does not hold both: \
             return a window from the earlier start to the later end, or none"
        ))),
        joint => Ok(joint),
    }
}

/// Adds the window that `own` becomes with all that it is to be joined with. Returns its place.
fn join_all<A: Accumulate>(
    by: &A,
    rules: &Rules,
    time: Time,
    row: &mut KeyRow<A::Acc>,
    own: Window,
    holds: &mut Holds,
) -> Result<usize> {
    let (mut window, mut parts) = (own, Vec::new());
    let mut near = row.near(rules, window);
    while let Some(at) = near.next() {
        if let Some(joint) = join(&rules.strategy.window_fn, row.sessions[at].window, window)? {
            parts.push(row.sessions.remove(at));
            window = joint;
            near = row.near(rules, window); // it may now be joined with those that it was not joined with before
        }
    }
    let mut session = Session { window, row: Row::new(None, rules.start()), arrived: None };
    if !parts.is_empty() {
        let same = parts.iter().position(|p| p.window == window);
        let states: Vec<PaneState> = parts.iter().map(|p| p.row.state.clone()).collect();
        session.row = Row::new(None, rules.merge(&states, same, window, time));
        for mut part in parts {
            part.row.release(holds);
            row.touched -= usize::from(part.arrived.is_some());
            session.row.acc = both(session.row.acc, part.row.acc, |acc, other| by.merge(acc, other));
            session.arrived = both(session.arrived, part.arrived, |(acc, arrived), (other, more)| {
                by.merge(acc, other);
                arrived.add(more);
            });
        }
        row.touched += usize::from(session.arrived.is_some());
        session.row.set_hold(rules, window, time, holds);
    }
    let at = row.sessions.partition_point(|s| s.window.start() <= window.start());
    row.sessions.insert(at, session);
    Ok(at)
}

fn both<T>(a: Option<T>, b: Option<T>, merge: impl FnOnce(&mut T, T)) -> Option<T> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            merge(&mut a, b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

impl<A: Accumulate> Sessions<A> {
    /// Looks at the windows of a key whose ends or expiries have been reached.
    fn look_at(&mut self, by: &A, key: A::Key, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<()> {
        let (rules, time, holds) = (&self.rules, self.time, &mut self.holds);
        let Some(row) = self.keys.get_mut(&key) else { return Ok(()) };
        let mut result = Ok(());
        row.sessions.retain_mut(|Session { window, row: session, .. }| {
            let window = *window;
            if result.is_err() || !window.is_over(time.watermark) {
                return true;
            }
            let mut to = Place { by, rules, window, time, out };
            let expired = rules.is_expired(window, time.watermark);
            let fired = match expired {
                true => Some(rules.on_expiry(&mut session.state, window, time)),
                false => rules.on_end_of_window(&mut session.state, window, time),
            };
            result = session.give_out(&mut to, &key, fired);
            if expired {
                session.release(holds);
            } else {
                session.set_hold(rules, window, time, holds);
            }
            !expired
        });
        result?;
        if row.sessions.is_empty() {
            self.keys.remove(&key);
        } else if let Some(t) = row.arm(rules, time.watermark) {
            self.ends.entry(t).or_default().push(key);
        }
        Ok(())
    }
}

impl<A: Accumulate> Groups<A> for MergingGroups<A> {
    type Rows = Sessions<A>;

    fn for_each_run<T>(
        &mut self,
        batch: &Batch<T>,
        len: usize,
        mut each: impl FnMut(Run<'_, Sessions<A>>) -> Result<()>,
    ) -> Result<()> {
        // An element is late if the window that it has by itself is.
        let mut start = 0;
        for i in 0..len {
            let window = batch.window(i);
            if self.0.rules.is_expired(window, self.0.time.watermark) {
                if start < i {
                    each(Run { elements: start..i, rows: Some(&mut self.0), late: &[] })?;
                }
                each(Run { elements: i..i + 1, rows: None, late: &[window] })?;
                start = i + 1;
            }
        }
        if start < len {
            each(Run { elements: start..len, rows: Some(&mut self.0), late: &[] })?;
        }
        Ok(())
    }

    fn finish_bundle(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<()> {
        let all = &mut self.0;
        let (rules, time) = (&all.rules, all.time);
        let mut out = PaneEmitter::new(out);
        for key in all.touched.drain(..) {
            let Some(row) = all.keys.get_mut(&key) else { continue };
            // Most often they are among the last ones.
            for Session { window, row: session, arrived } in row.sessions.iter_mut().rev() {
                if row.touched == 0 {
                    break;
                }
                let Some((acc, arrival)) = arrived.take() else { continue };
                row.touched -= 1;
                let mut to = Place { by, rules, window: *window, time, out: &mut out };
                session.take_bundle(&mut to, &key, Some(acc), arrival)?;
                session.set_hold(rules, *window, time, &mut all.holds);
                if let Some(t) = session.new_hint() {
                    all.timers.entry(t).or_default().push(key.clone());
                }
            }
            if let Some(t) = row.arm(rules, time.watermark) {
                all.ends.entry(t).or_default().push(key);
            }
        }
        out.send()
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        let all = &mut self.0;
        all.time.watermark = all.time.watermark.max(watermark);
        let mut out = PaneEmitter::new(out);
        while let Some(first) = all.ends.first_entry().filter(|e| *e.key() <= all.time.watermark) {
            let t = *first.key();
            if out.is_full() {
                out.send()?;
                return Ok(Advance::more((t - Duration::micros(1)).min(all.holds.min())));
            }
            for key in first.remove() {
                let due = all.keys.get_mut(&key).filter(|row| row.armed == Some(t));
                if let Some(row) = due {
                    row.armed = None;
                    all.look_at(by, key, &mut out)?;
                }
            }
        }
        out.send()?;
        Ok(Advance::to(watermark.min(all.holds.min())).pending(!all.timers.is_empty()))
    }

    fn processing_time(&mut self, by: &A, now: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<bool> {
        let all = &mut self.0;
        all.time.now = now;
        let (rules, time) = (&all.rules, all.time);
        let mut out = PaneEmitter::new(out);
        let mut looked = false;
        let later = all.timers.split_off(&now); // at that very time they are not due
        for keys in std::mem::replace(&mut all.timers, later).into_values() {
            for key in keys {
                let Some(row) = all.keys.get_mut(&key) else { continue };
                for Session { window, row: session, .. } in &mut row.sessions {
                    if !session.takes_hint(now) {
                        continue;
                    }
                    looked = true;
                    let mut to = Place { by, rules, window: *window, time, out: &mut out };
                    let fired = rules.fire_if_ready(&mut session.state, *window, time);
                    session.give_out(&mut to, &key, fired)?;
                    session.set_hold(rules, *window, time, &mut all.holds);
                    if let Some(t) = session.new_hint() {
                        all.timers.entry(t).or_default().push(key.clone());
                    }
                }
            }
        }
        out.send()?;
        Ok(looked)
    }

    fn snapshot(&self, to: &mut StateWriter) -> Result<()> {
        if !self.0.touched.is_empty() {
            return Err(Error::internal("a snapshot was asked for within a bundle"));
        }
        for (key, row) in &self.0.keys.rows {
            for Session { window, row, .. } in &row.sessions {
                to.keyed(key, &(window, key, &row.acc, &row.state))?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, _: &A, from: StateReader<'_>) -> Result<()> {
        let all = &mut self.0;
        from.keyed(|(window, key, acc, state): (Window, A::Key, Option<A::Acc>, PaneState)| {
            let key_row = all.keys.row(Cow::Borrowed(&key), KeyRow::new);
            let mut row = Row::new(acc, state);
            row.set_hold(&all.rules, window, all.time, &mut all.holds);
            if let Some(t) = row.new_hint() {
                all.timers.entry(t).or_default().push(key.clone());
            }
            let at = key_row.sessions.partition_point(|s| s.window.start() <= window.start());
            key_row.sessions.insert(at, Session { window, row, arrived: None });
            if let Some(t) = key_row.arm(&all.rules, all.time.watermark) {
                all.ends.entry(t).or_default().push(key);
            }
            Ok(())
        })
    }
}
