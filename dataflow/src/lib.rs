#![doc = include_str!("../../README.md")]

#[cfg(feature = "text")]
mod parsed;
mod run;
pub mod testing;

/// Event time: windows, triggers, state, side inputs, columns, tests.
#[cfg(all(feature = "direct", feature = "arrow"))]
pub mod guide {
    #![doc = include_str!("../../docs/guide.md")]
}

#[cfg(feature = "arrow")]
pub use dataflow_arrow as arrow;
pub use dataflow_core as core;
pub use dataflow_core::windows;
pub use dataflow_derive as derive;
pub use dataflow_exec::combiners;
#[cfg(feature = "kafka")]
pub use io_kafka as kafka;
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
    pub use dataflow_core::state::{
        Bag, Combining, EventTimer, EventTimerFamily, Expiring, KeyContext, Map, Multimap, OrderedList,
        ProcessingTimer, ProcessingTimerFamily, Set, StateRow, Value,
    };
    pub use dataflow_core::windows::{
        Accumulation, AfterAll, AfterAny, AfterCount, AfterEach, AfterProcessingTime, AfterWatermark, CalendarWindows,
        ClosingBehavior, CustomWindowFn, CustomWindows, DefaultTrigger, Duration, FixedWindows, GlobalWindows, Never,
        OnTimeBehavior, OrFinally, PaneInfo, Repeatedly, Sessions, SlidingWindows, Timestamp, TimestampCombiner,
        Timing, Trigger, Tz, Weekday, Window, Windowing, WindowingStrategy,
    };
    pub use dataflow_core::{
        BoxError, BroadcastDoFn, Coded, CombineFn, Counter, Data, DoFn, Element, Error, Key, KeyedDoFn,
        OnWindowExpiration, Output, Outputs, PCollection, PTransform, Pipeline, PipelineOptions, PipelineResult,
        Result, SideInputDoFn, TaggedDoFn,
    };
    pub use dataflow_derive::{Key, StateRow};
    // What a collection offers. The traits have no names here, so that none is in the way: of the cell `Map`, of
    // `std::io::Write`, ...
    #[cfg(feature = "arrow")]
    pub use dataflow_arrow::{ArrowRow, ReadColumns as _, ToColumns as _};
    pub use dataflow_exec::transforms::{
        AsMapView as _, AsView as _, AssignTimestamps as _, AssignWindows as _, Broadcast as _, CoGroupByKey as _,
        Collect as _, CombineGlobally as _, CombinePerKey as _, Create as _, Deduplicate as _, Filter as _,
        FlatMap as _, Flatten as _, GroupByKey as _, KeyBy as _, LateData as _, Map as _, ParDo as _,
        ParDoStateful as _, ParDoTagged as _, ProcessingTime as _, Refresh as _, SideInput as _, SortByTime as _,
        TryMap as _, Write as _,
    };
    pub use dataflow_exec::transforms::{
        Collected, DeadLetter, IterableView, Keyed, KeyedCollection, Keying, MapView, MultimapView, SideMap,
        SideMultimap, SingletonView, View,
    };
    #[cfg(feature = "kafka")]
    pub use io_kafka::{KafkaMessage, KafkaRecord, KafkaSink, KafkaSource};
    #[cfg(feature = "parquet")]
    pub use io_parquet::{ParquetSink, ParquetSource};
    #[cfg(feature = "text")]
    pub use io_text::{TextSink, TextSource};
}
