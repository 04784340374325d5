//! Any rows come back as they were written, whatever their values.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use chrono::{DateTime, NaiveDate, Utc};
use common::{read, write};
use compact_str::CompactString;
use dataflow_windows::Timestamp;
use io_parquet::{ArrowEnum, ArrowRow, Compression, ParquetSink, ParquetSource};
use proptest::collection::vec;
use proptest::prelude::*;
use rust_decimal::Decimal;

#[derive(Clone, Copy, PartialEq, Debug, ArrowEnum)]
enum Side {
    Left,
    Right,
}

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Numbers {
    a: i8,
    b: i16,
    c: Option<i32>,
    d: i64,
    e: u8,
    f: u16,
    g: u32,
    h: Option<u64>,
    #[arrow(decimal(38, 10))]
    i: Option<i128>,
    #[arrow(decimal(28, 4))]
    j: Decimal,
    k: bool,
    l: Option<bool>,
}

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Texts {
    a: String,
    b: Option<CompactString>,
    #[arrow(dictionary)]
    c: Box<str>,
    #[arrow(dictionary)]
    d: Option<String>,
    e: Vec<u8>,
    f: Option<bytes::Bytes>,
    g: Side,
    h: Option<Side>,
    r#type: Vec<String>,
    i: Option<Vec<Option<i32>>>,
    j: Vec<Vec<Side>>,
}

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Times {
    a: Timestamp,
    #[arrow(timestamp = "ms")]
    b: Option<Timestamp>,
    #[arrow(timestamp = "us")]
    c: i64,
    d: DateTime<Utc>,
    e: Option<NaiveDate>,
    #[arrow(rename = "a column, renamed")]
    f: Vec<Timestamp>,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let most = 10i128.pow(38) - 1;
    let decimal = (-(10i128.pow(28) - 1)..10i128.pow(28)).prop_map(|n| Decimal::from_i128_with_scale(n, 4));
    (
        any::<(i8, i16, Option<i32>, i64, u8, u16, u32, Option<u64>)>(),
        proptest::option::of(-most..=most),
        decimal,
        any::<(bool, Option<bool>)>(),
    )
        .prop_map(|((a, b, c, d, e, f, g, h), i, j, (k, l))| Numbers { a, b, c, d, e, f, g, h, i, j, k, l })
}

fn side() -> impl Strategy<Value = Side> + Clone {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn texts() -> impl Strategy<Value = Texts> {
    let first = (".{0,30}", proptest::option::of(".{0,30}"), "[ab]{0,2}", proptest::option::of("[ab]{0,2}"));
    let second =
        (vec(any::<u8>(), 0..9), proptest::option::of(vec(any::<u8>(), 0..9)), side(), proptest::option::of(side()));
    let lists =
        (vec("[xy]{0,3}", 0..4), proptest::option::of(vec(any::<Option<i32>>(), 0..4)), vec(vec(side(), 0..3), 0..3));
    (first, second, lists).prop_map(|((a, b, c, d), (e, f, g, h), (list, i, j))| Texts {
        a,
        b: b.map(CompactString::from),
        c: c.into(),
        d,
        e,
        f: f.map(bytes::Bytes::from),
        g,
        h,
        r#type: list,
        i,
        j,
    })
}

fn times() -> impl Strategy<Value = Times> {
    let timestamp = || any::<i64>().prop_map(Timestamp::from_micros);
    let in_years = -8_000_000_000_000_000_000i64..8_000_000_000_000_000_000;
    (
        timestamp(),
        proptest::option::of((-9_000_000_000_000_000i64..9_000_000_000_000_000).prop_map(Timestamp::from_millis)),
        any::<i64>(),
        in_years.prop_map(|us| DateTime::from_timestamp_micros(us).unwrap()),
        proptest::option::of((-90_000_000i32..90_000_000).prop_map(|day| NaiveDate::from_epoch_days(day).unwrap())),
        vec(timestamp(), 0..3),
    )
        .prop_map(|(a, b, c, d, e, f)| Times { a, b, c, d, e, f })
}

fn comes_back<T: ArrowRow + PartialEq + std::fmt::Debug>(rows: &[T], compression: Compression) {
    let dir = tempfile::tempdir().unwrap();
    // Row groups and files end inside the rows.
    write(&ParquetSink::to(dir.path()).compression(compression).row_group_rows(7).roll_rows(17), rows).unwrap();
    let source = ParquetSource::<T>::new(dir.path().to_str().unwrap()).allow_empty(true);
    assert_eq!(read(&source).unwrap(), rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn numbers_come_back(rows in vec(numbers(), 0..60)) {
        comes_back(&rows, Compression::Snappy);
    }

    #[test]
    fn texts_come_back(rows in vec(texts(), 0..60)) {
        comes_back(&rows, Compression::Zstd(1));
    }

    #[test]
    fn times_come_back(rows in vec(times(), 0..60)) {
        comes_back(&rows, Compression::Gzip);
    }

    #[test]
    fn floats_come_back_to_the_bit(bits in vec(any::<(u64, u32)>(), 0..60)) {
        #[derive(Clone, ArrowRow)]
        struct Floats { a: f64, b: Option<f32> }
        let dir = tempfile::tempdir().unwrap();
        let row = |(a, b): &(u64, u32)| Floats { a: f64::from_bits(*a), b: Some(f32::from_bits(*b)) };
        let rows: Vec<_> = bits.iter().map(row).collect();
        write(&ParquetSink::to(dir.path()), &rows).unwrap();
        let rows = read(&ParquetSource::<Floats>::new(dir.path().to_str().unwrap()).allow_empty(true)).unwrap();
        let back: Vec<_> = rows.iter().map(|row| (row.a.to_bits(), row.b.unwrap().to_bits())).collect();
        prop_assert_eq!(back, bits);
    }
}

#[test]
fn the_ends_of_the_ranges_come_back() {
    let date = |days| NaiveDate::from_epoch_days(days);
    let row = |a, us, days| Times {
        a,
        b: Some(Timestamp::from_millis(a.as_millis())),
        c: us,
        d: DateTime::from_timestamp_micros(us / 2).unwrap(),
        e: date(days),
        f: vec![a],
    };
    let rows = [
        row(Timestamp::MIN, i64::MIN, -719_162),  // 0001-01-01
        row(Timestamp::MAX, i64::MAX, 2_932_896), // 9999-12-31
        row(Timestamp::from_micros(-1), -1, -1),
        row(Timestamp::from_micros(0), 0, 0),
    ];
    comes_back(&rows, Compression::None);
}

#[test]
fn milliseconds_are_rounded_down() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Row {
        #[arrow(timestamp = "ms")]
        at: Timestamp,
    }
    let dir = tempfile::tempdir().unwrap();
    write(&ParquetSink::to(dir.path()), &[Row { at: Timestamp::from_micros(-1) }]).unwrap();
    let rows = read(&ParquetSource::<Row>::new(dir.path().to_str().unwrap())).unwrap();
    assert_eq!(rows, [Row { at: Timestamp::from_millis(-1) }]);
}

#[test]
fn generic_rows_work_like_others() {
    #[derive(Clone, PartialEq, Debug, ArrowRow)]
    struct Keyed<K, const N: usize> {
        key: K,
        keys: Vec<String>,
        maybe: Option<K>,
    }
    comes_back(&[Keyed::<u32, 3> { key: 1, keys: vec![], maybe: None }], Compression::None);
    comes_back(
        &[Keyed::<String, 0> { key: "k".to_owned(), keys: vec!["a".into()], maybe: Some(String::new()) }],
        Compression::None,
    );
}
