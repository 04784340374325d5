//! The derive macros of `dataflow`: [`Key`](macro@Key) for types to group by, [`StateRow`](macro@StateRow) for the state
//! of a key, [`ArrowRow`](macro@ArrowRow) for rows of columns, such as those of Parquet files, and
//! [`ArrowEnum`](macro@ArrowEnum) for their fields that are one of a few names.
//!
//! The code they make names the crate that has the trait as the user's `Cargo.toml` does: `dataflow-core`,
//! `dataflow-arrow` or `io-parquet` where it is a dependency of its own, else the facade `dataflow`; an attribute
//! `crate = "path"` overrides both.

mod arrow_enum;
mod arrow_row;
mod attributes;
mod key;
mod krate;
mod state_row;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct or enum a key to group by: implements `dataflow_core::Key`.
///
/// The encoding keeps the order of `#[derive(PartialOrd, Ord)]`: the fields one after the other; for an enum first the
/// variant's number, as one byte, or as two if there are more than 256 variants. Reordering fields or variants hence
/// makes other keys of them, which saved state would no longer find; adding a variant at the end is safe.
///
/// The trait asks for `Clone`, `Eq`, `Hash`, `Serialize` and `Deserialize`, which are derived beside it. Each type
/// parameter must be a `Key`. With `#[key(crate = "some::path")]` the trait is `some::path::Key`.
///
/// ```
/// use dataflow_core::Key;
/// use dataflow_derive::Key;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Key)]
/// struct Route { origin: String, carrier: u16 }
///
/// let mut bytes = Vec::new();
/// Route { origin: "JFK".to_owned(), carrier: 1 }.encode_key(&mut bytes);
/// assert_eq!(bytes, b"JFK\0\0\0\x01");
/// ```
///
/// # Errors
/// Unions have no keys, and the discriminants of an enum must ascend, since its order goes by them.
#[proc_macro_derive(Key, attributes(key))]
pub fn derive_key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    key::derive(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Makes a struct of cells the state of a key: implements `dataflow_core::state::StateRow`.
///
/// Each field is a cell: `Value<T>`, `Bag<T>`, `Set<T>`, `Map<K, V>`, `Multimap<K, V>`, `OrderedList<T>`, `Combining<F>`,
/// `Expiring<..>` of one of them, or a timer: `EventTimer`, `ProcessingTimer`, `EventTimerFamily`,
/// `ProcessingTimerFamily`. Timers and `Expiring` are known by these names, so they must not be aliases. The struct needs
/// a `Default`, too.
///
/// For a struct `Spree` this also makes the enum `SpreeTimer` with a variant for each timer: `Reset` for a field
/// `reset: EventTimer`, `Reminders(String)` for a field `reminders: EventTimerFamily`.
///
/// Snapshots find a cell by the name of its field. Fields may be added, removed and put in another order; one that is
/// added is vacant at first. On a field:
///
/// - `#[state(ttl = "7d")]`: how long an `Expiring` cell lives after its last write: a number and a unit (us, ms, s, m,
///   h, d);
/// - `#[state(rename = "name")]`: what snapshots call it, for a field that gets a new name.
///
/// On the struct: `#[state(crate = "some::path")]`: where `dataflow_core` is found.
///
/// ```
/// use dataflow_core::state::{EventTimer, EventTimerFamily, Expiring, StateRow, Value};
/// use dataflow_derive::StateRow;
///
/// #[derive(Default, StateRow)]
/// struct Spree {
///     count: Value<u32>,
///     #[state(ttl = "7d")]
///     card: Expiring<Value<String>>,
///     reset: EventTimer,
///     reminders: EventTimerFamily,
/// }
///
/// fn name(timer: SpreeTimer) -> String {
///     match timer {
///         SpreeTimer::Reset => "reset".to_owned(),
///         SpreeTimer::Reminders(id) => id,
///     }
/// }
/// assert_eq!(name(SpreeTimer::Reminders("offer".to_owned())), "offer");
/// assert_eq!(Spree::TIMERS, 2);
/// ```
#[proc_macro_derive(StateRow, attributes(state))]
pub fn derive_state_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    state_row::derive(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Makes a struct with named fields a row of columns: implements `dataflow_arrow::ArrowRow`, which is also
/// `io_parquet::ArrowRow`.
///
/// Each field is a column of the field's name; `Option`s are nullable. On a field:
///
/// - `#[arrow(rename = "name")]`: the column has this name;
/// - `#[arrow(skip)]`: no column; read as `Default::default()`;
/// - `#[arrow(dictionary)]`: a string kept as a dictionary (enums are without being told);
/// - `#[arrow(decimal(18, 2))]`: a `Decimal`, or an `i128` of hundredths, with 18 digits, 2 of them after the point;
/// - `#[arrow(timestamp = "ms")]`: a point in time with milliseconds (`"us"`, microseconds, is the default; it also
///   makes a timestamp of an `i64` that counts them).
///
/// On the struct: `#[arrow(crate = "some::path")]`: where `dataflow_arrow` is found.
///
/// ```
/// use io_parquet::{ArrowRow, RowBuilder};
///
/// #[derive(Clone, Debug, PartialEq, ArrowRow)]
/// struct Sale {
///     #[arrow(dictionary)]
///     region: String,
///     #[arrow(decimal(18, 2))]
///     cents: i128,
///     #[arrow(rename = "user")]
///     customer: Option<u64>,
/// }
///
/// let sale = Sale { region: "north".to_owned(), cents: 1_999, customer: None };
/// let mut builder = <Sale as ArrowRow>::Builder::default();
/// builder.append(&sale);
/// assert_eq!(Sale::from_batch(&builder.finish().unwrap()).unwrap(), [sale]);
/// ```
#[proc_macro_derive(ArrowRow, attributes(arrow))]
pub fn derive_arrow_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    arrow_row::derive(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Makes an enum without fields a column of names, kept as a dictionary: implements `dataflow_arrow::ArrowEnum`.
///
/// A variant's name is its identifier; `#[arrow(rename_all = "snake_case")]` on the enum (also `"lowercase"`,
/// `"UPPERCASE"`, `"SCREAMING_SNAKE_CASE"`, `"kebab-case"`, `"camelCase"`) and `#[arrow(rename = "name")]` on a variant
/// change it. `#[arrow(crate = "some::path")]` says where `dataflow_arrow` is found.
///
/// ```
/// use io_parquet::ArrowEnum;
///
/// #[derive(Clone, Copy, PartialEq, Debug, ArrowEnum)]
/// #[arrow(rename_all = "lowercase")]
/// enum Action { Click, View, #[arrow(rename = "buy")] Purchase }
///
/// assert_eq!(Action::NAMES, ["click", "view", "buy"]);
/// assert_eq!(Action::ALL[1], Action::View);
/// ```
#[proc_macro_derive(ArrowEnum, attributes(arrow))]
pub fn derive_arrow_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    arrow_enum::derive(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}
