//! How far a run is: a bar on a terminal, log lines elsewhere.

use dataflow::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration as Span, Instant};

use super::summary::{grouped, read};

const BAR: Span = Span::from_millis(100);
const LOG: Span = Span::from_secs(5);

/// Shows how far a run is.
pub struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    next: Instant,
    /// How much there is to read, as far as that was known last.
    total: Option<u64>,
}

impl Progress {
    /// On standard error, if that is a terminal and log lines are for people, a bar, else log lines.
    pub fn new(for_people: bool) -> Progress {
        let bar = (for_people && std::io::stderr().is_terminal()).then(ProgressBar::no_length);
        let start = Instant::now();
        let next = start + if bar.is_some() { BAR } else { LOG };
        Progress { bar, start, next, total: None }
    }

    /// Looks at the run, when it is time to.
    pub fn show(&mut self, result: &PipelineResult) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.bar.is_some() { BAR } else { LOG };
        let events = read(result.metrics());
        let seconds = now.duration_since(self.start).as_secs_f64();
        let rate = (events as f64 / seconds) as u64;
        let dataflow_core::Progress { done, total } = result.progress();
        // It is not known for a moment while a split is opened.
        self.total = total.or(self.total);
        let total = self.total;
        let left = total.filter(|_| done > 0).map(|total| seconds * total.saturating_sub(done) as f64 / done as f64);
        let Some(bar) = &self.bar else {
            let percent = total.map(|total| done * 100 / total.max(1));
            tracing::info!(events, events_per_second = rate, percent, seconds_left = left.map(|s| s as u64), "reading");
            return;
        };
        if let (Some(total), None) = (total, bar.length()) {
            bar.set_style(style("{bar:40} {percent:>3}% {msg}"));
            bar.set_length(total);
        } else if total.is_none() {
            bar.set_style(style("{spinner} {msg}"));
        }
        bar.set_position(done);
        let eta = left.map_or_else(String::new, |left| format!(", {left:.0} s left"));
        bar.set_message(format!("{} events, {}/s{eta}", grouped(events), grouped(rate)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
