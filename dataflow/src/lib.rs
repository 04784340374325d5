#![doc = include_str!("../../README.md")]

#[cfg(feature = "text")]
mod parsed;
mod run;
pub mod testing;

/// Event time: windows, triggers, state, side inputs, tests.
#[cfg(feature = "direct")]
pub mod guide {
    #![doc = include_str!("../../docs/guide.md")]
}

pub use dataflow_core as core;
pub use dataflow_core::windows;
pub use dataflow_derive as derive;
pub use dataflow_exec::combiners;
#[cfg(feature = "parquet")]
pub use io_parquet as parquet;
#[cfg(feature = "text")]
pub use io_text as text;
#[cfg(feature = "text")]
pub use parsed::GoodAndBad;
pub use run::{RunPipeline, runner};
#[cfg(feature = "direct")]
pub use runner_direct::DirectRunner;

/// What most programs need: `use dataflow::prelude::*`.
pub mod prelude {
    #[cfg(feature = "text")]
    pub use crate::GoodAndBad as _;
    pub use crate::RunPipeline as _;
    pub use dataflow_core::windows::{
        AfterAll, AfterAny, AfterCount, AfterEach, AfterProcessingTime, AfterWatermark, CalendarWindows,
        CustomWindowFn, CustomWindows, DefaultTrigger, Duration, FixedWindows, GlobalWindows, Never, OrFinally,
        PaneInfo, Repeatedly, Sessions, SlidingWindows, Timestamp, TimestampCombiner, Timing, Trigger, Window,
        Windowing, WindowingStrategy,
    };
    pub use dataflow_core::{
        BoxError, BroadcastDoFn, Coded, CombineFn, Counter, Data, DoFn, Element, Error, Key, KeyedDoFn,
        OnWindowExpiration, Output, Outputs, PCollection, PTransform, Pipeline, PipelineOptions, PipelineResult,
        Result, SideInputDoFn, TaggedDoFn,
    };
    // The cells `Map` and `Set` are not here: `Map` is a transform, too.
    pub use dataflow_core::state::{
        Bag, Combining, EventTimer, EventTimerFamily, Expiring, KeyContext, OrderedList, ProcessingTimer,
        ProcessingTimerFamily, StateRow, Value,
    };
    pub use dataflow_derive::{Key, StateRow};
    pub use dataflow_exec::transforms::*;
    // Also where a program has something else of that name, such as `std::io::Write`.
    pub use dataflow_exec::transforms::{Create as _, Filter as _, Map as _, Write as _};
    #[cfg(feature = "parquet")]
    pub use io_parquet::{ArrowRow, ParquetSink, ParquetSource};
    #[cfg(feature = "text")]
    pub use io_text::{TextSink, TextSource};
}
