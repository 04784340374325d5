//! Which partition a row belongs to.

use crate::hive;
use dataflow_windows::{Timestamp, civil_from_days};
use foldhash::fast::FixedState;
use std::fmt::Write;
use std::hash::BuildHasher;

/// The value of a partition column. It borrows from the row, so that making one for each row costs nothing.
///
/// ```
/// use io_parquet::PartitionValue;
/// use dataflow_windows::Timestamp;
/// assert_eq!(PartitionValue::date(Timestamp::from_micros(-1)).to_string(), "1969-12-31");
/// assert_eq!(PartitionValue::from("north/west").to_string(), "north%2Fwest");
/// assert_eq!(PartitionValue::from(None::<i64>).to_string(), "__HIVE_DEFAULT_PARTITION__");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PartitionValue<'a> {
    /// No value.
    Null,
    /// A string. The empty one is taken for NULL by those who read it, as Hive has it.
    Str(&'a str),
    /// A number.
    Int(i64),
    /// A day, counted from 1970-01-01.
    Date(i32),
}

impl PartitionValue<'_> {
    /// The day, in UTC, of a point in time.
    #[inline]
    pub fn date(t: Timestamp) -> Self {
        PartitionValue::Date(t.as_micros().div_euclid(86_400_000_000) as i32) // i64 microseconds are 107 million days
    }
}

impl<'a> From<&'a str> for PartitionValue<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        PartitionValue::Str(text)
    }
}

macro_rules! from_integers {
    ($($t:ty)*) => {$(
        impl From<$t> for PartitionValue<'_> {
            #[inline]
            fn from(number: $t) -> Self {
                PartitionValue::Int(number.into())
            }
        }
    )*};
}
from_integers!(i64 i32 i16 i8 u32 u16 u8);

impl<'a, V: Into<PartitionValue<'a>>> From<Option<V>> for PartitionValue<'a> {
    #[inline]
    fn from(value: Option<V>) -> Self {
        value.map_or(PartitionValue::Null, Into::into)
    }
}

/// As the folder has it, escaped.
impl std::fmt::Display for PartitionValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            PartitionValue::Null | PartitionValue::Str("") => f.write_str(hive::NULL),
            PartitionValue::Str(text) => {
                let mut escaped = String::with_capacity(text.len());
                hive::escape(text, &mut escaped);
                f.write_str(&escaped)
            }
            PartitionValue::Int(number) => number.fmt(f),
            PartitionValue::Date(days) => {
                let (year, month, day) = civil_from_days(days.into());
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
        }
    }
}

/// A value that owns its string: of a partition that is being written.
#[derive(Clone, Debug)]
enum Owned {
    Null,
    Str(Box<str>),
    Int(i64),
    Date(i32),
}

impl Owned {
    fn of(value: PartitionValue<'_>) -> Self {
        match value {
            PartitionValue::Null => Owned::Null,
            PartitionValue::Str(text) => Owned::Str(text.into()),
            PartitionValue::Int(number) => Owned::Int(number),
            PartitionValue::Date(days) => Owned::Date(days),
        }
    }

    #[inline]
    fn value(&self) -> PartitionValue<'_> {
        match self {
            Owned::Null => PartitionValue::Null,
            Owned::Str(text) => PartitionValue::Str(text),
            Owned::Int(number) => PartitionValue::Int(*number),
            Owned::Date(days) => PartitionValue::Date(*days),
        }
    }
}

/// The values of a partition, one for each level.
#[derive(Clone, Debug)]
pub(crate) struct PartitionKey(Vec<Owned>);

/// A level of partitions: a column and how its value is found. Called once for a run of rows that share the value, so
/// the closure itself is called without a detour.
trait Level<T>: Send + Sync {
    fn value<'a>(&self, row: &'a T) -> PartitionValue<'a>;
    /// How many of the first rows have this value.
    fn run(&self, rows: &[T], value: PartitionValue<'_>) -> usize;
}

struct ByClosure<F>(F);

impl<T, F: for<'a> Fn(&'a T) -> PartitionValue<'a> + Send + Sync> Level<T> for ByClosure<F> {
    fn value<'a>(&self, row: &'a T) -> PartitionValue<'a> {
        (self.0)(row)
    }

    fn run(&self, rows: &[T], value: PartitionValue<'_>) -> usize {
        rows.iter().position(|row| (self.0)(row) != value).unwrap_or(rows.len())
    }
}

/// The levels of partitions of a sink; none if it has no partitions.
pub(crate) struct Partitions<T>(Vec<(String, Box<dyn Level<T>>)>);

impl<T> Default for Partitions<T> {
    fn default() -> Self {
        Partitions(Vec::new())
    }
}

impl<T: 'static> Partitions<T> {
    pub(crate) fn add(
        &mut self,
        column: String,
        value: impl for<'a> Fn(&'a T) -> PartitionValue<'a> + Send + Sync + 'static,
    ) {
        self.0.push((column, Box::new(ByClosure(value))));
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(column, _)| &column[..])
    }

    /// How many of the first rows are in the partition.
    #[inline]
    pub(crate) fn run(&self, rows: &[T], key: &PartitionKey) -> usize {
        let mut run = rows.len();
        for ((_, level), value) in self.0.iter().zip(&key.0) {
            run = level.run(&rows[..run], value.value());
        }
        run
    }

    pub(crate) fn key(&self, row: &T) -> PartitionKey {
        PartitionKey(self.0.iter().map(|(_, level)| Owned::of(level.value(row))).collect())
    }

    /// The same for a row and for the key of its partition.
    pub(crate) fn hash(&self, row: &T) -> u64 {
        hash_of(self.0.iter().map(|(_, level)| level.value(row)))
    }

    /// The partition's folder, relative to the target; empty if there are no partitions.
    pub(crate) fn folder(&self, key: &PartitionKey) -> String {
        let mut folder = String::new();
        for ((column, _), value) in self.0.iter().zip(&key.0) {
            if !folder.is_empty() {
                folder.push('/');
            }
            hive::escape(column, &mut folder);
            _ = write!(folder, "={}", value.value()); // a String takes all that is written
        }
        folder
    }
}

impl PartitionKey {
    pub(crate) fn hash(&self) -> u64 {
        hash_of(self.0.iter().map(Owned::value))
    }
}

fn hash_of<'a>(values: impl Iterator<Item = PartitionValue<'a>>) -> u64 {
    values.fold(0, |hash: u64, value| hash.rotate_left(23) ^ FixedState::default().hash_one(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar_also_at_its_ends() {
        let date = |days| PartitionValue::Date(days).to_string();
        assert_eq!([date(0), date(-1), date(11_016)], ["1970-01-01", "1969-12-31", "2000-02-29"]);
        assert_eq!([date(-719_162), date(2_932_896)], ["0001-01-01", "9999-12-31"]);
        assert_eq!(PartitionValue::date(Timestamp::MAX), PartitionValue::Date(106_751_991));
    }

    #[test]
    fn a_run_ends_where_any_level_changes() {
        let mut partitions = Partitions::<(i64, &str)>::default();
        partitions.add("n".to_owned(), |row| row.0.into());
        partitions.add("s".to_owned(), |row| row.1.into());
        let rows = [(1, "a"), (1, "a"), (1, "b"), (2, "b")];
        let key = partitions.key(&rows[0]);
        assert_eq!(partitions.run(&rows, &key), 2);
        assert_eq!(partitions.folder(&key), "n=1/s=a");
        assert_eq!(partitions.hash(&rows[1]), key.hash());
        assert_ne!(partitions.hash(&rows[2]), key.hash());
    }
}
