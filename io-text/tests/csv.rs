//! CSV files become values by the names of their columns, wherever records and splits end.
#![allow(clippy::unwrap_used)]

mod common;

use common::{poll, read_all, through_bytes};
use dataflow_core::{Source, SourceReader};
use io_text::{Cut, Parsed, TextSource};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Row {
    id: u32,
    text: String,
}

fn write(content: &str) -> (tempfile::TempDir, TextSource) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.csv");
    std::fs::write(&path, content).unwrap();
    (dir, TextSource::new(path.display().to_string()).min_split_bytes(1))
}

fn good(parsed: Vec<Parsed<Row>>) -> Vec<(u32, String)> {
    parsed.into_iter().map(|p| p.into_result().unwrap()).map(|row| (row.id, row.text)).collect()
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let (_dir, source) = write("\u{feff}more,text,id\r\n1,a,7\r\n\r\n2,\"b,\n\"\"c\",8\r\n");
    let rows = good(read_all(&source.csv(), 4).unwrap());
    assert_eq!(rows, [(7, "a".into()), (8, "b,\n\"c".into())]);
}

#[test]
fn a_delimiter_and_names_can_be_given() {
    let (_dir, source) = write("7;a\n8;b,c\n");
    let source = source.csv().delimiter(b';').columns(["id", "text"]).split_lines();
    assert_eq!(good(read_all(&source, 4).unwrap()), [(7, "a".into()), (8, "b,c".into())]);
}

#[test]
fn each_kind_of_bad_record_is_a_reject() {
    let (_dir, source) = write(&format!("id,text\n1,a,b\nx,c\n2\n3,{}\n4,d\n", "y".repeat(5_000)));
    let rows = read_all(&source.max_line(4_000).csv::<Row>(), 1).unwrap();
    let errors: Vec<_> = rows.iter().filter_map(|r| r.clone().into_result().err()).collect();
    assert_eq!(errors.len(), 4);
    assert!(errors[0].error.contains("3 here, 2 in the header"), "{}", errors[0]);
    assert!(errors[1].error.contains("column \"id\": invalid digit"), "{}", errors[1]);
    assert!(
        errors[2].to_string().ends_with("rows.csv:byte 18: the number of columns is wrong: 1 here, 2 in the header")
    );
    assert_eq!(errors[3].line.cut(), Some(Cut::TooLong { length: 5_002 }));
    assert_eq!(rows[4].as_good().unwrap().id, 4);
}

#[test]
fn files_without_records_are_fine() {
    for content in ["", "id,text", "id,text\n", "\n\nid,text\n\n"] {
        let (_dir, source) = write(content);
        assert!(read_all(&source.clone().csv::<Row>(), 3).unwrap().is_empty(), "{content:?}");
        assert!(read_all(&source.csv::<Row>().split_lines(), 3).unwrap().is_empty(), "{content:?}");
    }
}

#[test]
fn a_header_that_cannot_be_read_is_an_error_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.csv");
    std::fs::write(&path, b"id,\xff\n1,a\n").unwrap();
    let error = read_all(&TextSource::new(path.display().to_string()).csv::<Row>(), 1).unwrap_err().to_string();
    assert!(error.contains("rows.csv") && error.contains("columns([...])"), "{error}");
}

fn rows() -> impl Strategy<Value = Vec<(u32, String)>> {
    proptest::collection::vec((any::<u32>(), "[a,\"\n\r é]{0,8}"), 0..20)
}

fn csv_of(rows: &[(u32, String)], blank: usize) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer("\n".repeat(blank).into_bytes());
    writer.write_record(["id", "text"]).unwrap();
    rows.iter().for_each(|row| writer.serialize(row).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

proptest! {
    #[test]
    fn records_come_once_and_in_order_over_checkpoints(
        rows in rows(),
        chunk in 1usize..40,
        restart in proptest::collection::vec(any::<bool>(), 0..30),
    ) {
        let (_dir, source) = write(&csv_of(&rows, 0));
        let source = source.chunk_bytes(chunk).csv();
        let mut reader = source.open(source.splits(4).unwrap().remove(0)).unwrap();
        let (mut found, mut restart) = (vec![], restart.into_iter());
        loop {
            if restart.next() == Some(true) {
                let rest = through_bytes(reader.checkpoint().unwrap());
                reader = source.open(rest).unwrap();
            }
            let (more, last) = poll(&mut reader).unwrap();
            found.extend(more);
            if last {
                break;
            }
        }
        prop_assert_eq!(good(found), rows);
    }

    #[test]
    fn ranges_of_lines_have_each_record_once(
        rows in rows(),
        splits in 1usize..9,
        blank in 0usize..4,
        chunk in 1usize..40,
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(id, text)| (id, text.replace(['\n', '\r'], "_"))).collect();
        let (_dir, source) = write(&csv_of(&rows, blank));
        let source = source.chunk_bytes(chunk).csv().split_lines();
        prop_assert_eq!(good(read_all(&source, splits).unwrap()), rows);
    }
}
