//! Event time for `dataflow`: [`Timestamp`], [`Window`], [`WindowFn`], [`Trigger`], [`WindowingStrategy`], [`PaneInfo`] and
//! [watermark estimators](watermark).
//!
//! Everything here is a pure function of its arguments. Nothing reads a clock, allocates on the hot path or knows what
//! an element is, so that the rules of time can be tested alone and are the same in every runner.
//!
//! ```
//! use dataflow_windows::{Duration, FixedWindows, Timestamp};
//!
//! let window = FixedWindows::of(Duration::minutes(1)).assign(Timestamp::from_millis(90_500));
//! assert_eq!(window.start(), Timestamp::from_millis(60_000));
//! assert_eq!(window.max_timestamp(), Timestamp::from_micros(119_999_999));
//! ```
//!
//! The model is Beam's (<https://beam.apache.org/documentation/programming-guide/#windowing>, and Akidau et al., "The
//! Dataflow Model", VLDB 2015); time is kept in microseconds.

mod duration;
mod pane;
mod strategy;
mod timestamp;
mod trigger;
pub mod watermark;
mod window;
mod window_fn;

/// The time zones of [`CalendarWindows`].
pub use chrono_tz::Tz;
pub use duration::Duration;
pub use pane::{PaneInfo, Timing};
pub use strategy::{Accumulation, ClosingBehavior, OnTimeBehavior, TimestampCombiner, Windowing, WindowingStrategy};
pub use timestamp::{Timestamp, civil_from_days};
pub use trigger::{
    AfterAll, AfterAny, AfterCount, AfterEach, AfterProcessingTime, AfterWatermark, DefaultTrigger, IntoTriggers,
    Never, OrFinally, Repeatedly, Trigger, TriggerContext, TriggerMachine, TriggerState,
};
pub use window::Window;
pub use window_fn::{
    Assignment, CalendarWindows, CustomWindowFn, CustomWindows, FixedWindows, GlobalWindows, Sessions, SlidingWindows,
    Weekday, WindowFn,
};
