//! What the sink writes is what another implementation of Parquet reads.
//!
//! Needs a Python with pyarrow in `DATAFLOW_TEST_PYTHON`.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use chrono::{DateTime, NaiveDate, Utc};
use common::write;
use dataflow_windows::Timestamp;
use io_parquet::{ArrowEnum, ArrowRow, CompactOptions, Compression, ParquetSink, PartitionValue, compact};
use rust_decimal::Decimal;
use std::env;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, PartialEq, Debug, ArrowEnum)]
#[arrow(rename_all = "lowercase")]
enum Action {
    Click,
    View,
}

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    at: Timestamp,
    #[arrow(timestamp = "ms")]
    seen: DateTime<Utc>,
    day: Option<NaiveDate>,
    #[arrow(decimal(18, 2))]
    price: Option<Decimal>,
    action: Action,
    #[arrow(dictionary)]
    region: String,
    tags: Vec<String>,
    blob: Option<Vec<u8>>,
    amount: f64,
}

fn event(id: u64) -> Event {
    let us = id as i64 * 1_000_000 - 1; // the first is before 1970
    Event {
        id,
        at: Timestamp::from_micros(us),
        seen: DateTime::from_timestamp_micros(us).unwrap(),
        day: id.is_multiple_of(2).then(|| NaiveDate::from_epoch_days(id as i32 - 1).unwrap()),
        price: id.is_multiple_of(3).then(|| Decimal::new(id as i64 * 101 - 7, 2)),
        action: if id.is_multiple_of(2) { Action::Click } else { Action::View },
        region: format!("region {}", id % 4),
        tags: (0..id % 3).map(|tag| format!("t{tag}")).collect(),
        blob: id.is_multiple_of(5).then(|| vec![id as u8, 0, 255]),
        amount: id as f64 / 4.0,
    }
}

/// The interpreter, or nothing if there is none and that is fine.
fn python() -> Option<String> {
    match env::var("DATAFLOW_TEST_PYTHON") {
        Ok(python) => Some(python),
        Err(_) if env::var("DATAFLOW_TEST_FULL").is_ok_and(|full| full == "1") => {
            panic!("DATAFLOW_TEST_FULL=1, but DATAFLOW_TEST_PYTHON names no Python with pyarrow")
        }
        Err(_) => {
            println!("skipped: DATAFLOW_TEST_PYTHON names no Python with pyarrow");
            None
        }
    }
}

const SCRIPT: &str = r#"
import datetime as dt, decimal, sys
import pyarrow as pa, pyarrow.dataset as ds
table = ds.dataset(sys.argv[1], format="parquet", partitioning="hive").to_table().sort_by("id")
schema = {f.name: f for f in table.schema}
assert schema["at"].type == pa.timestamp("us", "UTC"), schema["at"]
assert schema["seen"].type == pa.timestamp("ms", "UTC"), schema["seen"]
assert schema["price"].type == pa.decimal128(18, 2), schema["price"]
assert schema["day"].type == pa.date32() and schema["day"].nullable
assert pa.types.is_dictionary(schema["action"].type), schema["action"]
assert pa.types.is_dictionary(schema["region"].type), schema["region"]
assert schema["id"].type == pa.uint64() and not schema["id"].nullable, schema["id"]
epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
rows = table.to_pylist()
assert len(rows) == int(sys.argv[2]), len(rows)
for i, row in enumerate(rows):
    at = epoch + dt.timedelta(microseconds=i * 1_000_000 - 1)
    assert row["id"] == i, row
    assert row["at"] == at, row
    assert row["seen"] == epoch + dt.timedelta(milliseconds=(i * 1_000_000 - 1) // 1000), row
    assert row["day"] == (dt.date(1970, 1, 1) + dt.timedelta(days=i - 1) if i % 2 == 0 else None), row
    assert row["price"] == (decimal.Decimal(i * 101 - 7) / 100 if i % 3 == 0 else None), row
    assert row["action"] == ("click" if i % 2 == 0 else "view"), row
    assert row["region"] == f"region {i % 4}", row
    assert row["tags"] == [f"t{t}" for t in range(i % 3)], row
    assert row["blob"] == (bytes([i % 256, 0, 255]) if i % 5 == 0 else None), row
    assert row["amount"] == i / 4, row
    assert row["where"] == ("a/b = c%" if i % 7 else None), row
import os; os._exit(0)  # threads of pyarrow sometimes abort an interpreter that ends in the usual way
"#;

fn check(python: &str, target: &Path, rows: usize) {
    let output = Command::new(python).args(["-c", SCRIPT]).arg(target).arg(rows.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pyarrow_reads_types_values_and_partitions() {
    let Some(python) = python() else { return };
    for codec in [Compression::None, Compression::Snappy, Compression::Gzip, Compression::Zstd(1)] {
        let dir = tempfile::tempdir().unwrap();
        let sink = ParquetSink::to(dir.path()).compression(codec).roll_rows(60).row_group_rows(25).partition_by(
            "where",
            |e: &Event| if e.id.is_multiple_of(7) { PartitionValue::Null } else { "a/b = c%".into() },
        );
        write(&sink, &(0..500).map(event).collect::<Vec<_>>()).unwrap();
        check(&python, dir.path(), 500);
        compact(&CompactOptions::new(dir.path())).unwrap();
        check(&python, dir.path(), 500);
    }
}
