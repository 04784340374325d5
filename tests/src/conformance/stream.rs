//! Scripts as test streams.

use super::Settings;
use crate::vectors::{Element, Event};
use dataflow_core::{Data, TestStream};
use dataflow_windows::{Duration, Timestamp};

/// The events as a test stream of what `of` makes of the elements.
pub(super) fn test_stream<T: Data>(events: &[Event], settings: &Settings, of: impl Fn(&Element) -> T) -> TestStream<T> {
    let mut stream = TestStream::new();
    let mut bundle: Vec<(T, Timestamp)> = Vec::new();
    for event in events {
        if !matches!(event, Event::Element(_)) || bundle.len() >= settings.bundle {
            flush(&mut bundle, &mut stream);
        }
        match event {
            Event::Element(e) => bundle.push((of(e), Timestamp::from_millis(e.timestamp_ms))),
            Event::AdvanceWatermarkToMs(to) => {
                stream.advance_watermark_to(Timestamp::from_millis(*to));
            }
            Event::AdvanceProcessingTimeByMs(by) => {
                stream.advance_processing_time(Duration::millis(*by));
            }
        }
    }
    flush(&mut bundle, &mut stream);
    stream
}

fn flush<T: Data>(bundle: &mut Vec<(T, Timestamp)>, stream: &mut TestStream<T>) {
    if !bundle.is_empty() {
        stream.add_elements(std::mem::take(bundle));
    }
}
