//! JSON lines become values or rejects; nothing gets lost.
#![allow(clippy::unwrap_used)]

mod common;

use common::read_all;
use dataflow_core::windows::{Duration, Timestamp, watermark::WatermarkEstimator};
use dataflow_core::{Source, SourceReader, plane::Batch};
use io_text::{Cut, Parsed, TextSource};

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Event {
    id: u32,
    at: i64,
}

fn write(content: &[u8]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.ndjson").display().to_string();
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

#[test]
fn each_kind_of_bad_line_is_a_reject_with_reason_and_position() {
    let mut content = b"{\"id\":1,\"at\":10}\n{\"id\":2,\"at\":\n{\"id\":\"x\",\"at\":1}\n\xff\n".to_vec();
    content.extend(
        [&b"{\"id\":3,\"more\":\""[..], &[b'y'; 3_000], b"\"}\n\n  \n{\"id\":4,\"at\":5,\"new\":[1]}"].concat(),
    );
    let (_dir, path) = write(&content);
    let events = read_all(&TextSource::new(path).max_line(2_000).json::<Event>(), 1).unwrap();
    let bad: Vec<_> = events.iter().filter_map(|e| if let Parsed::Bad(bad) = e { Some(bad) } else { None }).collect();
    assert_eq!(events.len(), 6);
    assert_eq!(events[0].as_good(), Some(&Event { id: 1, at: 10 }));
    assert_eq!(events[5].as_good(), Some(&Event { id: 4, at: 5 }));
    let errors: Vec<_> = bad.iter().map(|bad| bad.error.as_str()).collect();
    assert!(errors[0].starts_with("EOF while parsing a value at column"), "{errors:?}");
    assert!(errors[1].contains("invalid type: string \"x\", expected u32"), "{errors:?}");
    assert!(errors[2].starts_with("expected value at column 1"), "{errors:?}");
    assert!(errors[3].contains("too long: 3018 bytes"), "{errors:?}");
    assert_eq!(bad[3].line.cut(), Some(Cut::TooLong { length: 3_018 }));
    assert_eq!(bad[1].line.position.offset, 31);
}

#[test]
fn values_tell_the_time_and_rejects_are_never_late() {
    let (_dir, path) = write(b"{\"id\":1,\"at\":100}\nbroken\n{\"id\":2,\"at\":70}\n{\"id\":3,\"at\":130}\n");
    let source = TextSource::new(path).chunk_bytes(30).json::<Event>().with_timestamps(
        |event| Some(Timestamp::from_seconds(event.at)),
        WatermarkEstimator::bounded_out_of_orderness(Duration::seconds(40)),
    );
    let split = source.splits(1).unwrap().remove(0);
    assert_eq!(source.lower_bound(&split), Timestamp::MIN);
    let mut reader = source.open(split).unwrap();
    assert_eq!(reader.watermark(), Timestamp::MIN);
    let mut batch = Batch::default();
    reader.poll(&mut batch).unwrap();
    let times: Vec<_> = (0..2).map(|i| batch.times.get(i)).collect();
    assert_eq!(times, [Timestamp::from_seconds(100), Timestamp::from_seconds(60)]);
    assert_eq!(reader.watermark(), Timestamp::from_seconds(60));

    // What is left holds the watermark, and goes on from it.
    let rest = common::through_bytes(reader.checkpoint().unwrap());
    assert_eq!(source.lower_bound(&rest), Timestamp::from_seconds(60));
    let mut reader = source.open(rest).unwrap();
    assert_eq!(reader.watermark(), Timestamp::from_seconds(60));
    while !common::poll(&mut reader).unwrap().1 {}
    assert_eq!(reader.watermark(), Timestamp::from_seconds(90));
}

#[test]
fn a_dead_letter_written_as_json_can_be_read() {
    let (_dir, path) = write(b"{\"id\":2,\"at\":\n");
    let Parsed::Bad(bad) = read_all(&TextSource::new(path).json::<Event>(), 1).unwrap().remove(0) else { panic!() };
    let json = serde_json::to_value(&bad).unwrap();
    assert_eq!(json["line"]["bytes"], "{\"id\":2,\"at\":");
    assert_eq!(json["line"]["position"]["offset"], 0);
}
