//! State and timers of keys.
//!
//! Most steps look at one element and forget it. A [`KeyedDoFn`](crate::KeyedDoFn) remembers: for each key, and each window
//! of it, it has a struct of cells, the *state*, which is read and written as fields are, is part of every snapshot, and goes
//! when the window expires. Some of the cells are *timers*, which call back.
//!
//! # A running example
//!
//! Customers pay by card. Three payments of one customer within a minute are a spree, to be reported once; it is over when
//! there has been no payment for a minute.
//!
//! ```
//! use dataflow_core::state::{EventTimer, KeyContext, Value};
//! use dataflow_core::{BoxError, Element, KeyedDoFn, Output};
//! use dataflow_derive::StateRow;
//! use dataflow_windows::Duration;
//!
//! #[derive(Default, StateRow)]
//! struct Spree {
//!     payments: Value<u32>,
//!     reset: EventTimer,
//! }
//!
//! #[derive(Clone)]
//! struct FindSprees;
//!
//! impl KeyedDoFn for FindSprees {
//!     type Key = u64; // the customer
//!     type In = i64; // cents
//!     type Out = String;
//!     type State = Spree;
//!
//!     fn process(
//!         &mut self,
//!         context: &KeyContext<'_, u64>,
//!         _payment: Element<i64>,
//!         spree: &mut Spree,
//!         out: &mut Output<'_, String>,
//!     ) -> Result<(), BoxError> {
//!         let payments = spree.payments.or_default();
//!         *payments += 1;
//!         if *payments == 3 {
//!             out.emit(format!("customer {} is on a spree", context.key()));
//!         }
//!         spree.reset.set_relative(context, Duration::minutes(1)); // replaces the time it was set for
//!         Ok(())
//!     }
//!
//!     fn on_timer(
//!         &mut self,
//!         _: &KeyContext<'_, u64>,
//!         timer: SpreeTimer, // made by the derive: a variant for each timer
//!         spree: &mut Spree,
//!         _: &mut Output<'_, String>,
//!     ) -> Result<(), BoxError> {
//!         match timer {
//!             SpreeTimer::Reset => spree.payments.clear(),
//!         }
//!         Ok(())
//!     }
//! }
//! ```
//!
//! `payments.par_do_stateful("FindSprees", FindSprees)` applies it to pairs of customer and cents, or to any keyed collection
//! with such values. A cell that is not there, a value of a wrong type, a timer that is not handled: none of them compiles.
//!
//! # Cells
//!
//! | cell | holds |
//! | --- | --- |
//! | [`Value<T>`](Value) | one value, or none |
//! | [`Bag<T>`](Bag) | any number of values |
//! | [`Set<T>`](Set) | values, each once |
//! | [`Map<K, V>`](Map) | a value for each of its keys |
//! | [`Multimap<K, V>`](Multimap) | any number of values for each of its keys |
//! | [`OrderedList<T>`](OrderedList) | values by timestamp |
//! | [`Combining<F>`](Combining) | the accumulator of a [`CombineFn`](crate::CombineFn) |
//! | [`Expiring<..>`](Expiring) | one of these with a time to live: `#[state(ttl = "7d")]` |
//! | [`EventTimer`], [`ProcessingTimer`] | a time to be called at, or none |
//! | [`EventTimerFamily`], [`ProcessingTimerFamily`] | such times by id |
//!
//! A key whose cells are all empty costs nothing. The state of a key is one row of a table: an element costs one look-up,
//! however many cells there are. In the global window of an endless input nothing expires: clear cells with a timer, or
//! give them a time to live.
//!
//! # Timers
//!
//! A timer of event time fires when the watermark is *after* its time, one of processing time when the clock is. Long jumps
//! of either do not skip any: the timers of a key and window fire in order of time, each with [its own
//! time](KeyContext::fired_at), also those that a callback sets before others that are due. A timer for the past fires at
//! the end of the bundle.
//!
//! A timer of event time may be set up to the time at which its window expires (its end and the allowed lateness); a later
//! one is an error. [`KeyContext::within_window`] cuts a time at the last timestamp of the window.
//!
//! What a callback emits has the timer's *output timestamp*: by default the time of a timer of event time, and for one of
//! processing time the timestamp of the element that set it. [`set_with_output`](Timer::set_with_output) gives another.
//! Until the timer has fired, the watermark of the step's output does not pass that timestamp, so what it emits is not late
//! for the steps that follow:
//!
//! ```
//! # use dataflow_core::state::{Bag, Call, EventTimer, KeyContext, row, StateRow};
//! # use dataflow_derive::StateRow;
//! # use dataflow_windows::{Duration, Timestamp, Window};
//! #[derive(Default, StateRow)]
//! struct Buffer {
//!     values: Bag<i64>,
//!     flush: EventTimer,
//! }
//!
//! # let (now, mut buffer) = (Timestamp::from_seconds(55), Buffer::default());
//! // For the first element of a buffer, at second 55: what is emitted ten seconds later still belongs to its minute.
//! buffer.values.add(1);
//! buffer.flush.set_with_output(now + Duration::seconds(10), now);
//! # let call = Call::for_element(now, Window::GLOBAL, now, Window::GLOBAL.end());
//! # row::settle(&mut buffer, &call).unwrap();
//! # assert_eq!(row::times(&mut buffer).hold, Some(now));
//! ```
//!
//! # The end of a window
//!
//! Elements whose window has expired are dropped and counted (`late_data()` before `par_do_stateful` gives them as an
//! output). When a window expires its timers of event time have fired, those of processing time never will, and the method
//! that [`ON_WINDOW_EXPIRATION`](crate::KeyedDoFn::ON_WINDOW_EXPIRATION) names is called for each key that had an element
//! in it; such a key costs its row until then, also if its cells are empty.
//! Merging windows are refused: a session is a timer that is put off, as above.
//!
//! # Elements by reference
//!
//! Code that only looks at elements sets [`READS_ONLY`](crate::KeyedDoFn::READS_ONLY) and has
//! [`process_ref`](crate::KeyedDoFn::process_ref) in place of `process`. On several threads elements that own memory need
//! not be moved then, and are dropped by the thread that has made them, which is faster.
//!
//! # Tests
//!
//! `KeyedDoFnTester` in `dataflow::testing` steps a [`KeyedDoFn`](crate::KeyedDoFn) in a unit test, without a pipeline: it
//! moves both clocks, shows cells, timers and the watermark after each step, and restarts from a snapshot in between.
//! `TestStream` does the same for a whole pipeline, as far as its output shows it.
//!
//! # Changes of the program
//!
//! Snapshots find a cell by the name of its field. Fields may be added, removed, reordered, and renamed with
//! `#[state(rename = "old name")]`; a cell whose type changes needs a new name.
//!
//! [`row`] has what operators do with state as a whole.

mod bag;
mod cell;
mod combining;
mod context;
mod expiring;
mod family;
mod map;
mod multimap;
mod ordered_list;
pub mod row;
mod set;
mod timer;
mod value;

pub use bag::Bag;
pub use cell::{StateCell, TimerCell};
pub use combining::Combining;
pub use context::{Call, KeyContext};
pub use expiring::Expiring;
pub use family::{EventTimerFamily, ProcessingTimerFamily, TimerFamily};
pub use map::Map;
pub use multimap::Multimap;
pub use ordered_list::OrderedList;
pub use row::{CellVisitor, StateRow};
pub use set::Set;
pub use timer::{Clock, EventTime, EventTimer, ProcessingTime, ProcessingTimer, Setting, TimeDomain, Timer};
pub use value::Value;
