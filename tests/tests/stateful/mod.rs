//! DoFns of keys in a few lines, and streams for them.

#![allow(dead_code)] // each suite uses a part

use dataflow_core::state::{KeyContext, StateRow, Value};
use dataflow_core::{BoxError, Element, KeyedDoFn, OnWindowExpiration, Output, TestStream};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_tests::{Way, in_every_way};
use dataflow_windows::{Duration, FixedWindows, Timestamp, WindowingStrategy};

pub(crate) type Done = Result<(), BoxError>;
pub(crate) type Context<'a> = KeyContext<'a, u64>;
pub(crate) type Texts<'a> = Output<'a, String>;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A DoFn of two functions. It says what it does in texts.
pub(crate) struct Program<S: StateRow> {
    pub(crate) process: fn(&Context<'_>, Element<i64>, &mut S, &mut Texts<'_>) -> Done,
    pub(crate) on_timer: fn(&Context<'_>, S::Timer, &mut S, &mut Texts<'_>) -> Done,
}

impl<S: StateRow> Clone for Program<S> {
    fn clone(&self) -> Self {
        Program { ..*self }
    }
}

impl<S: StateRow> KeyedDoFn for Program<S> {
    type Key = u64;
    type In = i64;
    type Out = String;
    type State = S;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, state: &mut S, out: &mut Texts<'_>) -> Done {
        (self.process)(c, element, state, out)
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: S::Timer, state: &mut S, out: &mut Texts<'_>) -> Done {
        (self.on_timer)(c, timer, state, out)
    }
}

/// A stream of the same events for three keys, so that all threads have something to do.
pub(crate) fn stream(fill: impl Fn(&mut dyn FnMut(i64, i64), &mut dyn FnMut(i64))) -> TestStream<(u64, i64)> {
    let stream = std::cell::RefCell::new(TestStream::new());
    fill(
        &mut |value, seconds| {
            for key in 0..3 {
                stream.borrow_mut().add((key, value), at(seconds));
            }
        },
        &mut |seconds| {
            stream.borrow_mut().advance_watermark_to(at(seconds));
        },
    );
    stream.into_inner()
}

/// What comes of each of the keys in fixed windows of a minute: texts with their times in seconds, sorted.
pub(crate) fn outputs(out: &Collected<(u64, String)>) -> Vec<(String, i64)> {
    let of = |key| {
        let elements = out.elements().into_iter().filter(|e| e.value.0 == key);
        let mut texts: Vec<_> = elements.map(|e| (e.value.1, e.timestamp.as_millis() / 1_000)).collect();
        texts.sort();
        texts
    };
    assert_eq!(of(0), of(1));
    assert_eq!(of(0), of(2));
    of(0)
}

pub(crate) fn run_keyed<D>(
    stream: &TestStream<(u64, i64)>,
    windowing: impl Into<WindowingStrategy> + Clone,
    do_fn: D,
    check: impl Fn(Vec<(String, i64)>, Way),
) where
    D: KeyedDoFn<Key = u64, In = i64, Out = String> + Sync,
{
    in_every_way(
        |p| {
            let windowed = p.test_stream("Events", stream).window("Window", windowing.clone());
            windowed.par_do_stateful("Program", WithKey(do_fn.clone())).collect("Out")
        },
        |out, _, way| check(outputs(&out), way),
    );
}

/// Adds the key to what another DoFn emits.
#[derive(Clone)]
pub(crate) struct WithKey<D>(pub(crate) D);

impl<D: KeyedDoFn<Key = u64, In = i64, Out = String>> WithKey<D> {
    fn with(
        &mut self,
        c: &Context<'_>,
        out: &mut Output<'_, (u64, String)>,
        call: impl FnOnce(&mut D, &mut Texts<'_>) -> Done,
    ) -> Done {
        let mut batch = dataflow_core::plane::Batch::default();
        let now = Element::new((), c.timestamp(), c.window(), dataflow_windows::PaneInfo::NO_FIRING);
        call(&mut self.0, &mut Output::new(&mut batch, Some(now)))?;
        for (i, text) in std::mem::take(&mut batch.values).into_iter().enumerate() {
            out.emit_at((*c.key(), text), batch.times.get(i), batch.window(i));
        }
        Ok(())
    }

    fn expired(&mut self, c: &Context<'_>, state: &mut D::State, out: &mut Output<'_, (u64, String)>) -> Done {
        self.with(c, out, |d, out| D::ON_WINDOW_EXPIRATION.map_or(Ok(()), |f| f(d, c, state, out)))
    }
}

impl<D: KeyedDoFn<Key = u64, In = i64, Out = String>> KeyedDoFn for WithKey<D> {
    type Key = u64;
    type In = i64;
    type Out = (u64, String);
    type State = D::State;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = match D::ON_WINDOW_EXPIRATION {
        Some(_) => Some(Self::expired),
        None => None,
    };

    fn process(&mut self, c: &Context<'_>, e: Element<i64>, s: &mut D::State, out: &mut Output<'_, Self::Out>) -> Done {
        self.with(c, out, |d, out| d.process(c, e, s, out))
    }

    fn on_timer(
        &mut self,
        c: &Context<'_>,
        timer: <D::State as StateRow>::Timer,
        s: &mut D::State,
        out: &mut Output<'_, Self::Out>,
    ) -> Done {
        self.with(c, out, |d, out| d.on_timer(c, timer, s, out))
    }
}

pub(crate) fn texts<const N: usize>(expected: [(&str, i64); N]) -> Vec<(String, i64)> {
    expected.into_iter().map(|(text, at)| (text.to_owned(), at)).collect()
}

pub(crate) fn minutely() -> FixedWindows {
    FixedWindows::of(Duration::minutes(1))
}

#[derive(Default, StateRow)]
pub(crate) struct Count {
    count: Value<u64>,
}

pub(crate) fn counting() -> Program<Count> {
    Program {
        process: |_, element, state, out| {
            *state.count.or_default() += 1;
            out.emit(format!("{} is #{}", element.value, state.count.get_or_default()));
            Ok(())
        },
        on_timer: |_, timer, _, _| match timer {},
    }
}
