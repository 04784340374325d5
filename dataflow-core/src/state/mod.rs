//! State and timers of a key, as typed fields.
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
