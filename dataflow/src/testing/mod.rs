//! Tests of pipelines: a [`TestPipeline`] whose streams a [`TestStream`] steps, and [`PAssert`]s about its collections.
//!
//! ```
//! use dataflow::prelude::*;
//! use dataflow::testing::{PAssert, TestPipeline, TestStream};
//!
//! let at = Timestamp::from_seconds;
//! let mut clicks = TestStream::new();
//! clicks.add(("home", 1), at(5)).add(("cart", 1), at(6)).advance_watermark_to(at(60));
//! clicks.add(("home", 1), at(59)); // too late
//!
//! let p = TestPipeline::new().threads(3);
//! let minutely = p.test_stream("Clicks", &clicks).window("Minutely", FixedWindows::of(Duration::minutes(1)));
//! let counts = minutely.key_by("Page", |(page, _)| page.to_string()).sum("Count", |(_, n)| *n);
//! PAssert::that("Counts", &counts)
//!     .in_on_time_pane(Window::new(at(0), at(60)))
//!     .contains_in_any_order([("home".to_owned(), 1), ("cart".to_owned(), 1)]);
//! let result = p.run();
//! assert_eq!(result.dropped_late("Count"), 1);
//! ```
//!
//! With the feature `proptest` streams are made up at random: see `streams`.

#[cfg(feature = "direct")]
mod pipeline;

pub use dataflow_core::TestStream;
pub use dataflow_exec::testing::*;

#[cfg(feature = "direct")]
pub use pipeline::{TestPipeline, TestResult};
