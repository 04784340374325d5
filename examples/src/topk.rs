//! The most viewed articles of each hour: a ranking of counts, also while the hour goes on.
//!
//! Two groupings, one after the other: views per article, then the best of them. Both give results early, and the
//! second takes in what the first gives: the same article again and again, with more views each time. So it has a
//! [`CombineFn`] of its own, [`Ranking`], for which the newest count of an article takes the place of those before.

use dataflow::prelude::*;
use dataflow::windows::{AfterProcessingTime, AfterWatermark, WindowingStrategy};
use serde::{Deserialize, Serialize};

/// How often views are counted while the hour goes on, in processing time.
pub const REFRESH: Duration = Duration::minutes(1);
/// How long the ranking waits for counts of other articles, so that there is one ranking and not one for each count.
pub const SETTLE: Duration = Duration::seconds(1);

/// The `k` most viewed articles of each hour: every minute while it goes on, and at its end.
pub fn top(views: &PCollection<View>, k: usize) -> PCollection<Top> {
    let hourly = |early: Duration| {
        WindowingStrategy::of(FixedWindows::of(Duration::hours(1)))
            .triggering(AfterWatermark::past_end_of_window().early(AfterProcessingTime::delay(early)))
            .accumulating()
    };
    views
        .window("Hourly", hourly(REFRESH))
        .key_by("Article", |view| view.article.clone())
        .count("Views")
        .window("HourlyRanking", hourly(SETTLE)) // the same windows, but results sooner
        .combine_globally("Top", Ranking { k })
        .par_do("Row", ToRow)
}

/// A view of an article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The article.
    pub article: String,
    /// When it was viewed.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// The most viewed articles of an hour, so far.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Top {
    /// Start of the hour.
    #[serde(with = "crate::time")]
    pub hour: Timestamp,
    /// Whether the hour is over, so that this is the last word.
    pub is_final: bool,
    /// The articles with their views, the most viewed first.
    pub articles: Vec<(String, u64)>,
}

/// Combines counts of articles to the `k` largest. Counts of an article only grow, so the largest is the newest.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// How many articles.
    pub k: usize,
}

impl CombineFn for Ranking {
    type In = (String, u64);
    type Acc = Vec<(String, u64)>; // the best first
    type Out = Vec<(String, u64)>;

    fn create(&self) -> Self::Acc {
        Vec::new()
    }

    fn add(&self, best: &mut Self::Acc, (article, views): &(String, u64)) {
        match best.iter_mut().find(|(other, _)| other == article) {
            Some((_, before)) => *before = (*before).max(*views),
            None => best.push((article.clone(), *views)),
        }
        best.sort_by(|(a, a_views), (b, b_views)| b_views.cmp(a_views).then_with(|| a.cmp(b)));
        // An article that falls out is beaten by `k` others for good, unless it gets more views; then it comes again.
        best.truncate(self.k);
    }

    fn merge(&self, best: &mut Self::Acc, other: Self::Acc) {
        other.iter().for_each(|count| self.add(best, count));
    }

    fn extract(&self, best: Self::Acc) -> Self::Out {
        best
    }
}

/// Adds the hour, and whether it is over.
#[derive(Clone, Debug)]
struct ToRow;

impl DoFn for ToRow {
    type In = Vec<(String, u64)>;
    type Out = Top;

    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, Top>) -> Result<(), BoxError> {
        let (hour, is_final) = (element.window().start(), element.pane.is_last);
        out.emit(Top { hour, is_final, articles: element.value });
        Ok(())
    }
}
