//! Runs with checkpoints that are killed, stopped, put to sleep and started again: what they publish is what a run that
//! nobody disturbs publishes, once.
//!
//! The processes are this test binary itself, told by an environment variable what to do.
#![cfg(all(feature = "direct", feature = "text", feature = "parquet"))]
#![allow(clippy::unwrap_used)] // a test fails by panicking

use clap::Parser;
use dataflow::arrow::ArrowRow;
use dataflow::core::plane::Batch;
use dataflow::core::{Boundedness, KeyedDoFn, Poll, Source, SourceReader};
use dataflow::parquet::PartitionValue;
use dataflow::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration as StdDuration, Instant};

const ROLE: &str = "DATAFLOW_TEST_DURABLE";
const LANES: u64 = 3;
const KEYS: u64 = 17;

/// The options of a process.
#[derive(Parser)]
struct Args {
    /// Where it writes.
    #[arg(long)]
    output: PathBuf,
    /// How many numbers each lane has.
    #[arg(long)]
    numbers: u64,
    /// How many of them come in a second; all at once if it is 0.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Has a step that others do not have.
    #[arg(long)]
    another_step: bool,
    /// Has two sinks that write to one folder.
    #[arg(long)]
    one_folder: bool,
    /// Collects something in memory.
    #[arg(long)]
    collect: bool,
    #[command(flatten)]
    pipeline: PipelineOptions,
}

/// Numbers that come at a rate, in lanes.
struct Numbers {
    numbers: u64,
    rate: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Lane {
    lane: u64,
    next: u64,
    end: u64,
}

struct Reader {
    lane: Lane,
    rate: u64,
    first: u64,
    opened: Instant,
}

fn time_of(number: u64) -> Timestamp {
    Timestamp::from_millis(number as i64 * 10)
}

impl Source for Numbers {
    type Element = (u64, u64);
    type Split = Lane;
    type Reader = Reader;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn splits(&self, _: usize) -> Result<Vec<Lane>> {
        Ok((0..LANES).map(|lane| Lane { lane, next: 0, end: self.numbers }).collect())
    }

    fn lower_bound(&self, split: &Lane) -> Timestamp {
        time_of(split.next)
    }

    fn open(&self, lane: Lane) -> Result<Reader> {
        Ok(Reader { first: lane.next, lane, rate: self.rate, opened: Instant::now() })
    }
}

impl SourceReader for Reader {
    type Element = (u64, u64);
    type Split = Lane;

    fn poll(&mut self, batch: &mut Batch<(u64, u64)>) -> Result<Poll> {
        let Lane { lane, next, end } = self.lane;
        if next == end {
            return Ok(Poll::End);
        }
        let come = match self.rate {
            0 => end,
            rate => end.min(self.first + self.opened.elapsed().as_millis() as u64 * rate / 1000),
        };
        let n = come.saturating_sub(next).min(64);
        batch.fill(n as usize, |i| ((lane, next + i as u64), time_of(next + i as u64)));
        self.lane.next += n;
        Ok(if n > 0 { Poll::More } else { Poll::Pending })
    }

    fn watermark(&self) -> Timestamp {
        if self.lane.next == self.lane.end { Timestamp::MAX } else { time_of(self.lane.next) }
    }

    fn checkpoint(&mut self) -> Result<Lane> {
        Ok(self.lane.clone())
    }
}

/// Tells every tenth time that a key comes.
#[derive(Clone)]
struct Tenths;

#[derive(Default, StateRow)]
struct Times {
    times: Value<u64>,
}

impl KeyedDoFn for Tenths {
    type Key = u64;
    type In = u64;
    type Out = String;
    type State = Times;

    fn process(
        &mut self,
        context: &KeyContext<'_, u64>,
        _: Element<u64>,
        state: &mut Times,
        out: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        *state.times.or_default() += 1;
        let times = state.times.get_or_default();
        if times.is_multiple_of(10) {
            out.emit(format!("{} {times}", context.key()));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &KeyContext<'_, u64>,
        timer: TimesTimer,
        _: &mut Times,
        _: &mut Output<'_, String>,
    ) -> Result<(), BoxError> {
        match timer {}
    }
}

/// What a key has in a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ArrowRow)]
struct Sum {
    key: u64,
    at: i64,
    sum: u64,
}

/// Sums up by a timer at the end of the window.
#[derive(Clone)]
struct SumByTimer;

#[derive(Default, StateRow)]
struct Summing {
    sum: Value<u64>,
    end: EventTimer,
}

impl KeyedDoFn for SumByTimer {
    type Key = u64;
    type In = u64;
    type Out = Sum;
    type State = Summing;

    fn process(
        &mut self,
        context: &KeyContext<'_, u64>,
        element: Element<u64>,
        state: &mut Summing,
        _: &mut Output<'_, Sum>,
    ) -> Result<(), BoxError> {
        *state.sum.or_default() += element.value;
        state.end.set(context.window().max_timestamp());
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, u64>,
        SummingTimer::End: SummingTimer,
        state: &mut Summing,
        out: &mut Output<'_, Sum>,
    ) -> Result<(), BoxError> {
        let at = context.window().max_timestamp().as_millis();
        out.emit(Sum { key: *context.key(), at, sum: state.sum.take().unwrap_or_default() });
        Ok(())
    }
}

fn build(args: &Args) -> Pipeline {
    let p = Pipeline::new("durable");
    let numbers = p.read("Numbers", Numbers { numbers: args.numbers, rate: args.rate });
    let keyed = numbers.map("Key", |(lane, n)| ((n * 7 + lane) % KEYS, n));
    let folder = if args.one_folder { "counts" } else { "tenths" };
    let tenths = keyed.par_do_stateful("Tenths", Tenths);
    tenths.write("Write tenths", TextSink::lines(args.output.join(folder)).roll_bytes(500));
    let windows = keyed.window("Seconds", FixedWindows::of(Duration::seconds(1)));
    let sums = windows.par_do_stateful("Sums", SumByTimer);
    let lake = ParquetSink::to(args.output.join("sums"))
        .roll_rows(50)
        .partition_by("lane", |sum: &Sum| PartitionValue::Int((sum.key % 3) as i64));
    sums.write("Write sums", lake);
    let counts = windows.count("Count").map_element("With window", |element| {
        format!("{} {} {}", element.window().max_timestamp().as_millis(), element.value.0, element.value.1)
    });
    counts.write("Write counts", TextSink::json(args.output.join("counts")));
    if args.another_step {
        numbers.map("Another", |n| n);
    }
    if args.collect {
        numbers.collect("Collected");
    }
    p
}

/// What the processes do. Run as a test like the others, it does nothing.
#[test]
fn role() {
    let Ok(args) = env::var(ROLE) else { return };
    let args = Args::try_parse_from(std::iter::once("durable").chain(args.split('\n'))).unwrap();
    let run = || build(&args).run(&args.pipeline)?.wait_until_finish();
    if let Err(e) = run() {
        eprintln!("the run has failed: {e}");
        std::process::exit(7);
    }
    std::process::exit(0);
}

/// A folder with what a test needs.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn output(&self) -> PathBuf {
        self.dir.path().join("output")
    }

    fn checkpoints(&self) -> PathBuf {
        self.dir.path().join("checkpoints")
    }

    fn start(&self, args: &[&str]) -> Child {
        let output = format!("--output={}", self.output().display());
        let checkpoint = format!("--checkpoint={}", self.checkpoints().display());
        let own = [&output[..], &checkpoint, "--checkpoint-interval=60ms", "--threads=2"];
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "role", "--nocapture"])
            .env(ROLE, [&own, args].concat().join("\n"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until something new was published.
    fn wait_for_output(&self, child: &mut Child) {
        let (before, begun) = (files(&self.output()).len(), Instant::now());
        while files(&self.output()).len() <= before {
            assert!(begun.elapsed() < StdDuration::from_secs(30), "nothing is published");
            if child.try_wait().unwrap().is_some() {
                panic!("the process has ended: {:?}", failure(child));
            }
            std::thread::sleep(StdDuration::from_millis(5));
        }
    }

    fn results(&self) -> Results {
        Results::of(&self.output())
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits for the end. Nothing if it went well, else what it says.
fn failure(child: &mut Child) -> Option<String> {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    (!status.success()).then_some(said)
}

/// All files that readers see.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with(['_', '.']) {
            continue;
        }
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// What is published, in order.
#[derive(PartialEq, Debug)]
struct Results {
    tenths: Vec<String>,
    counts: Vec<String>,
    sums: Vec<Sum>,
}

impl Results {
    fn of(output: &Path) -> Self {
        let lines = |folder: &str| {
            let files = files(&output.join(folder));
            let mut lines: Vec<String> = files
                .iter()
                .flat_map(|f| fs::read_to_string(f).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            lines.sort();
            lines
        };
        let p = Pipeline::new("read");
        let source = ParquetSource::<Sum>::new(output.join("sums").to_str().unwrap()).allow_empty(true);
        let sums = p.read("Sums", source).collect("Collected");
        p.run(&PipelineOptions::default()).unwrap().wait_until_finish().unwrap();
        Results { tenths: lines("tenths"), counts: lines("counts"), sums: sums.sorted() }
    }

    /// What `numbers` numbers in each lane must give.
    fn expected(numbers: u64) -> Self {
        let place = Place::new();
        let args = format!("--output={}\n--numbers={numbers}\n--threads=2", place.output().display());
        let args = Args::try_parse_from(std::iter::once("durable").chain(args.split('\n'))).unwrap();
        build(&args).run(&args.pipeline).unwrap().wait_until_finish().unwrap();
        let results = place.results();
        let times: u64 = results
            .counts
            .iter()
            .map(|c| c.trim_matches('"').rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(times, LANES * numbers);
        results
    }

    fn assert_is(&self, expected: &Results) {
        let once = |lines: &[String]| lines.windows(2).all(|pair| pair[0] != pair[1]);
        assert!(once(&self.tenths) && once(&self.counts), "something is there twice");
        let sizes = |r: &Results| (r.tenths.len(), r.counts.len(), r.sums.len());
        assert_eq!(sizes(self), sizes(expected));
        assert!(self == expected);
    }
}

/// A linear congruential generator: the moments are the same in each run, unlike what they hit.
struct Random(u64);

impl Random {
    /// That of `seed`, unless the environment has another `DATAFLOW_TEST_SEED`.
    fn new(seed: u64) -> Self {
        Random(env::var("DATAFLOW_TEST_SEED").map_or(seed, |text| text.parse().unwrap()))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// No files are left that are in the making.
fn assert_nothing_is_left(output: &Path) {
    for folder in ["tenths", "counts", "sums"] {
        assert!(!output.join(folder).join("_staging").exists(), "{folder}");
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_publishes_each_result_once() {
    const NUMBERS: u64 = 5_000;
    let expected = Results::expected(NUMBERS);
    let place = Place::new();
    let (mut kills, mut random, begun) = (0, Random::new(20_261_122), Instant::now());
    loop {
        let mut child = place.start(&["--numbers=5000", "--rate=1000"]);
        let moment = Instant::now() + StdDuration::from_millis(5 + random.below(700));
        while Instant::now() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(StdDuration::from_millis(1));
        }
        if kills >= 15 || child.try_wait().unwrap().is_some() {
            assert_eq!(failure(&mut child), None);
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let seen = files(&place.output()).len();
        println!("kill {kills} after {:?}: {seen} files are published", begun.elapsed());
    }
    assert!(kills >= 10, "{kills}");
    place.results().assert_is(&expected);
    assert_nothing_is_left(&place.output());
    // It has come to its end, so another start does nothing.
    let files_before = files(&place.output());
    assert_eq!(failure(&mut place.start(&["--numbers=5000", "--rate=1000"])), None);
    assert_eq!(files(&place.output()), files_before);
}

#[test]
fn a_zombie_that_wakes_up_publishes_nothing_and_says_why_it_ends() {
    const NUMBERS: u64 = 1_500;
    let expected = Results::expected(NUMBERS);
    let place = Place::new();
    let args = ["--numbers=1500", "--rate=500"];
    let mut owner = place.start(&args);
    for round in 0..3 {
        place.wait_for_output(&mut owner);
        std::thread::sleep(StdDuration::from_millis(round * 23));
        send(&owner, Signal::STOP);
        let mut next = place.start(&args);
        place.wait_for_output(&mut next);
        send(&owner, Signal::CONT);
        let said = failure(&mut owner).unwrap();
        assert!(said.contains("another process has taken over these checkpoints"), "{said}");
        owner = next;
    }
    assert_eq!(failure(&mut owner), None);
    place.results().assert_is(&expected);
    assert_nothing_is_left(&place.output());
}

#[test]
fn processes_that_are_killed_or_sleep_at_any_moment_publish_each_result_once() {
    let place = Place::new();
    let args = ["--numbers=1500", "--rate=500"];
    let (mut asleep, mut awake, mut random) = (Vec::new(), Vec::new(), Random::new(5));
    for _ in 0..15 {
        let mut child = place.start(&args);
        std::thread::sleep(StdDuration::from_millis(5 + random.below(400)));
        if random.below(3) == 0 {
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            send(&child, Signal::STOP);
            asleep.push(child);
        }
        if random.below(2) == 0 && !asleep.is_empty() {
            let wakes = asleep.swap_remove(random.below(asleep.len() as u64) as usize);
            send(&wakes, Signal::CONT);
            awake.push(wakes);
        }
    }
    asleep.iter().for_each(|child| send(child, Signal::CONT));
    let taken_over = |child: &mut Child| match failure(child) {
        None => false,
        Some(said) if said.contains("another process has") => true,
        Some(said) => panic!("{said}"),
    };
    asleep.into_iter().chain(awake).for_each(|mut child| _ = taken_over(&mut child));
    while taken_over(&mut place.start(&args)) {}
    place.results().assert_is(&Results::expected(1_500));
}

#[test]
fn a_process_that_is_not_stopped_is_superseded_as_well() {
    let place = Place::new();
    let args = ["--numbers=1000", "--rate=500"];
    let mut first = place.start(&args);
    place.wait_for_output(&mut first);
    let mut second = place.start(&args);
    let said = failure(&mut first).unwrap();
    assert!(said.contains("give each a checkpoint location of its own"), "{said}");
    assert_eq!(failure(&mut second), None);
    place.results().assert_is(&Results::expected(1_000));
}

#[test]
fn sigterm_takes_a_checkpoint_from_which_the_next_start_goes_on() {
    const NUMBERS: u64 = 800;
    let place = Place::new();
    let args = ["--numbers=800", "--rate=400"];
    for _ in 0..2 {
        let mut child = place.start(&args);
        place.wait_for_output(&mut child);
        send(&child, Signal::TERM);
        assert_eq!(failure(&mut child), None);
        let results = place.results();
        assert!(results.tenths.len() < Results::expected(NUMBERS).tenths.len(), "it ends at once");
    }
    assert_eq!(failure(&mut place.start(&args)), None);
    place.results().assert_is(&Results::expected(NUMBERS));
    assert_nothing_is_left(&place.output());
}

#[test]
fn what_readers_have_taken_away_is_not_missed_when_the_run_goes_on() {
    let place = Place::new();
    let args = ["--numbers=800", "--rate=400"];
    let taken = place.dir.path().join("taken");
    let mut moved = 0;
    let mut take = || {
        for file in files(&place.output()) {
            let to = taken.join(file.strip_prefix(place.output()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            assert!(!to.exists(), "it was published twice");
            fs::rename(&file, to).unwrap();
            moved += 1;
        }
    };
    for signal in [Signal::TERM, Signal::KILL] {
        let mut child = place.start(&args);
        place.wait_for_output(&mut child);
        send(&child, signal);
        assert_eq!(failure(&mut child).is_none(), signal == Signal::TERM);
        take();
    }
    assert_eq!(failure(&mut place.start(&args)), None);
    assert_nothing_is_left(&place.output());
    take();
    assert!(moved > 4, "{moved}");
    Results::of(&taken).assert_is(&Results::expected(800));
}

#[test]
fn two_sinks_of_one_folder_leave_each_others_files_alone() {
    let place = Place::new();
    let args = ["--numbers=600", "--rate=400", "--one-folder"];
    for _ in 0..4 {
        let mut child = place.start(&args);
        place.wait_for_output(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(failure(&mut place.start(&args[..1].iter().chain(&args[2..]).copied().collect::<Vec<_>>())), None);
    let expected = Results::expected(600);
    let mut lines = [expected.tenths, expected.counts].concat();
    lines.sort();
    assert!(place.results().counts == lines);
    assert_nothing_is_left(&place.output());
}

#[test]
fn an_interrupt_drains_the_run_so_that_nothing_is_left_to_do() {
    let place = Place::new();
    let args = ["--numbers=100000", "--rate=400"];
    let mut child = place.start(&args);
    place.wait_for_output(&mut child);
    send(&child, Signal::INT);
    assert_eq!(failure(&mut child), None);
    assert_nothing_is_left(&place.output());
    let (results, published) = (place.results(), files(&place.output()));
    assert!(!results.sums.is_empty(), "windows were closed");
    assert_eq!(failure(&mut place.start(&args)), None);
    assert_eq!(files(&place.output()), published);
}

/// A process that was killed after it has published something.
fn killed(place: &Place) {
    let mut child = place.start(&["--numbers=600", "--rate=400"]);
    place.wait_for_output(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_corrupt_manifest_is_named_and_an_older_one_is_used_only_if_duplicates_are_accepted() {
    let place = Place::new();
    killed(&place);
    let newest = files(&place.checkpoints().join("manifests")).into_iter().max().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let published = files(&place.output());
    let said = failure(&mut place.start(&["--numbers=600"])).unwrap();
    let name = newest.display().to_string();
    assert!(said.contains(&name) && said.contains("--accept-duplicates"), "{said}");
    assert_eq!(files(&place.output()), published);
    assert_eq!(failure(&mut place.start(&["--numbers=600", "--accept-duplicates"])), None);
    let (mut results, expected) = (place.results(), Results::expected(600));
    results.sums.dedup();
    results.tenths.dedup();
    results.counts.dedup();
    assert!(results == expected, "nothing is lost");
}

#[test]
fn another_graph_is_refused_and_the_steps_that_differ_are_named() {
    let place = Place::new();
    killed(&place);
    let said = failure(&mut place.start(&["--numbers=600", "--another-step"])).unwrap();
    assert!(said.contains("of another pipeline") && said.contains("\"Another\""), "{said}");
    assert!(!said.contains("Tenths"), "{said}");
    assert_eq!(failure(&mut place.start(&["--numbers=600"])), None);
    place.results().assert_is(&Results::expected(600));
}

#[test]
fn a_sink_that_cannot_go_on_in_another_process_is_refused() {
    let place = Place::new();
    let said = failure(&mut place.start(&["--numbers=6", "--collect"])).unwrap();
    assert!(said.contains("step \"Collected\"") && said.contains("cannot go on from a checkpoint"), "{said}");
}

#[test]
fn a_target_that_is_not_empty_is_refused_at_the_first_start_alone() {
    let place = Place::new();
    fs::create_dir_all(place.output().join("tenths")).unwrap();
    let foreign = place.output().join("tenths/foreign");
    fs::write(&foreign, "").unwrap();
    let said = failure(&mut place.start(&["--numbers=600"])).unwrap();
    assert!(said.contains("is not empty"), "{said}");
    fs::remove_file(&foreign).unwrap();
    assert_eq!(failure(&mut place.start(&["--numbers=600"])), None);
    place.results().assert_is(&Results::expected(600));
}
