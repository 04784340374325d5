//! State where windows of a key become one, such as sessions.

use super::pane::Time;
use super::row::{Place, Row};
use super::run::for_each_on_time;
use super::table::Table;
use super::{Accumulate, Arrival, Groups, PaneEmitter, Rows, Rules, Run, holds::Holds, pane::PaneState};
use crate::transforms::hints::{Hint, Hints};
use dataflow_core::plane::{Advance, Batch, Emitter, StateReader, StateWriter};
use dataflow_core::{Error, Result};
use dataflow_windows::{Duration, Timestamp, Window, WindowFn};
use foldhash::fast::RandomState;
use smallvec::SmallVec;
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
    /// The hashes of keys for which something has come in this bundle.
    touched: Vec<u64>,
    /// When a window of a key is next to be looked at, by the hash of the key; the key's own note is the truth.
    ends: Hints<u64>,
    /// When windows of a key wait for processing time; their own notes are the truth.
    timers: BTreeMap<Timestamp, Vec<A::Key>>,
    holds: Holds,
}

/// The windows of a key, ordered by their starts.
struct KeyRow<C> {
    /// Most often it is one.
    sessions: SmallVec<[Session<C>; 1]>,
    /// The time of its live hint, behind which one of them is to be looked at, or `MAX`.
    armed: Timestamp,
    /// How many of them something has come for in this bundle.
    touched: usize,
}

struct Session<C> {
    window: Window,
    row: Row<C>,
    /// The window has grown in this bundle, which the state of the row does not know yet.
    has_grown: bool,
    /// What has come in this bundle.
    arrived: Option<(C, Arrival)>,
}

impl<C> Session<C> {
    fn new(window: Window, row: Row<C>) -> Self {
        Session { window, row, has_grown: false, arrived: None }
    }

    /// Makes the state of the row that of the window as it is now. Since what it comes to does not hang on the steps in
    /// which the window has grown, once a bundle is enough.
    #[inline]
    fn settle(&mut self, rules: &Rules, time: Time) {
        if std::mem::take(&mut self.has_grown) {
            let state = rules.merge(std::slice::from_ref(&self.row.state), None, self.window, time);
            self.row.turn_to(state);
        }
    }
}

impl<C> KeyRow<C> {
    fn new() -> Self {
        KeyRow { sessions: SmallVec::new(), armed: Timestamp::MAX, touched: 0 }
    }

    /// Notes when one of its windows is to be looked at, if it is not noted yet.
    fn arm(&mut self, rules: &Rules, watermark: Timestamp, hash: u64, ends: &mut Hints<u64>) {
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
        // A hint is due behind its time.
        let at = next.map(|next| next - Duration::micros(1));
        if let Some(at) = at.filter(|at| *at < self.armed) {
            self.armed = at;
            ends.push(at, hash);
        }
    }

    /// Which of its windows an element goes to whose window by itself is `own`: one that holds it, or that may grow by it
    /// alone.
    #[inline]
    fn place(&mut self, rules: &Rules, own: Window) -> Result<Option<usize>> {
        let window_fn = &rules.strategy.window_fn;
        if let ([only], WindowFn::Sessions(sessions)) = (&mut self.sessions[..], window_fn)
            && let Some(joint) = sessions.join(only.window, own)
        {
            only.has_grown |= joint != only.window;
            only.window = joint;
            return Ok(Some(0));
        }
        self.place_among(rules, own)
    }

    fn place_among(&mut self, rules: &Rules, own: Window) -> Result<Option<usize>> {
        let window_fn = &rules.strategy.window_fn;
        let near = self.near(rules, own);
        let holds = |s: &Session<C>| {
            s.window == own || (s.window.covers(own) && window_fn.join(s.window, own) == Some(s.window))
        };
        if let Some(at) = self.sessions[near.clone()].iter().position(holds) {
            return Ok(Some(near.start + at));
        }
        // What it would then have to be joined with is near, too, if windows are kept apart.
        let is_alone = near.len() == 1 && (self.sessions.len() == 1 || rules.keeps_windows_apart());
        if !is_alone {
            return Ok(None);
        }
        let session = &mut self.sessions[near.start];
        let Some(joint) = join(window_fn, session.window, own)? else { return Ok(None) };
        (session.window, session.has_grown) = (joint, true);
        Ok(Some(near.start))
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
            ends: Hints::default(),
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
        let hash = self.keys.hash(&key);
        let row = self.keys.row_with(hash, key, KeyRow::new);
        if row.touched == 0 {
            self.touched.push(hash);
        }
        let own = window();
        let at = match row.place(rules, own)? {
            Some(at) => at,
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
    let mut session = Session::new(window, Row::new(None, rules.start()));
    if !parts.is_empty() {
        parts.iter_mut().for_each(|part: &mut Session<A::Acc>| part.settle(rules, time));
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
    fn look_at(&mut self, by: &A, hint: Hint<u64>, out: &mut PaneEmitter<'_, '_, A::Out>) -> Result<()> {
        let (rules, time, holds) = (&self.rules, self.time, &mut self.holds);
        let Some(mut entry) = self.keys.find(hint.row, |row| row.armed == hint.at) else { return Ok(()) };
        let (key, row) = entry.get_mut();
        row.armed = Timestamp::MAX;
        let mut result = Ok(());
        row.sessions.retain(|session| {
            let window = session.window;
            if result.is_err() || !window.is_over(time.watermark) {
                return true;
            }
            session.settle(rules, time);
            let row = &mut session.row;
            let mut to = Place { by, rules, window, time, out };
            let expired = rules.is_expired(window, time.watermark);
            let fired = match expired {
                true => Some(rules.on_expiry(&mut row.state, window, time)),
                false => rules.on_end_of_window(&mut row.state, window, time),
            };
            result = row.give_out(&mut to, key, fired);
            if expired {
                row.release(holds);
            } else {
                row.set_hold(rules, window, time, holds);
            }
            !expired
        });
        result?;
        if row.sessions.is_empty() {
            entry.remove();
        } else {
            row.arm(rules, time.watermark, hint.row, &mut self.ends);
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
        each: impl FnMut(Run<'_, Sessions<A>>) -> Result<()>,
    ) -> Result<()> {
        let (rules, watermark) = (self.0.rules.clone(), self.0.time.watermark);
        for_each_on_time(batch, len, &mut self.0, |window| rules.is_expired(window, watermark), each)
    }

    fn finish_bundle(&mut self, by: &A, out: &mut Emitter<'_, A::Out>) -> Result<()> {
        let all = &mut self.0;
        let (rules, time) = (&all.rules, all.time);
        let mut out = PaneEmitter::new(out);
        for hash in all.touched.drain(..) {
            let Some(mut entry) = all.keys.find(hash, |row| row.touched > 0) else { continue };
            let (key, row) = entry.get_mut();
            // Most often they are among the last ones.
            for session in row.sessions.iter_mut().rev() {
                if row.touched == 0 {
                    break;
                }
                let Some((acc, arrival)) = session.arrived.take() else { continue };
                row.touched -= 1;
                session.settle(rules, time);
                let Session { window, row: session, .. } = session;
                let mut to = Place { by, rules, window: *window, time, out: &mut out };
                session.take_bundle(&mut to, key, Some(acc), arrival)?;
                session.set_hold(rules, *window, time, &mut all.holds);
                if let Some(t) = session.new_hint() {
                    all.timers.entry(t).or_default().push(key.clone());
                }
            }
            row.arm(rules, time.watermark, hash, &mut all.ends);
        }
        out.send()
    }

    fn advance(&mut self, by: &A, watermark: Timestamp, out: &mut Emitter<'_, A::Out>) -> Result<Advance> {
        let all = &mut self.0;
        all.time.watermark = all.time.watermark.max(watermark);
        let mut out = PaneEmitter::new(out);
        while let Some(first) = all.ends.earliest_before(all.time.watermark) {
            if out.is_full() {
                out.send()?;
                return Ok(Advance::more(first.min(all.holds.min())));
            }
            if let Some(hint) = all.ends.pop_before(all.time.watermark) {
                all.look_at(by, hint, &mut out)?;
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
                for session in &mut row.sessions {
                    session.settle(rules, time);
                    let Session { window, row: session, .. } = session;
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
            let hash = all.keys.hash(&key);
            let key_row = all.keys.row_with(hash, Cow::Borrowed(&key), KeyRow::new);
            let mut row = Row::new(acc, state);
            row.set_hold(&all.rules, window, all.time, &mut all.holds);
            if let Some(t) = row.new_hint() {
                all.timers.entry(t).or_default().push(key);
            }
            let at = key_row.sessions.partition_point(|s| s.window.start() <= window.start());
            key_row.sessions.insert(at, Session::new(window, row));
            key_row.arm(&all.rules, all.time.watermark, hash, &mut all.ends);
            Ok(())
        })
    }
}
