//! Windowing vectors by way of columns: `TestStream -> columns -> window -> aggregates by key -> rows`.

use super::Settings;
use super::groupings::dropped;
use super::stream::test_stream;
use crate::vectors::{Dropped, Ending, Event, Outcome, Pane, Windowing, WindowingVector};
use dataflow_arrow::{Aggregate, ArrowRow, Columns, ToColumns};
use dataflow_core::{Element, Pipeline};
use dataflow_exec::transforms::*;
use std::collections::BTreeSet;

/// What is grouped by, and what is told of the values of a pane: each has state of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnForm {
    /// By a string: the number of values, their sum, the smallest and the largest.
    Summaries,
    /// By an unsigned integer: the number of values.
    Counts,
    /// By a signed integer: the largest value.
    Greatest,
    /// By nothing, combined in advance: the number of values, their sum, the smallest and the largest.
    Totals,
}

impl ColumnForm {
    /// All of them.
    pub const ALL: [ColumnForm; 4] =
        [ColumnForm::Summaries, ColumnForm::Counts, ColumnForm::Greatest, ColumnForm::Totals];

    /// Those by key.
    pub const BY_KEY: [ColumnForm; 3] = [ColumnForm::Summaries, ColumnForm::Counts, ColumnForm::Greatest];

    /// What is told of these values, which are in ascending order.
    pub fn of(self, values: &[i64]) -> Vec<i64> {
        let told = Told {
            count: values.len() as u64,
            sum: values.iter().sum(),
            min: values.first().copied(),
            max: values.last().copied(),
        };
        self.values(&told)
    }

    fn values(self, told: &Told) -> Vec<i64> {
        match self {
            ColumnForm::Counts => vec![told.count as i64],
            ColumnForm::Greatest => told.max.into_iter().collect(),
            _ => [told.count as i64, told.sum].into_iter().chain(told.min).chain(told.max).collect(),
        }
    }

    fn of_ending(self, ending: Ending, vector: &WindowingVector) -> Ending {
        match (ending, &vector.expected, vector.dropped) {
            (Ending::Outputs(_), Some(expected), Some(dropped)) => {
                let told = |pane: &Pane| Pane { values: self.of(&pane.values), ..pane.clone() };
                Ending::Outputs(Outcome::of(&expected.iter().map(told).collect::<Vec<_>>(), dropped))
            }
            (other, ..) => other,
        }
    }
}

/// What is told of the values of a pane.
struct Told {
    count: u64,
    sum: i64,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Clone, ArrowRow)]
struct Value {
    key: String,
    number: u64,
    signed: i64,
    value: i64,
}

#[derive(Clone, ArrowRow)]
struct Summary {
    key: String,
    count: u64,
    sum: i64,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Clone, ArrowRow)]
struct Total {
    count: u64,
    sum: i64,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Clone, ArrowRow)]
struct Count {
    number: u64,
    count: u64,
}

#[derive(Clone, ArrowRow)]
struct Greatest {
    signed: i64,
    max_value: Option<i64>,
}

/// The keys of a script as numbers, which hang on the seed as their names do.
struct Numbers {
    keys: Vec<String>,
    shift: u64,
}

impl Numbers {
    fn of(events: &[Event], settings: &Settings) -> Self {
        let key = |event: &Event| if let Event::Element(e) = event { Some(e.key.clone()) } else { None };
        let keys: BTreeSet<String> = events.iter().filter_map(key).collect();
        Numbers { keys: keys.into_iter().collect(), shift: settings.way.seed.unwrap_or(0) * 1_000 }
    }

    fn number(&self, key: &str) -> u64 {
        self.keys.iter().position(|k| k == key).unwrap_or(0) as u64 + self.shift
    }

    fn key(&self, number: u64) -> String {
        self.keys[(number - self.shift) as usize].clone()
    }
}

/// What comes of a windowing vector by way of columns, and what must.
pub fn run_columns(vector: &WindowingVector, form: ColumnForm, settings: &Settings) -> (Ending, Ending) {
    let expected = crate::vectors::Vector::Windowing(vector.clone()).ending();
    let found = match column_panes(&vector.strategy, &vector.events, form, settings) {
        Ok((panes, dropped)) => Ending::Outputs(Outcome::of(&panes, dropped)),
        Err(ending) => ending,
    };
    (form.of_ending(expected, vector), found)
}

/// The panes that the engine gives for a script by way of columns, and what it drops.
///
/// # Errors
/// How it ended, if not well.
pub fn column_panes(
    strategy: &Windowing,
    events: &[Event],
    form: ColumnForm,
    settings: &Settings,
) -> Result<(Vec<Pane>, Dropped), Ending> {
    let numbers = Numbers::of(events, settings);
    let stream = test_stream(events, settings, |e| {
        let number = numbers.number(&e.key);
        Value { key: settings.key(&e.key), number, signed: -(number as i64), value: e.value }
    });
    let p = Pipeline::new("vector");
    let columns = p.test_stream("Events", &stream).to_columns("Columns").window("Window", strategy.to_engine());
    let summary = [
        Aggregate::count(),
        Aggregate::sum("value").named("sum"),
        Aggregate::min("value").named("min"),
        Aggregate::max("value").named("max"),
    ];
    match form {
        ColumnForm::Summaries => {
            let rows = columns.group_by(["key"]).aggregate("Group", summary);
            run(&p, &rows, settings, |s: Summary| {
                let told = Told { count: s.count, sum: s.sum, min: s.min, max: s.max };
                (settings.script_key(&s.key), form.values(&told))
            })
        }
        ColumnForm::Counts => {
            let rows = columns.group_by(["number"]).aggregate("Group", [Aggregate::count()]);
            run(&p, &rows, settings, |c: Count| (numbers.key(c.number), vec![c.count as i64]))
        }
        ColumnForm::Greatest => {
            let rows = columns.group_by(["signed"]).aggregate("Group", [Aggregate::max("value")]);
            run(&p, &rows, settings, |g: Greatest| {
                (numbers.key(g.signed.unsigned_abs()), g.max_value.into_iter().collect())
            })
        }
        ColumnForm::Totals => {
            let rows = columns.aggregate("Group", summary);
            run(&p, &rows, settings, |t: Total| {
                let told = Told { count: t.count, sum: t.sum, min: t.min, max: t.max };
                ("all".to_owned(), form.values(&told))
            })
        }
    }
}

fn run<T: ArrowRow + Sync>(
    p: &Pipeline,
    columns: &Columns,
    settings: &Settings,
    told: impl Fn(T) -> (String, Vec<i64>),
) -> Result<(Vec<Pane>, Dropped), Ending> {
    let out = columns.to_rows::<T>("Rows").collect("Out");
    let metrics = settings.run(p)?;
    let pane = |e: Element<T>| {
        let window = e.window().into();
        let (key, values) = told(e.value);
        Pane { key, values, window, timestamp_ms: e.timestamp.as_millis(), pane: e.pane.into() }
    };
    Ok((out.elements().into_iter().map(pane).collect(), dropped(&metrics)))
}
