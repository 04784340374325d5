//! State and timers of a key, for tests to look at.

use super::KeyedDoFnTester;
use dataflow_core::state::{CellVisitor, Expiring, Setting, StateCell, StateRow, TimerCell, row};
use dataflow_core::{Key, KeyedDoFn, Result};
use dataflow_windows::{Duration, Timestamp, Window};
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// A timer that is set, as a [`KeyedDoFnTester`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SetTimer {
    /// The name of its field.
    pub name: String,
    /// Which of a family it is.
    pub id: Option<String>,
    /// When it fires.
    pub at: Timestamp,
    /// The timestamp of what its callback emits.
    pub output: Timestamp,
}

impl SetTimer {
    /// The timer of the field `name`, set for `at`, with that as its output timestamp, as a timer of event time has it by
    /// default.
    pub fn new(name: &str, at: Timestamp) -> Self {
        SetTimer { name: name.to_owned(), id: None, at, output: at }
    }

    /// The same for timer `id` of a family.
    pub fn of_family(name: &str, id: &str, at: Timestamp) -> Self {
        SetTimer { id: Some(id.to_owned()), ..Self::new(name, at) }
    }

    /// With the output timestamp `output`. A timer of processing time has that of the element that set it.
    #[must_use]
    pub fn with_output(self, output: Timestamp) -> Self {
        SetTimer { output, ..self }
    }
}

/// One line: the name, the time, and the output timestamp if it is another.
impl fmt::Debug for SetTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SetTimer { name, id, at, output } = self;
        f.write_str(name)?;
        if let Some(id) = id {
            write!(f, "[{id:?}]")?;
        }
        write!(f, " for {at}")?;
        if output == at { Ok(()) } else { write!(f, " with output at {output}") }
    }
}

/// Keys are given as to a `HashMap`: for `String` keys also a `&str` is one.
impl<D: KeyedDoFn> KeyedDoFnTester<D> {
    /// The state of a key, as a copy; `None` if all its cells are empty.
    ///
    /// # Panics
    /// If the key has state in several windows: [`state_in`](Self::state_in) is for that.
    #[track_caller]
    pub fn state<Q>(&self, key: &Q) -> Option<D::State>
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        let mut states = self.states(key);
        if states.len() > 1 {
            let windows: Vec<String> = states.iter().map(|(window, _)| window.to_string()).collect();
            panic!(
                "key {key:?} has state in several windows, {}: say in which, as by `state_in`",
                windows.join(" and ")
            );
        }
        states.pop().map(|(_, state)| state)
    }

    /// The state of a key in `window`, as a copy; `None` if all its cells are empty.
    pub fn state_in<Q>(&self, key: &Q, window: Window) -> Option<D::State>
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        self.states(key).into_iter().find(|(w, _)| *w == window).map(|(_, state)| state)
    }

    /// The timers of a key that are set: in the order of the fields, those of a family by id.
    ///
    /// # Panics
    /// If the key has state in several windows: [`timers_in`](Self::timers_in) is for that.
    #[track_caller]
    pub fn timers<Q>(&self, key: &Q) -> Vec<SetTimer>
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        self.state(key).map_or_else(Vec::new, timers)
    }

    /// The timers of a key in `window` that are set, as [`timers`](Self::timers) gives them.
    pub fn timers_in<Q>(&self, key: &Q, window: Window) -> Vec<SetTimer>
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        self.state_in(key, window).map_or_else(Vec::new, timers)
    }

    /// Whether all cells of the key are empty, in all windows.
    pub fn has_no_state<Q>(&self, key: &Q) -> bool
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        self.states(key).is_empty()
    }

    /// The keys that have state, in the order of their [encodings](Key::encode_key), which is that of the values. A test
    /// that state does not pile up says that there are none in the end.
    pub fn keys(&self) -> Vec<D::Key> {
        let mut machine = self.machine.borrow_mut();
        let rows = machine.iter_mut().flat_map(|machine| machine.state());
        let mut keys: Vec<(Vec<u8>, D::Key)> =
            rows.filter_map(|(key, state)| (!row::is_vacant(state)).then(|| (encoded(key), key.clone()))).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys.dedup_by(|a, b| a.0 == b.0); // one in several windows
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Copies of the state of a key where it has some, by window.
    pub(super) fn states<Q>(&self, key: &Q) -> Vec<(Window, D::State)>
    where
        D::Key: Borrow<Q>,
        Q: Hash + Eq + fmt::Debug + ?Sized,
    {
        let mut machine = self.machine.borrow_mut();
        let rows = machine.iter_mut().flat_map(|machine| machine.state_of(key));
        let mut states: Vec<(Window, D::State)> = rows
            .filter_map(|(window, state)| (!row::is_vacant(state)).then_some((window, state)))
            .map(|(window, state)| match copy(state) {
                Ok(copy) => (window, copy),
                Err(error) => panic!("the state of key {key:?} cannot be written and read back: {error}"),
            })
            .collect();
        states.sort_by_key(|(window, _)| *window);
        states
    }
}

fn encoded(key: &impl Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_key(&mut bytes);
    bytes
}

fn copy<S: StateRow>(state: &mut S) -> Result<S> {
    let (mut bytes, mut copy) = (Vec::new(), S::default());
    row::encode(state, &mut bytes)?;
    row::decode(&mut copy, &bytes)?;
    Ok(copy)
}

fn timers<S: StateRow>(mut state: S) -> Vec<SetTimer> {
    let mut list = ListTimers(Vec::new());
    _ = state.visit(&mut list); // it has no errors
    list.0
}

struct ListTimers(Vec<SetTimer>);

impl CellVisitor for ListTimers {
    fn cell<C: StateCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    fn timer<C: TimerCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.0.extend(cell.list().into_iter().map(|(id, Setting { at, output })| SetTimer {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            at,
            output,
        }));
        Ok(())
    }

    fn expiring<C: StateCell>(&mut self, _: &'static str, _: Duration, _: &mut Expiring<C>) -> Result<()> {
        Ok(())
    }
}

/// The cells that have something in them: the names of those with data, then the timers.
pub(super) fn contents<S: StateRow>(mut state: S) -> Vec<String> {
    let mut names = ListCells(Vec::new());
    _ = state.visit(&mut names); // it has no errors
    names.0.extend(timers(state).iter().map(|timer| format!("timer {timer:?}")));
    names.0
}

struct ListCells(Vec<String>);

impl ListCells {
    fn add(&mut self, name: &str, vacant: bool) -> Result<()> {
        self.0.extend((!vacant).then(|| format!("cell {name}")));
        Ok(())
    }
}

impl CellVisitor for ListCells {
    fn cell<C: StateCell>(&mut self, name: &'static str, cell: &mut C) -> Result<()> {
        self.add(name, cell.is_vacant())
    }

    fn timer<C: TimerCell>(&mut self, _: &'static str, _: &mut C) -> Result<()> {
        Ok(())
    }

    fn expiring<C: StateCell>(&mut self, name: &'static str, _: Duration, cell: &mut Expiring<C>) -> Result<()> {
        let inner: &C = cell;
        self.add(name, inner.is_vacant())
    }
}
