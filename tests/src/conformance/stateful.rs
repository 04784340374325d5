//! Program vectors with state and timers: `TestStream -> window -> par_do_stateful`.

use super::Settings;
use super::stream::test_stream;
use crate::vectors::{Dropped, Ending, Outcome, Params, ProgramVector, Text, Windowing};
use dataflow_core::state::{
    Bag, Combining, EventTimer, EventTimerFamily, KeyContext, Map, OrderedList, ProcessingTimer, Set, Value,
};
use dataflow_core::{BoxError, CombineFn, Element, KeyedDoFn, OnWindowExpiration, Output, Pipeline};
use dataflow_derive::StateRow;
use dataflow_exec::transforms::*;
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use std::collections::BTreeMap;

const PROGRAMS: [&str; 13] = [
    "running_count",
    "bag_flush_at_window_end",
    "buffer_until",
    "looping_timer",
    "session_by_timer",
    "cancel_timer",
    "output_timestamp_hold",
    "processing_time_timer",
    "both_timers",
    "dynamic_timer_family",
    "timer_chain",
    "map_set_ordered",
    "on_window_expiration",
];

/// Whether there is such a program.
pub(super) fn knows(program: &str) -> bool {
    PROGRAMS.contains(&program)
}

/// What comes of a vector.
pub(super) fn run(vector: &ProgramVector, settings: &Settings) -> Ending {
    let program = Program { name: vector.program.clone(), params: vector.params.clone() };
    let outcome = match vector.program.as_str() {
        "on_window_expiration" => outputs(vector, settings, WithExpiration(program)),
        _ => outputs(vector, settings, program),
    };
    outcome.unwrap_or_else(|ending| ending)
}

fn outputs<D>(vector: &ProgramVector, settings: &Settings, do_fn: D) -> Result<Ending, Ending>
where
    D: KeyedDoFn<Key = String, In = i64, Out = (String, String)> + Sync,
{
    let lateness = vector.allowed_lateness_ms;
    let strategy = Windowing { allowed_lateness_ms: lateness, ..Windowing::of(vector.window_fn.clone()) };
    let stream = test_stream(&vector.events, settings, |e| (settings.key(&e.key), e.value));
    let p = Pipeline::new("vector");
    let texts =
        p.test_stream("Events", &stream).window("Window", strategy.to_engine()).par_do_stateful("Program", do_fn);
    let text = |key: &str, text: String, element: Element<()>| Text {
        key: settings.script_key(key),
        text,
        timestamp_ms: element.timestamp.as_millis(),
        window: element.window().into(),
    };
    let Some(size) = vector.params.numbers.get("downstream_fixed_ms") else {
        let out = texts.collect("Out");
        let metrics = settings.run(&p)?;
        let found: Vec<Text> =
            out.elements().iter().map(|e| text(&e.value.0, e.value.1.clone(), without_value(e))).collect();
        let dropped = Dropped { lateness: metrics.get("Program", "dropped_late"), ..Dropped::default() };
        return Ok(Ending::Outputs(Outcome::of(&found, dropped)));
    };
    let fixed = dataflow_windows::WindowingStrategy::of(FixedWindows::of(Duration::millis(*size)));
    let windowed = texts.window("Downstream", fixed.allowed_lateness(Duration::millis(lateness)));
    let out = windowed.group_by_key("Group").collect("Out");
    let metrics = settings.run(&p)?;
    let pane = |e: &Element<(String, Vec<String>)>| {
        let mut texts = e.value.1.clone();
        texts.sort();
        let timing = if e.pane.timing == dataflow_windows::Timing::Late { "late" } else { "on_time" };
        text(&e.value.0, format!("{timing} [{}]", texts.join(", ")), without_value(e))
    };
    let found: Vec<Text> = out.elements().iter().map(pane).collect();
    let (lateness, downstream) = (metrics.get("Program", "dropped_late"), metrics.get("Group", "dropped_late"));
    Ok(Ending::Outputs(Outcome::of(&found, Dropped { lateness, downstream, ..Dropped::default() })))
}

fn without_value<T>(e: &Element<T>) -> Element<()> {
    Element::new((), e.timestamp, e.window(), e.pane)
}

#[derive(Clone, Default, Debug)]
struct Sum;

impl CombineFn for Sum {
    type In = i64;
    type Acc = i64;
    type Out = i64;
    fn create(&self) -> i64 {
        0
    }
    fn add(&self, acc: &mut i64, value: &i64) {
        *acc += value;
    }
    fn merge(&self, acc: &mut i64, other: i64) {
        *acc += other;
    }
    fn extract(&self, acc: i64) -> i64 {
        acc
    }
}

/// What the programs keep, all in one.
#[derive(Default, StateRow)]
struct Cells {
    n: Value<i64>,
    sum: Combining<Sum>,
    bag: Bag<i64>,
    at: Value<Timestamp>,
    left: Value<i64>,
    set_once: Value<bool>,
    log: Bag<String>,
    map: Map<i64, i64>,
    set: Set<i64>,
    list: OrderedList<i64>,
    t: EventTimer,
    e: EventTimer,
    p: ProcessingTimer,
    b: EventTimer,
    f: EventTimerFamily,
}

#[derive(Clone)]
struct Program {
    name: String,
    params: Params,
}

type Context<'a> = KeyContext<'a, String>;
type Out<'a> = Output<'a, (String, String)>;
type Done = Result<(), BoxError>;

fn list<'a>(numbers: impl IntoIterator<Item = &'a i64>) -> String {
    let mut numbers: Vec<i64> = numbers.into_iter().copied().collect();
    numbers.sort_unstable();
    format!("{numbers:?}")
}

fn emit(c: &Context<'_>, out: &mut Out<'_>, text: String) {
    out.emit((c.key().clone(), text));
}

impl Program {
    fn duration(&self, param: &str) -> Result<Duration, String> {
        self.params.get(param).map(Duration::millis)
    }
}

impl KeyedDoFn for Program {
    type Key = String;
    type In = i64;
    type Out = (String, String);
    type State = Cells;

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, s: &mut Cells, out: &mut Out<'_>) -> Done {
        let (value, ts) = (element.value, element.timestamp);
        match self.name.as_str() {
            "running_count" => {
                *s.n.or_default() += 1;
                s.sum.add(&value);
                emit(c, out, format!("n={} sum={}", s.n.get_or_default(), s.sum.get()));
            }
            "bag_flush_at_window_end" | "on_window_expiration" => {
                s.bag.add(value);
                s.t.set(c.window().max_timestamp());
            }
            "buffer_until" => {
                s.bag.add(value);
                let x = c.within_window(ts + self.duration("delay_ms")?);
                if s.at.get().is_none_or(|at| x < *at) {
                    s.at.set(x);
                    s.t.set(x);
                }
            }
            "looping_timer" => {
                *s.n.or_default() += 1;
                let period = self.duration("period_ms")?;
                if s.left.is_empty() && ts + period <= c.window().max_timestamp() {
                    s.left.set(self.params.get("rounds")?);
                    s.t.set_relative(c, period);
                }
            }
            "session_by_timer" => {
                *s.n.or_default() += 1;
                let x = ts + self.duration("gap_ms")?;
                s.t.set(if self.params.get_or("clamp", 1) != 0 { c.within_window(x) } else { x });
            }
            "cancel_timer" if value < 0 => {
                s.t.clear();
                emit(c, out, format!("cancel sum={}", s.sum.get()));
            }
            "cancel_timer" => {
                s.sum.add(&value);
                let x = c.within_window(ts + self.duration("delay_ms")?);
                match value % 10 {
                    8 => {
                        s.t.clear();
                        s.t.set(x);
                    }
                    9 => {
                        s.t.set(x);
                        s.t.clear();
                    }
                    _ => s.t.set(x),
                }
            }
            "output_timestamp_hold" => {
                s.bag.add(value);
                if s.set_once.is_empty() {
                    s.set_once.set(true);
                    let x = c.within_window(ts + self.duration("delay_ms")?);
                    let output = ts + Duration::millis(self.params.get_or("output_offset_ms", 0));
                    if self.params.get("hold")? == 1 { s.t.set_with_output(x, output) } else { s.t.set(x) }
                }
            }
            "processing_time_timer" => {
                if s.n.is_empty() {
                    s.p.set_relative(c, self.duration("delay_ms")?);
                }
                *s.n.or_default() += 1;
            }
            "both_timers" => {
                s.log.add(value.to_string());
                s.e.set(c.within_window(ts + self.duration("event_delay_ms")?));
                s.p.set(c.processing_time() + self.duration("processing_delay_ms")?);
            }
            "dynamic_timer_family" | "timer_chain" => {
                let x = c.within_window(ts + Duration::millis(value * self.params.get("unit_ms")?));
                let id = if self.name == "timer_chain" { format!("a{}", value % 3) } else { format!("t{}", value % 4) };
                s.f.set(&id, x);
            }
            "map_set_ordered" => emit(c, out, collections(s, value, ts)),
            other => return Err(format!("there is no program {other}").into()),
        }
        Ok(())
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: CellsTimer, s: &mut Cells, out: &mut Out<'_>) -> Done {
        let t = c.fired_at();
        match timer {
            CellsTimer::T => self.on_t(c, t, s, out)?,
            CellsTimer::E => {
                s.log.add("E".to_owned());
                emit(c, out, s.log.as_slice().join(" "));
                if self.params.get("event_cancels_processing")? == 1 {
                    s.p.clear();
                }
            }
            CellsTimer::P if self.name == "both_timers" => {
                s.log.add("P".to_owned());
                emit(c, out, s.log.as_slice().join(" "));
            }
            CellsTimer::P => emit(c, out, format!("batch n={}", s.n.take().unwrap_or_default())),
            CellsTimer::B => {
                *s.n.or_default() += 1;
                emit(c, out, format!("b #{}", s.n.get_or_default()));
            }
            CellsTimer::F(id) => {
                *s.n.or_default() += 1;
                emit(c, out, format!("{id} #{}", s.n.get_or_default()));
                if self.name == "timer_chain" {
                    s.b.set(c.within_window(t + self.duration("chain_ms")?));
                }
            }
        }
        Ok(())
    }
}

impl Program {
    fn on_t(&self, c: &Context<'_>, t: Timestamp, s: &mut Cells, out: &mut Out<'_>) -> Done {
        let text = match self.name.as_str() {
            "bag_flush_at_window_end" => format!("flush {}", list(&s.bag.take())),
            "buffer_until" => {
                s.at.clear();
                format!("content {}", list(&s.bag.take()))
            }
            "looping_timer" => {
                let (left, x) = (s.left.get_or_default() - 1, t + self.duration("period_ms")?);
                if left > 0 && x <= c.window().max_timestamp() {
                    s.left.set(left);
                    s.t.set(x);
                } else {
                    s.left.clear();
                }
                format!("tick left={left} n={}", s.n.get_or_default())
            }
            "session_by_timer" => format!("session n={}", s.n.take().unwrap_or_default()),
            "cancel_timer" => format!("fire sum={}", s.sum.take().unwrap_or_default()),
            "output_timestamp_hold" => {
                s.set_once.clear();
                format!("{} fired_at={}", list(&s.bag.take()), t.as_millis())
            }
            "on_window_expiration" => {
                let bag = list(&s.bag);
                if self.params.get("clear")? == 1 {
                    s.bag.clear();
                }
                format!("end {bag}")
            }
            other => return Err(format!("{other} has no timer T").into()),
        };
        emit(c, out, text);
        Ok(())
    }
}

fn collections(s: &mut Cells, value: i64, ts: Timestamp) -> String {
    let m = value.abs() % 5;
    if value >= 0 {
        *s.map.or_default(m) += value;
        s.set.insert(value % 7);
        s.list.add(ts, value);
    } else {
        s.map.remove(&m);
        s.set.remove(&(value.abs() % 7));
        s.list.clear_range(ts - Duration::seconds(1)..ts);
    }
    let map: BTreeMap<_, _> = s.map.iter().collect();
    let map: Vec<String> = map.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let entries: Vec<String> = s.list.iter().map(|(t, v)| format!("{}:{v}", t.as_millis())).collect();
    format!(
        "map={{{}}} set={} list=[{}] range={} has={} empty={}",
        map.join(", "),
        list(&s.set),
        entries.join(", "),
        s.list.range(ts - Duration::seconds(2)..ts).count(),
        s.set.contains(&m),
        s.map.is_empty()
    )
}

/// The program that is told that a window expires.
#[derive(Clone)]
struct WithExpiration(Program);

impl WithExpiration {
    fn expired(&mut self, c: &Context<'_>, s: &mut Cells, out: &mut Out<'_>) -> Done {
        emit(c, out, format!("expired {}", list(&s.bag)));
        Ok(())
    }
}

impl KeyedDoFn for WithExpiration {
    type Key = String;
    type In = i64;
    type Out = (String, String);
    type State = Cells;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = Some(Self::expired);

    fn process(&mut self, c: &Context<'_>, element: Element<i64>, s: &mut Cells, out: &mut Out<'_>) -> Done {
        self.0.process(c, element, s, out)
    }

    fn on_timer(&mut self, c: &Context<'_>, timer: CellsTimer, s: &mut Cells, out: &mut Out<'_>) -> Done {
        self.0.on_timer(c, timer, s, out)
    }
}
