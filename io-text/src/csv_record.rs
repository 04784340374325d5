//! One CSV record: its fields, and the value they make.

use csv::{DeserializeError, StringRecord};
use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

/// Cuts records into fields and makes values of them by the names of the columns. Keeps its memory from one record to
/// the next.
pub(crate) struct RecordParser {
    core: csv_core::Reader,
    record: csv::ByteRecord,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl RecordParser {
    pub(crate) fn new(delimiter: u8, quote: u8) -> Self {
        let core = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(quote)
            // Only a line feed ends a record, as for who has found its end.
            .terminator(csv_core::Terminator::Any(b'\n'))
            .build();
        RecordParser { core, record: csv::ByteRecord::new(), fields: vec![], ends: vec![0; 16] }
    }

    /// The fields of a record, which comes without its line end and is not empty.
    pub(crate) fn fields(&mut self, mut bytes: &[u8]) -> Result<StringRecord, String> {
        self.core.reset();
        self.fields.resize(bytes.len().max(1), 0); // unescaping only makes it shorter
        let (mut used, mut count) = (0, 0);
        loop {
            let (result, read, written, ended) =
                self.core.read_record(bytes, &mut self.fields[used..], &mut self.ends[count..]);
            // After all of it, an empty input says that it was all.
            bytes = bytes.get(read..).unwrap_or_default();
            used += written;
            count += ended;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
            }
        }
        self.record.clear();
        let mut start = 0;
        for end in &self.ends[..count] {
            self.record.push_field(&self.fields[start..*end]);
            start = *end;
        }
        StringRecord::from_byte_record(std::mem::take(&mut self.record)).map_err(|e| {
            let text = format!("field {} is not valid UTF-8", e.utf8_error().field() + 1);
            self.record = e.into_byte_record();
            text
        })
    }

    /// The value that a record makes.
    pub(crate) fn value<T: DeserializeOwned>(&mut self, bytes: &[u8], columns: &StringRecord) -> Result<T, String> {
        let record = self.fields(bytes)?;
        let value = match record.len() == columns.len() {
            true => record.deserialize(Some(columns)).map_err(|e| explain(e, columns)),
            false => {
                Err(format!("the number of columns is wrong: {} here, {} in the header", record.len(), columns.len()))
            }
        };
        self.record = record.into_byte_record();
        value
    }
}

/// An error without a record number, which would not be that of the file, but with the column's name.
fn explain(error: csv::Error, columns: &StringRecord) -> String {
    let text = |error: &DeserializeError| match error.field().and_then(|i| columns.get(i as usize)) {
        Some(column) => format!("column \"{column}\": {}", error.kind()),
        None => error.kind().to_string(),
    };
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => text(err),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns(names: &[&str]) -> StringRecord {
        StringRecord::from(names.to_vec())
    }

    #[test]
    fn the_error_names_the_column() {
        let mut parser = RecordParser::new(b',', b'"');
        let columns = columns(&["id", "amount"]);
        let value = |parser: &mut RecordParser, text: &[u8]| parser.value::<(u32, f64)>(text, &columns);
        assert_eq!(value(&mut parser, b"7,1.5"), Ok((7, 1.5)));
        assert_eq!(value(&mut parser, b"7,x").unwrap_err(), "column \"amount\": invalid float literal");
        assert!(value(&mut parser, b"7").unwrap_err().contains("1 here, 2 in the header"));
        assert!(value(&mut parser, b"7,\xff").unwrap_err().contains("field 2 is not valid UTF-8"));
        assert_eq!(value(&mut parser, b"8,2.5"), Ok((8, 2.5)));
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_csv_crate(fields in proptest::collection::vec("[a,\"\n\r ;é]{0,6}", 1..40)) {
            let mut text = csv::WriterBuilder::new().from_writer(vec![]);
            text.write_record(&fields).unwrap();
            let text = text.into_inner().unwrap();
            let record = text.strip_suffix(b"\n").unwrap();
            prop_assume!(!record.is_empty());
            let found = RecordParser::new(b',', b'"').fields(record).unwrap();
            prop_assert_eq!(found, StringRecord::from(fields));
        }
    }
}
