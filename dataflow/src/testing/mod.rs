//! Tests of pipelines: a [`TestPipeline`] whose streams a [`TestStream`] steps, and [`PAssert`]s about its collections.
//! Tests of one step: [`KeyedDoFnTester`].
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
//! Code with state and timers of a key can be tested by itself, step by step: [`KeyedDoFnTester`] is the operator without
//! a pipeline, and shows state, timers and the watermark after each step.
//!
//! ```
//! use dataflow::core::KeyedDoFn;
//! use dataflow::core::state::{KeyContext, ProcessingTimer, Value};
//! use dataflow::derive::StateRow;
//! use dataflow::prelude::*;
//! use dataflow::testing::{KeyedDoFnTester, SetTimer};
//!
//! #[derive(Default, StateRow)]
//! struct Latest {
//!     price: Value<u64>,
//!     tell: ProcessingTimer,
//! }
//!
//! /// Tells the latest price of each product, at most once a second.
//! #[derive(Clone)]
//! struct Throttle;
//!
//! impl KeyedDoFn for Throttle {
//!     type Key = String;
//!     type In = u64;
//!     type Out = u64;
//!     type State = Latest;
//!
//!     fn process(
//!         &mut self,
//!         context: &KeyContext<'_, String>,
//!         price: Element<u64>,
//!         latest: &mut Latest,
//!         _: &mut Output<'_, u64>,
//!     ) -> Result<(), BoxError> {
//!         latest.price.set(price.value);
//!         if !latest.tell.is_set() {
//!             latest.tell.set_relative(context, Duration::seconds(1));
//!         }
//!         Ok(())
//!     }
//!
//!     fn on_timer(
//!         &mut self,
//!         _: &KeyContext<'_, String>,
//!         LatestTimer::Tell: LatestTimer,
//!         latest: &mut Latest,
//!         out: &mut Output<'_, u64>,
//!     ) -> Result<(), BoxError> {
//!         latest.price.take().into_iter().for_each(|price| out.emit(price));
//!         Ok(())
//!     }
//! }
//!
//! let at = Timestamp::from_seconds;
//! let mut tester = KeyedDoFnTester::new(Throttle).restart_after_each_step(true);
//! tester.process("tea", 250, at(100))?;
//! tester.process("tea", 260, at(101))?;
//! tester.assert_state("tea", |latest| latest.price.get().copied(), Some(260));
//! tester.assert_timers("tea", [SetTimer::new("tell", at(1)).with_output(at(100))]);
//!
//! tester.advance_watermark_to(at(200))?;
//! assert_eq!(tester.output_watermark(), at(100), "what will be told is not late");
//! tester.advance_processing_time(Duration::seconds(2))?;
//! assert_eq!(tester.take_timestamped(), [(260, at(100))]);
//! assert!(tester.keys().is_empty());
//! # Ok::<(), Error>(())
//! ```
//!
//! With the feature `proptest` streams are made up at random: see `streams`.

#[cfg(feature = "direct")]
mod pipeline;

pub use dataflow_core::TestStream;
pub use dataflow_exec::testing::*;

#[cfg(feature = "direct")]
pub use pipeline::{TestPipeline, TestResult};
