//! The programs of the vectors, read off their description: what they do with an element, a timer, the end of a window.

use crate::vectors::{Params, WindowRange};
use std::collections::{BTreeMap, BTreeSet};

/// What a program keeps for a key and window.
#[derive(Clone, Debug, Default)]
pub(super) struct Vars {
    n: i64,
    sum: i64,
    bag: Vec<i64>,
    at: Option<i64>,
    left: Option<i64>,
    is_set: bool,
    log: Vec<String>,
    map: BTreeMap<i64, i64>,
    set: BTreeSet<i64>,
    list: Vec<(i64, i64)>,
}

/// A timer that is set.
#[derive(Clone, Debug)]
pub(super) struct Timer {
    pub(super) is_processing: bool,
    pub(super) time: i64,
    /// The timestamp of what it emits, which holds the watermark.
    pub(super) output: i64,
}

/// The timers of a key and window, by name.
pub(super) type Timers = BTreeMap<String, Timer>;

/// A call of a program.
pub(super) struct Call<'a> {
    pub(super) params: &'a Params,
    pub(super) vars: &'a mut Vars,
    pub(super) timers: &'a mut Timers,
    pub(super) window: WindowRange,
    pub(super) expiry: i64,
    /// Processing time.
    pub(super) now: i64,
    /// The timestamp of what is emitted.
    pub(super) timestamp: i64,
    pub(super) emitted: Vec<(String, i64)>,
}

type Done = Result<(), String>;

impl Call<'_> {
    fn param(&self, name: &str) -> Result<i64, String> {
        self.params.get(name)
    }

    fn cut(&self, t: i64) -> i64 {
        t.min(self.window.max())
    }

    fn emit(&mut self, text: String) {
        self.emitted.push((text, self.timestamp));
    }

    fn set(&mut self, timer: &str, time: i64) -> Done {
        self.set_with_output(timer, time, time)
    }

    fn set_with_output(&mut self, timer: &str, time: i64, output: i64) -> Done {
        if time > self.expiry || output > self.expiry {
            return Err(format!("{timer} is set for {time} with output {output}, after the expiry {}", self.expiry));
        }
        self.timers.insert(timer.to_owned(), Timer { is_processing: false, time, output });
        Ok(())
    }

    fn set_processing(&mut self, timer: &str, time: i64) {
        self.timers.insert(timer.to_owned(), Timer { is_processing: true, time, output: self.timestamp });
    }

    fn clear(&mut self, timer: &str) {
        self.timers.remove(timer);
    }
}

pub(super) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut numbers: Vec<i64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    format!("{numbers:?}")
}

fn take_bag(c: &mut Call<'_>) -> String {
    list(std::mem::take(&mut c.vars.bag))
}

/// An element comes.
pub(super) fn element(program: &str, c: &mut Call<'_>, value: i64, ts: i64) -> Done {
    match program {
        "running_count" => {
            c.vars.n += 1;
            c.vars.sum += value;
            c.emit(format!("n={} sum={}", c.vars.n, c.vars.sum));
        }
        "bag_flush_at_window_end" | "on_window_expiration" => {
            c.vars.bag.push(value);
            c.set("T", c.window.max())?;
        }
        "buffer_until" => {
            c.vars.bag.push(value);
            let x = c.cut(ts + c.param("delay_ms")?);
            if c.vars.at.is_none_or(|at| x < at) {
                c.vars.at = Some(x);
                c.set("T", x)?;
            }
        }
        "looping_timer" => {
            c.vars.n += 1;
            let x = ts + c.param("period_ms")?;
            if c.vars.left.is_none() && x <= c.window.max() {
                c.vars.left = Some(c.param("rounds")?);
                c.set("T", x)?;
            }
        }
        "session_by_timer" => {
            c.vars.n += 1;
            let x = ts + c.param("gap_ms")?;
            c.set("T", if c.params.get_or("clamp", 1) != 0 { c.cut(x) } else { x })?;
        }
        "cancel_timer" if value < 0 => {
            c.clear("T");
            c.emit(format!("cancel sum={}", c.vars.sum));
        }
        "cancel_timer" => {
            c.vars.sum += value;
            c.set("T", c.cut(ts + c.param("delay_ms")?))?;
            // 8 clears it before, which changes nothing.
            if value % 10 == 9 {
                c.clear("T");
            }
        }
        "output_timestamp_hold" => {
            c.vars.bag.push(value);
            if !std::mem::replace(&mut c.vars.is_set, true) {
                let x = c.cut(ts + c.param("delay_ms")?);
                let output = ts + c.params.get_or("output_offset_ms", 0);
                match c.param("hold")? {
                    1 if output < ts => return Err(format!("the output timestamp {output} is before the element's")),
                    1 => c.set_with_output("T", x, output)?,
                    _ => c.set("T", x)?,
                }
            }
        }
        "processing_time_timer" => {
            if c.vars.n == 0 {
                c.set_processing("P", c.now + c.param("delay_ms")?);
            }
            c.vars.n += 1;
        }
        "both_timers" => {
            c.vars.log.push(value.to_string());
            c.set("E", c.cut(ts + c.param("event_delay_ms")?))?;
            c.set_processing("P", c.now + c.param("processing_delay_ms")?);
        }
        "dynamic_timer_family" => c.set(&format!("t{}", value % 4), c.cut(ts + value * c.param("unit_ms")?))?,
        "timer_chain" => c.set(&format!("a{}", value % 3), c.cut(ts + value * c.param("unit_ms")?))?,
        "map_set_ordered" => collections(c, value, ts),
        other => return Err(format!("there is no program {other}")),
    }
    Ok(())
}

fn collections(c: &mut Call<'_>, value: i64, ts: i64) {
    let vars = &mut *c.vars;
    let m = value.abs() % 5;
    if value >= 0 {
        *vars.map.entry(m).or_default() += value;
        vars.set.insert(value % 7);
        vars.list.push((ts, value));
        vars.list.sort_by_key(|entry| entry.0);
    } else {
        vars.map.remove(&m);
        vars.set.remove(&(value.abs() % 7));
        vars.list.retain(|entry| !(ts - 1000..ts).contains(&entry.0));
    }
    let joined = |parts: Vec<String>| parts.join(", ");
    let map = joined(vars.map.iter().map(|(k, v)| format!("{k}={v}")).collect());
    let set = list(vars.set.iter().copied());
    let entries = joined(vars.list.iter().map(|(t, v)| format!("{t}:{v}")).collect());
    let range = vars.list.iter().filter(|entry| (ts - 2000..ts).contains(&entry.0)).count();
    let (has, empty) = (vars.set.contains(&m), vars.map.is_empty());
    c.emit(format!("map={{{map}}} set={set} list=[{entries}] range={range} has={has} empty={empty}"));
}

/// A timer that was set for `t` fires; it is unset.
pub(super) fn timer(program: &str, c: &mut Call<'_>, name: &str, t: i64) -> Done {
    match program {
        "bag_flush_at_window_end" => {
            let bag = take_bag(c);
            c.emit(format!("flush {bag}"));
        }
        "buffer_until" => {
            let bag = take_bag(c);
            c.emit(format!("content {bag}"));
            c.vars.at = None;
        }
        "looping_timer" => {
            let left = c.vars.left.unwrap_or(0) - 1;
            c.emit(format!("tick left={left} n={}", c.vars.n));
            let x = t + c.param("period_ms")?;
            c.vars.left = (left > 0 && x <= c.window.max()).then_some(left);
            if c.vars.left.is_some() {
                c.set("T", x)?;
            }
        }
        "session_by_timer" => {
            let n = std::mem::take(&mut c.vars.n);
            c.emit(format!("session n={n}"));
        }
        "cancel_timer" => {
            let sum = std::mem::take(&mut c.vars.sum);
            c.emit(format!("fire sum={sum}"));
        }
        "output_timestamp_hold" => {
            let bag = take_bag(c);
            c.emit(format!("{bag} fired_at={t}"));
            c.vars.is_set = false;
        }
        "processing_time_timer" => {
            let n = std::mem::take(&mut c.vars.n);
            c.emit(format!("batch n={n}"));
        }
        "both_timers" => {
            c.vars.log.push(name.to_owned());
            c.emit(c.vars.log.join(" "));
            if name == "E" && c.param("event_cancels_processing")? == 1 {
                c.clear("P");
            }
        }
        "dynamic_timer_family" => {
            c.vars.n += 1;
            c.emit(format!("{name} #{}", c.vars.n));
        }
        "timer_chain" => {
            c.vars.n += 1;
            c.emit(format!("{} #{}", if name == "B" { "b" } else { name }, c.vars.n));
            if name != "B" {
                c.set("B", c.cut(t + c.param("chain_ms")?))?;
            }
        }
        "on_window_expiration" => {
            c.emit(format!("end {}", list(c.vars.bag.clone())));
            if c.param("clear")? == 1 {
                c.vars.bag.clear();
            }
        }
        other => return Err(format!("{other} has no timers")),
    }
    Ok(())
}

/// The window expires.
pub(super) fn expiration(program: &str, c: &mut Call<'_>) {
    if program == "on_window_expiration" {
        let bag = take_bag(c);
        c.emit(format!("expired {bag}"));
    }
}
