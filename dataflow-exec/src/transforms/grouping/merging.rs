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
    /// Those to be added for one row; empty otherwise.
    new_timers: Vec<Timestamp>,
    holds: Holds,
}

/// The windows of a key.
struct KeyRow<C> {
    sessions: Vec<Session<C>>,
    /// The watermark at which one of them is to be looked at, if it is noted.
    armed: Option<Timestamp>,
    touched: bool,
}

struct Session<C> {
    window: Window,
    row: Row<C>,
    /// What has come in this bundle.
    arrival: Arrival,
}

impl<C> KeyRow<C> {
    fn new() -> Self {
        KeyRow { sessions: Vec::new(), armed: None, touched: false }
    }

    /// The watermark at which one of its windows is to be looked at, if it is not noted yet.
    fn arm(&mut self, rules: &Rules, watermark: Timestamp) -> Option<Timestamp> {
        let next = |s: &Session<C>| match s.window.is_over(watermark) {
            false => s.window.end(),
            true => rules.strategy.expiry(s.window),
        };
        let next = self.sessions.iter().map(next).min()?;
        if self.armed.is_some_and(|armed| armed <= next) {
            return None;
        }
        self.armed = Some(next);
        self.armed
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
            new_timers: Vec::new(),
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
        if !std::mem::replace(&mut row.touched, true) {
            self.touched.push(key.into_owned());
        }
        let own = window();
        let joined = |s: &Session<A::Acc>| {
            s.window == own || (s.window.covers(own) && rules.strategy.window_fn.join(s.window, own) == Some(s.window))
        };
        let session = match row.sessions.iter().position(joined) {
            Some(at) => &mut row.sessions[at],
            None => join_all(by, rules, time, &mut row.sessions, own, &mut self.holds)?,
        };
        add(session.row.acc.get_or_insert_with(|| by.create()));
        session.arrival.add(arrival);
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

/// The window that `own` becomes with all that it is to be joined with.
fn join_all<'s, A: Accumulate>(
    by: &A,
    rules: &Rules,
    time: Time,
    sessions: &'s mut Vec<Session<A::Acc>>,
    own: Window,
    holds: &mut Holds,
) -> Result<&'s mut Session<A::Acc>> {
    let (mut window, mut parts) = (own, Vec::new());
    let mut at = 0;
    while let Some(session) = sessions.get(at) {
        match join(&rules.strategy.window_fn, session.window, window)? {
            Some(joint) => {
                parts.push(sessions.swap_remove(at));
                window = joint;
                at = 0; // it may now be joined with those that it was not joined with before
            }
            None => at += 1,
        }
    }
    let session = if parts.is_empty() {
        Session { window, row: Row::new(None, rules.start()), arrival: Arrival::NONE }
    } else {
        let same = parts.iter().position(|p| p.window == window);
        let states: Vec<PaneState> = parts.iter().map(|p| p.row.state.clone()).collect();
        let mut session =
            Session { window, row: Row::new(None, rules.merge(&states, same, window, time)), arrival: Arrival::NONE };
        for mut part in parts {
            part.row.release(holds);
            session.arrival.add(part.arrival);
            match (&mut session.row.acc, part.row.acc) {
                (Some(acc), Some(other)) => by.merge(acc, other),
                (Some(_), None) => {} // what the part had has been given out
                (none @ None, acc) => *none = acc,
            }
        }
        session.row.set_hold(rules, window, time, holds);
        session
    };
    sessions.push(session);
    let last = sessions.len() - 1;
    Ok(&mut sessions[last])
}

impl<A: Accumulate> Sessions<A> {
    /// Looks at the windows of a key whose ends or expiries have been reached.
    fn look_at(&mut self, by: &A, key: A::Key, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<()> {
        let (rules, time, holds) = (&self.rules, self.time, &mut self.holds);
        let Some(row) = self.keys.get_mut(&key) else { return Ok(()) };
        let mut at = 0;
        while let Some(Session { window, row: session, .. }) = row.sessions.get_mut(at) {
            let window = *window;
            let mut to = Place { by, rules, window, time, out };
            if rules.is_expired(window, time.watermark) {
                let fired = rules.on_expiry(&mut session.state, window, time);
                session.give_out(&mut to, &key, Some(fired))?;
                session.release(holds);
                row.sessions.swap_remove(at);
                continue;
            }
            if window.is_over(time.watermark) {
                let fired = rules.on_end_of_window(&mut session.state, window, time);
                session.give_out(&mut to, &key, fired)?;
                session.set_hold(rules, window, time, holds);
            }
            at += 1;
        }
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
            row.touched = false;
            for Session { window, row: session, arrival } in &mut row.sessions {
                let arrival = std::mem::replace(arrival, Arrival::NONE);
                if arrival.elements == 0 {
                    continue;
                }
                let mut to = Place { by, rules, window: *window, time, out: &mut out };
                session.take_bundle(&mut to, &key, None, arrival, &mut all.new_timers)?;
                session.set_hold(rules, *window, time, &mut all.holds);
                for t in all.new_timers.drain(..) {
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
        Ok(Advance::to(watermark.min(all.holds.min())))
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
                    if !session.state.timers.take_before(now) {
                        continue;
                    }
                    looked = true;
                    let mut to = Place { by, rules, window: *window, time, out: &mut out };
                    let fired = rules.fire_if_ready(&mut session.state, *window, time);
                    session.give_out(&mut to, &key, fired)?;
                    session.set_hold(rules, *window, time, &mut all.holds);
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

    fn restore(&mut self, from: StateReader<'_>) -> Result<()> {
        let all = &mut self.0;
        from.keyed(|(window, key, acc, state): (Window, A::Key, Option<A::Acc>, PaneState)| {
            let key_row = all.keys.row(Cow::Borrowed(&key), KeyRow::new);
            let mut row = Row::new(acc, state);
            row.set_hold(&all.rules, window, all.time, &mut all.holds);
            for t in row.state.timers.iter() {
                all.timers.entry(t).or_default().push(key.clone());
            }
            key_row.sessions.push(Session { window, row, arrival: Arrival::NONE });
            if let Some(t) = key_row.arm(&all.rules, all.time.watermark) {
                all.ends.entry(t).or_default().push(key);
            }
            Ok(())
        })
    }
}
