//! Counters, by step and name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that only grows. Copies count into the same number.
#[derive(Clone, Default, Debug)]
pub struct Counter {
    parts: Arc<[Part; PARTS]>,
    /// Where this copy counts.
    own: usize,
}

/// A number is kept in so many parts, for threads to count without getting into each other's way.
const PARTS: usize = 8;

/// A part of a number, in cache lines of its own.
#[derive(Default, Debug)]
#[repr(align(128))]
struct Part(AtomicU64);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.parts[self.own].0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.parts.iter().map(|part| part.0.load(Ordering::Relaxed)).sum()
    }

    /// A copy for the thread with this number: it counts into the same number, without slowing other threads down.
    #[must_use]
    pub fn on_thread(&self, thread: usize) -> Self {
        Counter { parts: self.parts.clone(), own: thread % PARTS }
    }
}

/// All counters of a pipeline.
///
/// The engine counts for every step: `elements_in`, `elements_out`, and `dropped_late` where windows close.
///
/// ```
/// use dataflow_core::Metrics;
/// let metrics = Metrics::default();
/// metrics.counter("Parse", "rejected").add(2);
/// assert_eq!(metrics.get("Parse", "rejected"), 2);
/// assert_eq!(metrics.get("Parse", "unheard of"), 0);
/// assert_eq!(metrics.sum("rejected"), 2);
/// metrics.counter("Lake/Write", "elements_in").add(1_500);
/// let table = "\
/// step        counter      value
/// Lake/Write  elements_in   1500
/// Parse       rejected         2
/// ";
/// assert_eq!(format!("{metrics:?}"), table);
/// ```
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<(String, String), Counter>>>);

impl Metrics {
    /// The counter with this name of this step; made if there is none.
    pub fn counter(&self, step: &str, name: &str) -> Counter {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((step.to_owned(), name.to_owned())).or_default().clone()
    }

    /// The value of a counter; 0 if there is none.
    pub fn get(&self, step: &str, name: &str) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(step.to_owned(), name.to_owned())).map_or(0, Counter::get)
    }

    /// The sum of all counters with this name, over all steps.
    pub fn sum(&self, name: &str) -> u64 {
        self.all().iter().filter(|m| m.name == name).map(|m| m.value).sum()
    }

    /// All counters, by step and name.
    pub fn all(&self) -> Vec<Metric> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let metric = |((step, name), counter): (&(String, String), &Counter)| Metric {
            step: step.clone(),
            name: name.clone(),
            value: counter.get(),
        };
        all.iter().map(metric).collect()
    }

    /// All counters in Prometheus' text format
    /// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
    ///
    /// ```
    /// # let metrics = dataflow_core::Metrics::default();
    /// metrics.counter("Lake/Parse", "rejected").inc();
    /// assert_eq!(
    ///     metrics.to_prometheus(),
    ///     "# TYPE dataflow_rejected_total counter\ndataflow_rejected_total{step=\"Lake/Parse\"} 1\n"
    /// );
    /// ```
    pub fn to_prometheus(&self) -> String {
        let mut by_name: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
        for metric in self.all() {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            by_name.entry(metric.name.chars().map(plain).collect()).or_default().push(metric);
        }
        let mut text = String::new();
        for (name, metrics) in by_name {
            text.push_str(&format!("# TYPE dataflow_{name}_total counter\n"));
            for Metric { step, value, .. } in metrics {
                let step = step.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                text.push_str(&format!("dataflow_{name}_total{{step=\"{step}\"}} {value}\n"));
            }
        }
        text
    }
}

/// A table of all counters: step, name, value.
impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.all().into_iter().map(|m| [m.step, m.name, m.value.to_string()]);
        let rows: Vec<_> = std::iter::once(["step", "counter", "value"].map(str::to_owned)).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (steps, names, values) = (width(0), width(1), width(2));
        for [step, name, value] in &rows {
            writeln!(f, "{step:steps$}  {name:names$}  {value:>values$}")?;
        }
        Ok(())
    }
}

/// The value of a counter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metric {
    /// The step's full name.
    pub step: String,
    /// The counter's name.
    pub name: String,
    /// Its value when it was asked for.
    pub value: u64,
}
