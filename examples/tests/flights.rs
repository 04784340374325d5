//! `flights` gives what others compute from the same files, and loses no record that it cannot read.

#![allow(clippy::unwrap_used)]

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use clap::Parser;
use dataflow::prelude::*;
use dataflow::text::BadRecord;
use examples::flights::options::FlightsOptions;
use examples::flights::summary::Summary;
use examples::flights::{DEAD_LETTERS, HOURLY, HourlyRow};
use io_parquet::ArrowRow;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration as Span;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/flights/data");

fn options(args: &[&str]) -> FlightsOptions {
    FlightsOptions::try_parse_from([&["flights"], args].concat()).unwrap()
}

fn run(options: &FlightsOptions) -> Result<Summary> {
    let pipeline = Pipeline::new("test");
    let totals = examples::flights::build(&pipeline, options);
    let mut result = pipeline.run(&options.pipeline)?;
    result.wait_until_finish()?;
    let summary = Summary::of(result.metrics(), totals.values()[0], Span::ZERO);
    summary.check(result.metrics()).unwrap();
    Ok(summary)
}

/// Runs on the shipped days and gives the rows of the result.
fn run_on_shipped_days(threads: &str) -> (Summary, Vec<HourlyRow>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let summary = run(&options(&["--out-dir", folder, "--threads", threads])).unwrap();
    (summary, landed(dir.path()))
}

/// The rows that landed below `folder`, in order. Each is in the partition of its day.
fn landed(folder: &Path) -> Vec<HourlyRow> {
    let mut rows = Vec::new();
    for partition in fs::read_dir(folder.join(HOURLY)).unwrap().map(|entry| entry.unwrap().path()) {
        let name = partition.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(date) = name.strip_prefix("date=") else {
            assert!(name.starts_with('_'), "{name} is neither a partition nor hidden from readers");
            continue;
        };
        for file in fs::read_dir(&partition).unwrap().map(|entry| File::open(entry.unwrap().path()).unwrap()) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let of_file: Vec<_> = reader.flat_map(|batch| HourlyRow::from_batch(&batch.unwrap()).unwrap()).collect();
            assert!(of_file.iter().all(|row| row.hour.to_string().starts_with(date)), "{name}");
            rows.extend(of_file);
        }
    }
    sorted(rows)
}

fn sorted(mut rows: Vec<HourlyRow>) -> Vec<HourlyRow> {
    rows.sort_by(|a, b| (a.hour, &a.origin, &a.carrier).cmp(&(b.hour, &b.origin, &b.carrier)));
    rows
}

type Records = Vec<BTreeMap<String, String>>;

fn table(name: &str) -> Records {
    let reader = csv::Reader::from_path(Path::new(DATA).join(name)).unwrap();
    reader.into_deserialize().map(Result::unwrap).collect()
}

/// The same result by a loop over the same files.
fn by_hand() -> Vec<HourlyRow> {
    let names: BTreeMap<_, _> =
        table("airlines.csv").into_iter().map(|a| (a["carrier"].clone(), a["name"].clone())).collect();
    let mut groups = BTreeMap::<(DateTime<Utc>, String, String), (u64, Vec<f64>)>::new();
    for flight in table("flights.csv") {
        let time: DateTime<Utc> = flight["time_hour"].parse().unwrap();
        let hour = time.duration_trunc(TimeDelta::hours(1)).unwrap();
        let (cancelled, delays) =
            groups.entry((hour, flight["origin"].clone(), flight["carrier"].clone())).or_default();
        match flight["dep_time"].as_str() {
            "NA" => *cancelled += 1,
            _ => delays.push(flight["dep_delay"].parse().unwrap()),
        }
    }
    let rows = groups.into_iter().map(|((hour, origin, carrier), (cancelled, delays))| {
        let departed = delays.len();
        HourlyRow {
            hour: Timestamp::from_seconds(hour.timestamp()),
            origin: origin.into(),
            airline: names.get(&carrier).cloned(),
            carrier: carrier.into(),
            scheduled: cancelled + departed as u64,
            cancelled,
            mean_dep_delay: (departed > 0).then(|| delays.iter().sum::<f64>() / departed as f64),
        }
    });
    rows.collect()
}

#[test]
fn the_shipped_days_give_what_a_loop_over_them_gives_on_any_number_of_threads() {
    let expected = by_hand();
    for threads in ["1", "2", "4"] {
        let (summary, rows) = run_on_shipped_days(threads);
        assert_eq!(rows, expected, "{threads} threads");
        let Summary { read, scheduled, cancelled, mean_dep_delay, rejected, rows, .. } = summary;
        // The figures of examples/flights/README.md.
        assert_eq!((read, scheduled, cancelled, rejected, rows), (2_443, 2_443, 891, 0, 892));
        assert_eq!(format!("{:.6}", mean_dep_delay.unwrap()), "15.709407");
        assert_eq!(expected.iter().filter(|row| row.mean_dep_delay.is_none()).count(), 291);
        assert_eq!(expected.iter().map(|row| row.hour).collect::<BTreeSet<_>>().len(), 57);
    }
}

#[test]
fn columns_have_the_types_that_other_programs_expect() {
    let schema = HourlyRow::schema();
    let columns: Vec<_> = schema.fields().iter().map(|f| format!("{}: {}", f.name(), f.data_type())).collect();
    assert_eq!(
        columns,
        [
            "hour: Timestamp(µs, \"UTC\")",
            "origin: Dictionary(Int32, Utf8)",
            "carrier: Dictionary(Int32, Utf8)",
            "airline: Dictionary(Int32, Utf8)",
            "scheduled: UInt64",
            "cancelled: UInt64",
            "mean_dep_delay: Float64",
        ]
    );
    let nullable: Vec<_> = schema.fields().iter().filter(|f| f.is_nullable()).map(|f| f.name().as_str()).collect();
    assert_eq!(nullable, ["airline", "mean_dep_delay"]);
}

#[cfg(feature = "sql")]
#[test]
fn the_shipped_days_give_what_sql_over_them_gives() {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::prelude::{CsvReadOptions, SessionContext};

    let query = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/flights/expected.sql")).unwrap();
    let query = query.trim_end();
    // What it counts is of a signed type there.
    let query = format!(
        "SELECT * EXCLUDE (scheduled, cancelled), CAST(scheduled AS BIGINT UNSIGNED) AS scheduled, \
         CAST(cancelled AS BIGINT UNSIGNED) AS cancelled FROM ({query})"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let batches = runtime.block_on(async {
        let session = SessionContext::new();
        for name in ["flights", "airlines"] {
            let file = format!("{DATA}/{name}.csv");
            // All columns are text: `NA` must stay what it is.
            let header = csv::Reader::from_path(&file).unwrap().headers().unwrap().clone();
            let columns: Vec<_> = header.iter().map(|column| Field::new(column, DataType::Utf8, true)).collect();
            let schema = Schema::new(columns);
            session.register_csv(name, &file, CsvReadOptions::new().schema(&schema)).await.unwrap();
        }
        session.sql(&query).await.unwrap().collect().await.unwrap()
    });
    let expected = batches.iter().flat_map(|batch| HourlyRow::from_batch(batch).unwrap()).collect();
    let (_, rows) = run_on_shipped_days("2");
    assert_eq!(rows, sorted(expected));
}

/// Input with three good flights and a bad one of each kind.
fn bad_input(dir: &Path) -> (PathBuf, PathBuf) {
    let (flights, airlines) = (dir.join("flights.csv"), dir.join("airlines.csv"));
    let text: [&[u8]; 11] = [
        b"origin,dep_time,dep_delay,carrier,time_hour",
        b"JFK,NA,NA,ZZ,2013-02-08T10:00:00Z",
        b"JFK,1000,-1,AA,2013-02-08T05:59:59-05:00",
        b"",
        b"JFK,1000,-1,AA,NA",
        b"JFK,1000,soon,AA,2013-02-08T10:00:00Z",
        b"JFK,1000,AA,2013-02-08T10:00:00Z",
        b"JFK,1000,0,AA,2013-02-30T10:00:00Z",
        b"JFK\xff,1000,0,AA,2013-02-08T10:00:00Z",
        b"JFK,,,AA,2013-02-08T10:00:00Z",
        b"JFK,1003,3,AA,2013-02-08T10:00:00Z",
    ];
    fs::write(&flights, text.join(&b'\n')).unwrap();
    fs::write(&airlines, "carrier,name\nAA,\"American Airlines, Inc.\"\nB6\n").unwrap();
    (flights, airlines)
}

#[test]
fn bad_records_are_kept_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (flights, airlines) = bad_input(dir.path());
    let out = dir.path().join("out");
    let [flights, airlines, out_dir] = [&flights, &airlines, &out].map(|path| path.to_str().unwrap());
    let summary = run(&options(&["--input", flights, "--airlines", airlines, "--out-dir", out_dir])).unwrap();
    assert_eq!((summary.read, summary.scheduled, summary.rejected), (9, 3, 7));

    let files = fs::read_dir(out.join(DEAD_LETTERS)).unwrap().map(|entry| entry.unwrap().path());
    let lines: String = files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut letters: Vec<BadRecord> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    letters.sort_by(|a, b| a.line.position.cmp(&b.line.position));
    let reasons: Vec<_> = letters.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "the number of columns is wrong: 1 here, 2 in the header",
            "\"NA\" is no time; expected is one such as 2013-02-08T10:00:00Z",
            "\"soon\" is neither NA nor a value: invalid digit found in string",
            "the number of columns is wrong: 4 here, 5 in the header",
            "\"2013-02-30T10:00:00Z\" is no time; expected is one such as 2013-02-08T10:00:00Z",
            "field 1 is not valid UTF-8",
            "\"\" is neither NA nor a value: cannot parse integer from empty string",
        ]
    );
    assert_eq!(letters[5].line.as_bytes(), b"JFK\xff,1000,0,AA,2013-02-08T10:00:00Z");

    let rows = landed(&out);
    let found: Vec<_> = rows.iter().map(|r| (r.carrier.as_str(), r.airline.as_deref(), r.mean_dep_delay)).collect();
    assert_eq!(found, [("AA", Some("American Airlines, Inc."), Some(1.0)), ("ZZ", None, None)]);
    assert_eq!((rows[0].scheduled, rows[1].cancelled), (2, 1));
}

#[test]
fn a_result_is_neither_mixed_nor_replaced_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    run(&options(&["--out-dir", folder])).unwrap();
    let error = run(&options(&["--out-dir", folder])).unwrap_err().to_string();
    assert!(error.contains("not empty"), "{error}");
    run(&options(&["--out-dir", folder, "--append"])).unwrap();
    assert_eq!(landed(dir.path()).len(), 2 * 892);
    run(&options(&["--out-dir", folder, "--overwrite"])).unwrap();
    assert_eq!(landed(dir.path()).len(), 892);
}

#[test]
fn the_program_prints_and_writes_a_summary() {
    let dir = tempfile::tempdir().unwrap();
    let program = |args: &[&str]| {
        let command = &mut Command::new(env!("CARGO_BIN_EXE_flights"));
        command.current_dir(dir.path()).args(args).output().unwrap()
    };
    let output = program(&["--summary", "summary.json", "--threads=2"]);
    let (printed, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}");
    for part in ["2,443", "891", "15.709407", "out/flights/hourly"] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
    let summary = fs::read_to_string(dir.path().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["cancelled"], &summary["rows"]), (&891.into(), &892.into()));

    let output = program(&["--input", "missing.csv", "--overwrite"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && complaint.contains("missing.csv"), "{complaint}");
    assert_eq!(landed(&dir.path().join("out/flights")).len(), 892, "the old result must still be there");
}
