//! Random streams with late elements, in random ways, against a model of a few lines.

#![allow(clippy::unwrap_used)]

use dataflow_core::{BoxError, DoFn, Element, Output, Pipeline};
use dataflow_exec::testing::{PAssert, StreamEvent, TestStreamProgram, streams};
use dataflow_exec::transforms::*;
use dataflow_tests::{Way, cases};
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;

/// The sum of each key and minute, and how many elements came too late.
fn model(program: &TestStreamProgram<(u8, u64)>) -> (BTreeMap<(i64, u8), u64>, u64) {
    let (mut sums, mut late, mut watermark) = (BTreeMap::new(), 0, Timestamp::MIN);
    for event in program.events() {
        match event {
            StreamEvent::Elements(elements) => {
                for ((key, n), t) in elements {
                    let minute = t.as_millis().div_euclid(MINUTE);
                    if Timestamp::from_millis((minute + 1) * MINUTE) <= watermark {
                        late += 1;
                    } else {
                        *sums.entry((minute, *key)).or_insert(0) += n;
                    }
                }
            }
            StreamEvent::Watermark(to) => watermark = *to,
            StreamEvent::ProcessingTime(_) | StreamEvent::Idle => {}
        }
    }
    (sums, late)
}

/// Adds the minute of the window.
#[derive(Clone)]
struct WithMinute;

impl DoFn for WithMinute {
    type In = (u8, u64);
    type Out = (i64, u8, u64);

    fn process(&mut self, sum: Element<(u8, u64)>, out: &mut Output<'_, (i64, u8, u64)>) -> Result<(), BoxError> {
        let (key, n) = sum.value;
        out.emit((sum.window().start().as_millis() / MINUTE, key, n));
        Ok(())
    }
}

fn way() -> impl Strategy<Value = Way> {
    (1u16..5, prop::option::of(1u64..4), prop::option::of(any::<u64>()))
        .prop_map(|(threads, restart_every, seed)| Way { threads, restart_every, seed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(128), ..ProptestConfig::default() })]

    #[test]
    fn each_minute_has_what_came_before_its_end(
        program in streams((0u8..5, 1u64..100))
            .starting_at(Timestamp::from_seconds(-150)) // before and after 1970
            .with_late_elements()
            .with_processing_time()
            .with_idleness(),
        way in way(),
    ) {
        let (sums, late) = model(&program);
        let p = Pipeline::new("test");
        let minutely =
            p.test_stream("Events", &program.stream()).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let out = minutely.sum("Sum", |n| *n).par_do("Minute", WithMinute);
        PAssert::that("Sums", &out).contains_in_any_order(sums.into_iter().map(|((minute, key), n)| (minute, key, n)));
        let metrics = way.run(&p).unwrap();
        prop_assert_eq!(metrics.get("Sum", "dropped_late"), late);
    }
}
