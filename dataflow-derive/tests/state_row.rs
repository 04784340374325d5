//! What `#[derive(StateRow)]` makes of structs, and what snapshots keep of them.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use dataflow_core::Coded;
use dataflow_core::state::{
    Bag, Call, Clock, EventTimer, EventTimerFamily, Expiring, KeyContext, Map, ProcessingTimer, Setting, Value, row,
};
use dataflow_derive::StateRow;
use dataflow_windows::{Duration, Timestamp, Window};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A call for an element at second 10.
fn call() -> Call {
    Call::for_element(at(10), Window::GLOBAL, at(1_000), Window::GLOBAL.end())
}

#[derive(Default, StateRow)]
struct Old {
    count: Value<u32>,
    gone: Bag<String>,
    names: Map<String, u32>,
    reset: EventTimer,
    remind: EventTimerFamily,
    #[state(ttl = "30s")]
    card: Expiring<Value<u64>>,
}

#[derive(Default, StateRow)]
struct New {
    remind: EventTimerFamily,
    fresh: ProcessingTimer,
    #[state(ttl = "1d", rename = "card")]
    card_number: Expiring<Value<u64>>,
    more: Value<String>,
    #[state(rename = "reset")]
    r#break: EventTimer,
    count: Value<u32>,
    names: Map<String, u32>,
}

#[derive(Default, StateRow)]
struct Other {
    count: Value<String>,
}

fn old() -> Vec<u8> {
    let mut old = Old::default();
    assert!(row::is_vacant(&mut old));
    old.count.set(7);
    old.gone.add("x".to_owned());
    old.names.insert("a".to_owned(), 1);
    old.reset.set_with_output(at(50), at(40));
    old.remind.set("late", at(20));
    old.remind.set("soon", at(15));
    old.card.set(4_711);
    assert!(!row::is_vacant(&mut old));
    assert!(row::settle(&mut old, &call()).unwrap());
    let mut bytes = Vec::new();
    row::encode(&mut old, &mut bytes).unwrap();
    bytes
}

#[test]
fn fields_may_be_added_removed_renamed_and_put_in_another_order() {
    let mut new = New::default();
    row::decode(&mut new, &old()).unwrap();
    assert_eq!(new.count.get(), Some(&7));
    assert_eq!(new.names.get("a"), Some(&1));
    assert_eq!(new.card_number.get(), Some(&4_711));
    assert!(new.more.is_empty() && !new.fresh.is_set());
    let times = row::times(&mut new);
    assert_eq!((times.event, times.processing, times.hold), (Some(at(15)), None, Some(at(40))));
    let fired: Vec<_> = std::iter::from_fn(|| row::take_due(&mut new, Clock::Event, at(100))).collect();
    let setting = |s: i64| Setting { at: at(s), output: at(s) };
    assert_eq!(
        fired,
        [
            (NewTimer::Remind("soon".to_owned()), setting(15)),
            (NewTimer::Remind("late".to_owned()), setting(20)),
            (NewTimer::Break, Setting { at: at(50), output: at(40) }),
        ]
    );
    assert!(new.card_number.is_empty(), "the time to live of what was written went with it: 10 s + 30 s");
}

#[test]
fn a_cell_of_another_type_and_damaged_bytes_are_refused() {
    let error = row::decode(&mut Other::default(), &old()).unwrap_err().to_string();
    assert!(error.contains("cell `count` has another type") && error.contains("another name"), "{error}");
    let bytes = old();
    for len in [1, 5, 10, bytes.len() - 1] {
        let error = row::decode(&mut New::default(), &bytes[..len]).unwrap_err().to_string();
        assert!(error.contains("cut short"), "{len}: {error}");
    }
}

#[derive(Default, StateRow)]
struct Tied {
    #[state(ttl = "5s")]
    cell: Expiring<Value<u32>>,
    second: EventTimer,
    clock: ProcessingTimer,
    first: EventTimerFamily,
}

#[test]
fn due_timers_come_by_time_then_output_timestamp_then_field_and_a_time_to_live_ends_after_those_of_its_time() {
    let mut tied = Tied::default();
    tied.cell.set(1); // until 15
    tied.first.set("b", at(15));
    tied.first.set("a", at(15));
    tied.second.set(at(15));
    tied.clock.set_relative(&KeyContext::new(&(), call()), Duration::ZERO);
    row::settle(&mut tied, &call()).unwrap();
    let mut due = |clock, now| row::take_due(&mut tied, clock, now).map(|(timer, _)| timer);
    assert_eq!(due(Clock::Event, at(15)), None);
    assert_eq!(due(Clock::Event, at(16)), Some(TiedTimer::Second));
    assert_eq!(due(Clock::Event, at(16)), Some(TiedTimer::First("a".to_owned())));
    assert_eq!(due(Clock::Processing, at(1_000)), None);
    assert_eq!(due(Clock::Processing, at(1_001)), Some(TiedTimer::Clock));
    assert_eq!(due(Clock::Event, at(16)), Some(TiedTimer::First("b".to_owned())));
    assert_eq!(tied.cell.get(), Some(&1), "its time ends with second 15, as that of the timers does");
    assert_eq!(row::take_due(&mut tied, Clock::Event, at(16)), None);
    assert!(row::is_vacant(&mut tied));
}

#[test]
fn only_a_write_puts_off_the_end_of_a_time_to_live_and_none_brings_it_forward() {
    let mut tied = Tied::default();
    tied.cell.set(1);
    assert!(row::settle(&mut tied, &call()).unwrap());
    assert_eq!(tied.cell.get(), Some(&1));
    assert!(!row::settle(&mut tied, &Call { event_time: at(12), ..call() }).unwrap(), "a read");
    assert_eq!(row::times(&mut tied).event, Some(at(15)));
    *tied.cell.or_default() += 1;
    assert!(row::settle(&mut tied, &Call { event_time: at(12), ..call() }).unwrap());
    *tied.cell.or_default() += 1;
    assert!(row::settle(&mut tied, &Call { event_time: at(3), ..call() }).unwrap());
    assert_eq!(row::times(&mut tied).event, Some(at(17)));
    tied.cell.clear();
    row::settle(&mut tied, &call()).unwrap();
    assert_eq!(row::times(&mut tied).event, None);
}

/// State of a DoFn for any elements.
#[derive(StateRow)]
struct Waiting<T: Coded> {
    elements: Bag<T>,
    flush_all_2: EventTimer,
}

impl<T: Coded> Default for Waiting<T> {
    fn default() -> Self {
        Waiting { elements: Bag::default(), flush_all_2: EventTimer::default() }
    }
}

#[derive(Default, StateRow)]
struct Empty {}

#[test]
fn a_struct_may_be_generic_or_have_no_cells() {
    let mut waiting = Waiting::<u64>::default();
    waiting.elements.add(1);
    waiting.flush_all_2.set(at(1));
    assert_eq!(row::take_due(&mut waiting, Clock::Event, at(2)).map(|(t, _)| t), Some(WaitingTimer::FlushAll2));
    assert!(row::is_vacant(&mut Empty::default()));
    let none: Option<(EmptyTimer, Setting)> = row::take_due(&mut Empty::default(), Clock::Event, at(2));
    if let Some((timer, _)) = none {
        match timer {}
    }
}
