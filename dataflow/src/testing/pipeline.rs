//! A pipeline that a test builds and runs.

use dataflow_core::{Metrics, Pipeline, PipelineOptions, Result};
use runner_direct::DirectRunner;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;

/// A pipeline that a test builds and runs: a [`Pipeline`] that knows how it is run, on the direct runner.
///
/// It must be run: a test that forgot to panics at its end. [`random`](Self::random) makes up how it is run.
///
/// ```
/// use dataflow::prelude::*;
/// use dataflow::testing::{PAssert, TestPipeline};
///
/// for seed in 0..5 {
///     let p = TestPipeline::new().threads(2).restart_every(3).seed(seed);
///     let squares = p.create("Numbers", 1..=3).map("Square", |n| n * n);
///     PAssert::that("Squares", &squares).contains_in_any_order([1, 4, 9]);
///     p.run();
/// }
/// ```
#[derive(Debug)]
pub struct TestPipeline {
    pipeline: Shown,
    threads: u16,
    restart_every: Option<u64>,
    seed: Option<u64>,
    /// The seed that threads, restarts and the runner's seed were made of.
    random: Option<u64>,
    ran: Cell<bool>,
    /// Whether it was said how to run it again.
    told: Cell<bool>,
}

/// The environment variable with the seed of all [`TestPipeline::random`]s.
const SEED: &str = "DATAFLOW_TEST_SEED";

/// A pipeline, of which there is nothing to print.
struct Shown(Pipeline);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipeline")
    }
}

impl Default for TestPipeline {
    fn default() -> Self {
        Self::new()
    }
}

impl TestPipeline {
    /// An empty pipeline, to be run on two threads.
    pub fn new() -> Self {
        TestPipeline {
            pipeline: Shown(Pipeline::new("test")),
            threads: 2,
            restart_every: None,
            seed: None,
            random: None,
            ran: Cell::new(false),
            told: Cell::new(false),
        }
    }

    /// An empty pipeline, to be run in a way that is made up at random: how many threads, whether and when it restarts, and
    /// the [`seed`](Self::seed) of all choices in between.
    ///
    /// A test that fails prints how to run it again the same way: as code, and as a value of the environment variable
    /// `DATAFLOW_TEST_SEED`, which sets the seed of all such pipelines of the process.
    ///
    /// ```
    /// use dataflow::prelude::*;
    /// use dataflow::testing::{PAssert, TestPipeline};
    ///
    /// let p = TestPipeline::random();
    /// let counts = p.create("Letters", ['a', 'b', 'a']).map("Code", |c| c as u32).key_by("Code.key", |c| *c).count("Count");
    /// PAssert::that("Counts", &counts).contains_in_any_order([(97, 2), (98, 1)]);
    /// p.run();
    /// ```
    ///
    /// # Panics
    /// If `DATAFLOW_TEST_SEED` is set to what is no number.
    #[track_caller]
    pub fn random() -> Self {
        let given = std::env::var(SEED).ok();
        // The keys of hash maps are random; short seeds are easier to pass on.
        let fresh = || RandomState::new().hash_one(0) % 1_000_000_000;
        match given.as_deref().map(str::parse) {
            None => Self::random_of(fresh()),
            Some(Ok(seed)) => Self::random_of(seed),
            Some(Err(_)) => panic!("{SEED}={} is no seed: give a number", given.unwrap_or_default()),
        }
    }

    /// What [`random`](Self::random) makes of a seed.
    fn random_of(seed: u64) -> Self {
        let mut rest = scramble(seed);
        let mut below = |n: u64| {
            let choice = rest % n;
            rest /= n;
            choice
        };
        let p = TestPipeline::new().threads(1 + below(4) as u16).seed(seed);
        // Every other one restarts; seldom or after each batch.
        let mut p = if below(2) == 0 { p } else { p.restart_every(1 + below(12)) };
        p.random = Some(seed);
        p
    }

    /// On so many threads.
    #[must_use]
    pub fn threads(mut self, threads: u16) -> Self {
        self.threads = threads;
        self
    }

    /// With random choices from `seed`: see [`DirectRunner::seed`].
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Goes on from bytes after so many batches and events: see [`DirectRunner::restart_every`].
    #[must_use]
    pub fn restart_every(mut self, batches: u64) -> Self {
        self.restart_every = Some(batches);
        self
    }

    /// Runs the pipeline to its end and checks its [`PAssert`](super::PAssert)s.
    ///
    /// # Panics
    /// If the run fails or an assertion does not hold, with what is wrong and how to run it the same way.
    #[track_caller]
    pub fn run(&self) -> TestResult {
        match self.try_run() {
            Ok(result) => result,
            Err(error) => {
                self.told.set(true);
                panic!("{error}\n{}", self.again())
            }
        }
    }

    /// Runs the pipeline to its end and checks its [`PAssert`](super::PAssert)s.
    ///
    /// # Errors
    /// What the run ends with; also that an assertion does not hold.
    pub fn try_run(&self) -> Result<TestResult> {
        self.ran.set(true);
        let options = PipelineOptions::default().with_threads(self.threads);
        let mut runner = DirectRunner::new().handle_signals(false);
        runner = self.restart_every.into_iter().fold(runner, DirectRunner::restart_every);
        runner = self.seed.into_iter().fold(runner, DirectRunner::seed);
        let mut result = self.run_on(&runner, &options)?;
        result.wait_until_finish()?;
        Ok(TestResult(result.metrics().clone()))
    }

    /// How to run it the same way.
    fn again(&self) -> String {
        let mut code = format!("TestPipeline::new().threads({})", self.threads);
        let calls = [("restart_every", self.restart_every), ("seed", self.seed)];
        for (call, n) in calls.into_iter().filter_map(|(call, n)| Some((call, n?))) {
            code.push_str(&format!(".{call}({n})"));
        }
        let variable = self.random.map_or(String::new(), |seed| format!(", or set {SEED}={seed} for the same test"));
        format!("to run it this way again: {code}{variable}")
    }
}

/// Spreads seeds that are next to each other over all numbers: the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014).
fn scramble(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Deref for TestPipeline {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        &self.pipeline.0
    }
}

impl Drop for TestPipeline {
    fn drop(&mut self) {
        // The test looks at results by itself, too: what fails then does not know how they came about.
        if std::thread::panicking() && self.random.is_some() && self.ran.get() && !self.told.get() {
            eprintln!("{}", self.again());
        }
        // A test that fails already has said why.
        if !self.ran.get() && !std::thread::panicking() {
            panic!("the test pipeline was never run: call `run` when it is built");
        }
    }
}

/// What is known of a [`TestPipeline`]'s run.
#[derive(Clone)]
pub struct TestResult(Metrics);

/// The counters.
impl std::fmt::Debug for TestResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TestResult {
    /// The value of a step's counter; 0 if there is none.
    pub fn counter(&self, step: &str, name: &str) -> u64 {
        self.0.get(step, name)
    }

    /// How many elements a step dropped because their window was over.
    pub fn dropped_late(&self, step: &str) -> u64 {
        self.counter(step, "dropped_late")
    }

    /// All counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn way(p: &TestPipeline) -> (u16, Option<u64>, Option<u64>) {
        p.ran.set(true);
        (p.threads, p.restart_every, p.seed)
    }

    #[test]
    fn a_seed_makes_the_same_way_of_running_and_many_make_all_of_them() {
        let ways: Vec<_> = (0..1_000).map(|seed| way(&TestPipeline::random_of(seed))).collect();
        let again: Vec<_> = (0..1_000).map(|seed| way(&TestPipeline::random_of(seed))).collect();
        assert_eq!(ways, again);
        let different: BTreeSet<_> =
            ways.iter().map(|(threads, restart_every, _)| (*threads, *restart_every)).collect();
        assert_eq!(different.len(), 4 * 13, "{different:?}");
        assert!((0..1_000).zip(&ways).all(|(n, (_, _, seed))| *seed == Some(n)));
    }

    #[test]
    fn fresh_seeds_differ() {
        let seeds: BTreeSet<_> = (0..20).map(|_| way(&TestPipeline::random()).2).collect();
        assert!(seeds.len() > 15 || std::env::var(SEED).is_ok(), "{seeds:?}");
    }
}
