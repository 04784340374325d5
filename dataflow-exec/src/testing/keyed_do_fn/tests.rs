use super::*;
use dataflow_core::state::{
    Bag, EventTimer, EventTimerFamily, Expiring, KeyContext, ProcessingTimer, ProcessingTimerFamily, Value,
};
use dataflow_core::{BoxError, OnWindowExpiration, Output};
use dataflow_derive::StateRow;
use dataflow_windows::{FixedWindows, Sessions, SlidingWindows, Window};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn minute(n: i64) -> Window {
    Window::new(at(n * 60), at(n * 60 + 60))
}

/// Some of every kind of cell.
#[derive(Default, StateRow)]
struct State {
    values: Bag<i64>,
    #[state(ttl = "1m")]
    last: Expiring<Value<i64>>,
    tick: EventTimer,
    flush: ProcessingTimer,
    reminders: EventTimerFamily,
    retries: ProcessingTimerFamily,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Do {
    Add(i64),
    Write(i64),
    /// Every so many seconds, as long as there are values.
    Tick(i64),
    /// In so many seconds of event time, at the timestamp of the element.
    Hold(i64),
    /// In so many seconds of processing time.
    Flush(i64),
    Remind(&'static str, i64),
    Retry(&'static str, i64),
    Forget,
    Fail,
}

/// Does what elements say.
#[derive(Clone, Default)]
struct Puppet {
    /// How many elements this instance has seen.
    seen: u64,
}

impl KeyedDoFn for Puppet {
    type Key = String;
    type In = Do;
    type Out = String;
    type State = State;

    fn process(
        &mut self,
        context: &KeyContext<'_, String>,
        element: Element<Do>,
        state: &mut State,
        out: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        self.seen += 1;
        let in_seconds = |s: i64| element.timestamp + Duration::seconds(s);
        match element.value {
            Do::Add(n) => state.values.add(n),
            Do::Write(n) => state.last.set(n),
            Do::Tick(s) => state.tick.set_relative(context, Duration::seconds(s)),
            Do::Hold(s) => state.tick.set_with_output(in_seconds(s), element.timestamp),
            Do::Flush(s) => state.flush.set_relative(context, Duration::seconds(s)),
            Do::Remind(id, s) => state.reminders.set(id, in_seconds(s)),
            Do::Retry(id, s) => state.retries.set_relative(id, context, Duration::seconds(s)),
            Do::Forget => *state = State::default(),
            Do::Fail => return Err("told to fail".into()),
        }
        out.emit(format!("element {}", self.seen));
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, String>,
        timer: StateTimer,
        state: &mut State,
        out: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        if timer == StateTimer::Tick && state.values.len() > 1 {
            let rest = state.values.take().into_iter().skip(1);
            state.values.extend(rest);
            state.tick.set_relative(context, Duration::seconds(10));
        }
        out.emit(format!("{timer:?}"));
        Ok(())
    }
}

fn tester() -> KeyedDoFnTester<Puppet> {
    KeyedDoFnTester::new(Puppet::default())
}

/// The message of the panic of `act`.
fn panic_of(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap()
}

#[test]
fn a_looping_timer_fires_at_each_of_its_times_in_one_jump() {
    for restarts in [false, true] {
        let mut tester = tester().restart_after_each_step(restarts);
        let script = [Do::Add(1), Do::Add(2), Do::Add(3), Do::Tick(10)];
        tester.process_bundle(script.map(|step| ("a".to_owned(), step, at(0)))).unwrap();
        assert_eq!(tester.take_values().len(), 4);
        tester.advance_watermark_to(at(10)).unwrap();
        assert!(tester.take_values().is_empty(), "the watermark must be after its time");
        tester.assert_state("a", |s| (s.values.as_slice().to_vec(), s.tick.time()), (vec![1, 2, 3], Some(at(10))));
        tester.advance_watermark_to(at(25)).unwrap();
        let ticks = |times: &[i64]| times.iter().map(|t| ("Tick".to_owned(), at(*t))).collect::<Vec<_>>();
        assert_eq!(tester.take_timestamped(), ticks(&[10, 20]));
        assert_eq!(tester.timers("a"), [SetTimer::new("tick", at(30))]);
        tester.advance_watermark_to(at(1_000)).unwrap();
        assert_eq!(tester.take_timestamped(), ticks(&[30]));
        assert_eq!(tester.state("a").unwrap().values.as_slice(), [3]);
        assert_eq!(tester.watermark(), at(1_000));
    }
}

#[test]
fn a_timer_with_an_earlier_output_timestamp_holds_the_output_watermark() {
    for restarts in [false, true] {
        let mut tester = tester().restart_after_each_step(restarts);
        tester.process("a", Do::Hold(60), at(5)).unwrap();
        assert_eq!(tester.output_watermark(), Timestamp::MIN);
        tester.assert_timers("a", [SetTimer::new("tick", at(65)).with_output(at(5))]);
        tester.advance_watermark_to(at(65)).unwrap();
        assert_eq!(tester.output_watermark(), at(5));
        tester.take_outputs();
        tester.advance_watermark_to(at(66)).unwrap();
        assert_eq!(tester.take_timestamped(), [("Tick".to_owned(), at(5))]);
        assert_eq!(tester.output_watermark(), at(66));
    }
}

#[test]
fn a_timer_of_processing_time_fires_after_its_time_and_lets_go_of_the_watermark() {
    for restarts in [false, true] {
        let mut tester = tester().restart_after_each_step(restarts);
        tester.advance_processing_time(Duration::seconds(100)).unwrap();
        tester.process("a", Do::Flush(10), at(5)).unwrap();
        tester.take_outputs();
        assert_eq!(tester.timers("a"), [SetTimer::new("flush", at(110)).with_output(at(5))]);
        tester.advance_watermark_to(at(50)).unwrap();
        tester.advance_processing_time(Duration::seconds(10)).unwrap();
        assert_eq!((tester.take_values().len(), tester.output_watermark()), (0, at(5)));
        tester.advance_processing_time(Duration::micros(1)).unwrap();
        assert_eq!(tester.take_timestamped(), [("Flush".to_owned(), at(5))]);
        assert_eq!(tester.output_watermark(), at(50));
        assert_eq!(tester.processing_time(), at(110) + Duration::micros(1));
    }
}

#[test]
fn late_elements_are_taken_within_the_lateness_and_dropped_after_it() {
    let strategy =
        WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))).allowed_lateness(Duration::seconds(30));
    for restarts in [false, true] {
        let mut tester = tester().windowed(strategy.clone()).restart_after_each_step(restarts);
        tester.process("a", Do::Add(1), at(50)).unwrap();
        tester.advance_watermark_to(at(89)).unwrap();
        tester.process("a", Do::Add(2), at(10)).unwrap();
        assert_eq!(tester.dropped_late(), 0);
        tester.assert_state_in("a", minute(0), |s| s.values.as_slice().to_vec(), vec![1, 2]);
        tester.advance_watermark_to(at(90)).unwrap();
        assert!(tester.has_no_state("a"), "the window has expired");
        tester.process("a", Do::Add(3), at(10)).unwrap();
        assert_eq!(tester.dropped_late(), 1);
        let outputs = tester.take_outputs();
        assert_eq!(
            outputs.iter().map(|e| (e.timestamp, e.window())).collect::<Vec<_>>(),
            [(at(50), minute(0)), (at(10), minute(0))]
        );
    }
}

/// Tells what it knows when a window expires.
#[derive(Clone)]
struct Sum;

#[derive(Default, StateRow)]
struct Summed {
    sum: Value<i64>,
}

impl Sum {
    fn tell(&mut self, _: &KeyContext<'_, u64>, state: &mut Summed, out: &mut Output<'_, i64>) -> Result<(), BoxError> {
        out.emit(state.sum.get_or_default());
        Ok(())
    }
}

impl KeyedDoFn for Sum {
    type Key = u64;
    type In = i64;
    type Out = i64;
    type State = Summed;
    const ON_WINDOW_EXPIRATION: Option<OnWindowExpiration<Self>> = Some(Self::tell);

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        element: Element<i64>,
        state: &mut Summed,
        _: &mut Output<'_, i64>,
    ) -> Result<(), BoxError> {
        *state.sum.or_default() += element.value;
        Ok(())
    }
}

#[test]
fn windows_expire_one_by_one_and_all_at_the_end() {
    let windows = SlidingWindows::of(Duration::minutes(2)).every(Duration::minutes(1));
    let mut tester = KeyedDoFnTester::new(Sum).windowed(WindowingStrategy::of(windows));
    tester.process(&7, 1, at(70)).unwrap(); // in [0, 2) and [1, 3) minutes
    tester.process(&7, 2, at(130)).unwrap(); // in [1, 3) and [2, 4) minutes
    tester.process(&8, 5, at(70)).unwrap();
    assert_eq!(tester.keys(), [7, 8]);
    let window = |n: i64| Window::new(at(n * 60), at(n * 60 + 120));
    let sums = |t: &KeyedDoFnTester<Sum>| [0, 1, 2].map(|n| t.state_in(&7, window(n)).map(|s| s.sum.get_or_default()));
    assert_eq!(sums(&tester), [Some(1), Some(3), Some(2)]);
    tester.advance_watermark_to(at(120)).unwrap();
    assert_eq!(sums(&tester), [None, Some(3), Some(2)]);
    let end = |n: i64| window(n).max_timestamp();
    let mut outputs = tester.take_timestamped();
    outputs.sort();
    assert_eq!(outputs, [(1, end(0)), (5, end(0))]);
    tester.finish().unwrap();
    let mut outputs = tester.take_timestamped();
    outputs.sort();
    assert_eq!(outputs, [(2, end(2)), (3, end(1)), (5, end(1))]);
    assert!(tester.keys().is_empty());
    tester.process(&7, 1, at(1_000)).unwrap();
    assert_eq!(tester.dropped_late(), 2, "in two windows, after the end");
}

#[test]
fn timers_of_families_are_listed_with_their_ids() {
    let mut tester = tester();
    tester.process("a", Do::Remind("offer", 60), at(0)).unwrap();
    tester.process("a", Do::Remind("ad", 90), at(0)).unwrap();
    tester.process("a", Do::Retry("mail", 5), at(3)).unwrap();
    tester.process("a", Do::Tick(20), at(0)).unwrap();
    let all = [
        SetTimer::new("tick", at(20)),
        SetTimer::of_family("reminders", "ad", at(90)),
        SetTimer::of_family("reminders", "offer", at(60)),
        SetTimer::of_family("retries", "mail", at(5)).with_output(at(3)),
    ];
    assert_eq!(tester.timers("a"), all);
    tester.restart().unwrap();
    assert_eq!(tester.timers("a"), all);
    tester.take_outputs();
    tester.advance_watermark_to(at(61)).unwrap();
    assert_eq!(tester.take_values(), ["Tick", r#"Reminders("offer")"#]);
    tester.assert_timers("a", [all[3].clone(), all[1].clone()]); // in any order
    tester.advance_processing_time(Duration::seconds(6)).unwrap();
    tester.finish().unwrap();
    assert_eq!(tester.take_values(), [r#"Retries("mail")"#, r#"Reminders("ad")"#]);
    tester.assert_no_state("a");
}

#[test]
fn timers_for_the_past_fire_at_the_end_of_the_bundle() {
    let mut tester = tester();
    tester.advance_watermark_to(at(100)).unwrap();
    let element = |step| ("a".to_owned(), step, at(0));
    tester.process_bundle([element(Do::Tick(1)), element(Do::Add(1))]).unwrap();
    assert_eq!(tester.take_values(), ["element 1", "element 2", "Tick"]);
    tester.process("a", Do::Tick(1), at(0)).unwrap();
    tester.process("a", Do::Add(1), at(0)).unwrap();
    assert_eq!(tester.take_values(), ["element 3", "Tick", "element 4"]);
}

#[test]
fn a_cell_is_empty_when_its_time_to_live_is_over() {
    let mut tester = tester();
    tester.process("a", Do::Write(7), at(10)).unwrap();
    tester.advance_watermark_to(at(70)).unwrap();
    tester.assert_state("a", |s| s.last.get().copied(), Some(7));
    tester.advance_watermark_to(at(71)).unwrap();
    tester.assert_no_state("a");
}

#[test]
fn time_that_runs_backwards_is_refused() {
    let message = |act: fn() -> Result<()>| {
        let panic = catch_unwind(act).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let back = message(|| {
        let mut tester = tester();
        tester.advance_watermark_to(at(5))?;
        tester.advance_watermark_to(at(5))?;
        tester.advance_watermark_to(at(4))
    });
    assert!(back.starts_with("the watermark cannot step back from 1970-01-01T00:00:05Z to"), "{back}");
    let back = message(|| tester().advance_processing_time(Duration::micros(-1)));
    assert!(back.starts_with("processing time cannot go back, by -1us"), "{back}");
}

#[test]
fn a_restart_keeps_state_and_clocks_and_nothing_else() {
    let mut tester = tester();
    tester.advance_processing_time(Duration::seconds(3)).unwrap();
    tester.process("a", Do::Add(1), at(0)).unwrap();
    tester.process("a", Do::Add(2), at(0)).unwrap();
    tester.advance_watermark_to(at(5)).unwrap();
    tester.restart().unwrap();
    tester.process("a", Do::Flush(1), at(6)).unwrap();
    assert_eq!(tester.take_values(), ["element 1", "element 2", "element 1"], "fields of the DoFn are lost");
    tester.assert_state("a", |s| (s.values.as_slice().to_vec(), s.flush.time()), (vec![1, 2], Some(at(4))));
    assert_eq!(tester.output_watermark(), at(5));
}

#[test]
fn keys_are_those_with_state_in_order() {
    let mut tester = tester();
    assert!(tester.keys().is_empty() && tester.has_no_state("a") && tester.timers("a").is_empty());
    for key in ["c", "a", "b"] {
        tester.process(key, Do::Add(1), at(0)).unwrap();
    }
    assert_eq!(tester.keys(), ["a", "b", "c"]);
    tester.process("a", Do::Forget, at(0)).unwrap();
    assert_eq!(tester.keys(), ["b", "c"]);
    assert!(tester.state("a").is_none() && tester.has_no_state("a") && !tester.has_no_state("b"));
}

#[test]
fn more_output_than_there_is_room_for_comes_all_the_same() {
    let mut tester = tester();
    let ids: Vec<String> = (0..30_000).map(|n| format!("{n:05}")).collect();
    tester.process_bundle(ids.iter().map(|id| (id.clone(), Do::Tick(1), at(0)))).unwrap();
    assert_eq!(tester.take_values().len(), ids.len());
    tester.finish().unwrap();
    assert_eq!(tester.take_values().len(), ids.len());
    assert!(tester.keys().is_empty());
}

#[test]
fn after_an_error_there_are_no_more_steps() {
    let mut tester = tester();
    tester.process("a", Do::Add(1), at(0)).unwrap();
    assert!(tester.process("a", Do::Fail, at(0)).unwrap_err().to_string().contains("told to fail"));
    let error = tester.process("a", Do::Add(1), at(0)).unwrap_err().to_string();
    assert!(error.contains("an earlier step of this tester has failed"), "{error}");
    let windows = WindowingStrategy::of(FixedWindows::of(Duration::minutes(1)));
    let mut tester = self::tester().windowed(windows);
    let error = tester.process("a", Do::Tick(60), at(0)).unwrap_err().to_string();
    assert!(error.contains("timer `tick` is set for") && error.contains("within_window"), "{error}");
}

#[test]
fn merging_windows_are_refused() {
    let mut tester = tester().windowed(WindowingStrategy::of(Sessions::with_gap(Duration::minutes(1))));
    let error = tester.process("a", Do::Add(1), at(0)).unwrap_err().to_string();
    assert!(error.contains("merging windows"), "{error}");
}

#[test]
fn a_failing_assertion_about_state_says_what_differs() {
    let mut tester = tester().windowed(WindowingStrategy::of(FixedWindows::of(Duration::minutes(1))));
    tester.process("a", Do::Add(1), at(0)).unwrap();
    tester.advance_watermark_to(at(1)).unwrap();
    let clocks = "\n  (watermark 1970-01-01T00:00:01Z, processing time 1970-01-01T00:00:00Z)";
    let message = panic_of(|| tester.assert_state("a", |s| s.values.len(), 2));
    assert_eq!(message, format!("the state of key \"a\" is not as expected\n  expected: 2\n       was: 1{clocks}"));
    let message = panic_of(|| tester.assert_state("b", |s| s.values.len(), 2));
    assert_eq!(message, format!("key \"b\" has no state\n  expected: 2{clocks}"));
    let message = panic_of(|| tester.assert_state_in("a", minute(1), |s| s.values.len(), 2));
    assert!(message.contains(&format!("has no state\n  expected: 2\n  it has some in (1):\n      {}", minute(0))));
    tester.process("a", Do::Add(1), at(60)).unwrap();
    let message = panic_of(|| tester.assert_state("a", |s| s.values.len(), 2));
    let expected = format!("key \"a\" has state in several windows, {} and {}: say in which", minute(0), minute(1));
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn a_failing_assertion_about_timers_says_which_are_missing() {
    let mut tester = tester();
    tester.process("a", Do::Remind("offer", 60), at(0)).unwrap();
    tester.process("a", Do::Flush(60), at(5)).unwrap();
    tester.process("a", Do::Add(60), at(5)).unwrap();
    let message = panic_of(|| {
        let reminder = SetTimer::of_family("reminders", "offer", at(60));
        tester.assert_timers("a", [reminder, SetTimer::new("flush", at(60))]);
    });
    let expected = "the timers of key \"a\" are not as expected: expected 2, came 2, matched 1\
                    \n  missing (1):\n    - flush for 1970-01-01T00:01:00Z\
                    \n  unexpected (1):\n    + flush for 1970-01-01T00:01:00Z with output at 1970-01-01T00:00:05Z";
    assert!(message.starts_with(expected), "{message}");
    let message = panic_of(|| tester.assert_no_state("a"));
    for part in ["key \"a\" has state", "+ cell values", "+ timer reminders[\"offer\"] for", "+ timer flush for"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
