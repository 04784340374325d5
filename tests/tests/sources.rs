//! The source protocol: splits, parts given away, watermarks of what is read and unread.

#![allow(clippy::unwrap_used)]

use dataflow_core::plane::Batch;
use dataflow_core::{Pipeline, Poll, Progress, Result, Source, SourceReader};
use dataflow_exec::transforms::*;
use dataflow_tests::{WAYS, Way, in_every_way};
use dataflow_windows::{Duration, FixedWindows, Timestamp};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Numbers in one split that can be divided, each with its own second.
#[derive(Clone, Default)]
struct OneSplit {
    end: u64,
    parts: Arc<AtomicU64>,
}

struct Reader {
    next: u64,
    end: u64,
    parts: Arc<AtomicU64>,
}

impl Source for OneSplit {
    type Element = u64;
    type Split = (u64, u64);
    type Reader = Reader;

    fn splits(&self, _: usize) -> Result<Vec<(u64, u64)>> {
        Ok(vec![(0, self.end)])
    }
    fn open(&self, (next, end): (u64, u64)) -> Result<Reader> {
        Ok(Reader { next, end, parts: self.parts.clone() })
    }
    fn size(&self, (next, end): &(u64, u64)) -> Option<u64> {
        Some(end - next)
    }
}

impl SourceReader for Reader {
    type Element = u64;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        let (next, n) = (self.next, 64.min(self.end - self.next));
        batch.fill(n as usize, |i| (next + i as u64, Timestamp::from_seconds((next + i as u64) as i64)));
        self.next += n;
        std::thread::sleep(std::time::Duration::from_micros(50));
        Ok(if self.next < self.end { Poll::More } else { Poll::End })
    }
    fn watermark(&self) -> Timestamp {
        Timestamp::from_seconds(self.next as i64)
    }
    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.next, self.end))
    }
    fn split(&mut self, fraction: f64) -> Result<Option<(u64, u64)>> {
        let given = ((self.end - self.next) as f64 * fraction) as u64;
        if given < 64 {
            return Ok(None);
        }
        self.parts.fetch_add(1, Ordering::Relaxed);
        self.end -= given;
        Ok(Some((self.end, self.end + given)))
    }
    fn progress(&self) -> Progress {
        Progress { done: self.next, total: Some(self.end) }
    }
}

#[test]
fn a_split_is_divided_for_idle_threads_and_nothing_is_lost_or_late() {
    for way in WAYS {
        let source = OneSplit { end: 20_000, ..OneSplit::default() };
        let threads = Arc::new(Mutex::new(BTreeSet::new()));
        let p = Pipeline::new("test");
        let seen = threads.clone();
        let numbers = p.read("Read", source.clone()).map("Thread", move |n| {
            seen.lock().unwrap().insert(std::thread::current().name().map(str::to_owned));
            n
        });
        let minutely = numbers.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let out = minutely.key_by("Minute", |n| n / 60).count("Count").collect("Out");
        let metrics = way.run(&p).unwrap();
        let expected: Vec<(u64, u64)> = (0..=333).map(|m| (m, if m < 333 { 60 } else { 20 })).collect();
        assert_eq!(out.sorted(), expected, "{way:?}");
        assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
        if way.threads > 1 {
            assert!(source.parts.load(Ordering::Relaxed) > 0, "{way:?}: parts are given away");
            assert!(threads.lock().unwrap().len() > 1, "{way:?}: another thread reads them");
        }
    }
}

#[test]
fn windows_close_while_later_splits_are_unread() {
    /// Splits that know their times: each the numbers of one minute, in order.
    struct Minutes;
    struct MinuteReader(u64, bool);
    impl Source for Minutes {
        type Element = u64;
        type Split = (u64, bool);
        type Reader = MinuteReader;
        fn splits(&self, _: usize) -> Result<Vec<(u64, bool)>> {
            Ok((0..500).map(|m| (m, false)).collect())
        }
        fn lower_bound(&self, split: &(u64, bool)) -> Timestamp {
            Timestamp::from_seconds(split.0 as i64 * 60)
        }
        fn open(&self, (minute, done): (u64, bool)) -> Result<MinuteReader> {
            Ok(MinuteReader(minute, done))
        }
    }
    impl SourceReader for MinuteReader {
        type Element = u64;
        type Split = (u64, bool);
        fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
            if !std::mem::replace(&mut self.1, true) {
                let minute = self.0;
                batch.fill(60, |i| (minute, Timestamp::from_seconds((minute * 60 + i as u64) as i64)));
            }
            Ok(Poll::End)
        }
        fn checkpoint(&mut self) -> Result<(u64, bool)> {
            Ok((self.0, self.1))
        }
    }
    in_every_way(
        |p| {
            let read = Arc::new(AtomicU64::new(0));
            let (counting, looking) = (read.clone(), read.clone());
            let numbers = p.read("Read", Minutes).update("See", move |_| _ = counting.fetch_add(1, Ordering::SeqCst));
            let counts = numbers.window("Minutely", FixedWindows::of(Duration::minutes(1))).key_by("Minute", |m| *m);
            counts.count("Count").map("When", move |(_, n)| (n, looking.load(Ordering::SeqCst))).collect("Out")
        },
        |out, metrics, way| {
            let out = out.values();
            assert_eq!(out.len(), 500, "{way:?}");
            assert!(out.iter().all(|(n, _)| *n == 60), "{way:?}");
            assert_eq!(metrics.sum("dropped_late"), 0, "{way:?}");
            let first = out.iter().map(|(_, read)| *read).min();
            if way.threads == 1 {
                assert!(first < Some(500 * 60), "{way:?}: the first window closed only after all was read");
            }
        },
    );
}

#[test]
fn progress_counts_up_to_the_total() {
    let p = Pipeline::new("test");
    p.read("Read", OneSplit { end: 5_000, ..OneSplit::default() }).collect("Out");
    let options = dataflow_core::PipelineOptions::default().with_threads(2);
    let runner = runner_direct::DirectRunner::new().handle_signals(false);
    let mut result = p.run_on(&runner, &options).unwrap();
    assert_eq!(result.progress().total.unwrap_or(5_000), 5_000);
    result.wait_until_finish().unwrap();
    assert!(result.is_finished());
}

#[test]
fn late_elements_are_dropped_and_counted() {
    /// One split whose watermark runs ahead of some of its elements.
    struct Hasty;
    struct HastyReader(u64);
    impl Source for Hasty {
        type Element = u64;
        type Split = u64;
        type Reader = HastyReader;
        fn splits(&self, _: usize) -> Result<Vec<u64>> {
            Ok(vec![0])
        }
        fn open(&self, next: u64) -> Result<HastyReader> {
            Ok(HastyReader(next))
        }
    }
    impl SourceReader for HastyReader {
        type Element = u64;
        type Split = u64;
        fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
            // Batches of minutes 0, 1, 2, ...; each with an element of minute 0 as well.
            batch.fill(2, |i| (i as u64, Timestamp::from_seconds(self.0 as i64 * 60 * i as i64)));
            self.0 += 1;
            Ok(if self.0 < 100 { Poll::More } else { Poll::End })
        }
        fn watermark(&self) -> Timestamp {
            Timestamp::from_seconds((self.0 as i64 - 1) * 60)
        }
        fn checkpoint(&mut self) -> Result<u64> {
            Ok(self.0)
        }
    }
    for way in [Way::on(1), Way::on(1).restart_every(5), WAYS[1], WAYS[4]] {
        let p = Pipeline::new("test");
        let minutely = p.read("Read", Hasty).window("Minutely", FixedWindows::of(Duration::minutes(1)));
        let out = minutely.key_by("Which", |i| *i).count("Count").collect("Out");
        let metrics = way.run(&p).unwrap();
        let counted: u64 = out.values().iter().map(|(_, n)| n).sum();
        let dropped = metrics.get("Count", "dropped_late");
        assert_eq!(counted + dropped, 200, "{way:?}");
        if way.threads == 1 {
            assert!(dropped >= 60, "{dropped}"); // with more threads it hangs on how far they are
        }
    }
}

/// Seconds in one split, in order.
struct Seconds(u64);

struct SecondsReader(u64, u64);

impl Source for Seconds {
    type Element = u64;
    type Split = (u64, u64);
    type Reader = SecondsReader;

    fn splits(&self, _: usize) -> Result<Vec<(u64, u64)>> {
        Ok((0..self.0).step_by(1_000).map(|from| (from, self.0.min(from + 1_000))).collect())
    }
    fn lower_bound(&self, split: &(u64, u64)) -> Timestamp {
        Timestamp::from_seconds(split.0 as i64)
    }
    fn open(&self, (next, end): (u64, u64)) -> Result<SecondsReader> {
        Ok(SecondsReader(next, end))
    }
}

impl SourceReader for SecondsReader {
    type Element = u64;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        let (next, n) = (self.0, 500.min(self.1 - self.0));
        batch.fill(n as usize, |i| (next + i as u64, Timestamp::from_seconds((next + i as u64) as i64)));
        self.0 += n;
        Ok(if self.0 < self.1 { Poll::More } else { Poll::End })
    }
    fn watermark(&self) -> Timestamp {
        Timestamp::from_seconds(self.0 as i64)
    }
    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.0, self.1))
    }
}

#[test]
fn a_busy_key_does_not_keep_windows_from_closing() {
    for threads in [1, 2, 4] {
        let read = Arc::new(AtomicU64::new(0));
        let (counting, looking) = (read.clone(), read.clone());
        let p = Pipeline::new("test");
        let numbers =
            p.read("Read", Seconds(300_000)).update("See", move |_| _ = counting.fetch_add(1, Ordering::SeqCst));
        let minutely = numbers.window("Minutely", FixedWindows::of(Duration::minutes(1)));
        // All elements come to one thread, which is slower than those that read.
        let slow = dataflow_exec::combiners::Sum::of(|_: &u64| {
            std::hint::black_box((0..200u64).fold(0, |a: u64, b| a ^ b.wrapping_mul(a.wrapping_add(7))));
            1u64
        });
        let counts = minutely.key_by("One", |_| 0u64).combine_per_key("Count", slow);
        let out = counts.map("When", move |_| looking.load(Ordering::SeqCst)).collect("Out");
        Way::on(threads).run(&p).unwrap();
        let first = out.values().into_iter().min().unwrap();
        assert!(first < 150_000, "{threads} threads: the first window closed when {first} of 300000 were read");
    }
}

/// Two splits; the first has nothing until the second is read.
struct Waiting(Arc<AtomicU64>);

struct WaitingReader(u64, Arc<AtomicU64>);

impl Source for Waiting {
    type Element = u64;
    type Split = u64;
    type Reader = WaitingReader;

    fn splits(&self, _: usize) -> Result<Vec<u64>> {
        Ok(vec![0, 1])
    }
    fn open(&self, split: u64) -> Result<WaitingReader> {
        Ok(WaitingReader(split, self.0.clone()))
    }
}

impl SourceReader for WaitingReader {
    type Element = u64;
    type Split = u64;

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        if self.0 == 0 && self.1.load(Ordering::SeqCst) == 0 {
            return Ok(Poll::Pending);
        }
        self.1.fetch_add(1, Ordering::SeqCst);
        batch.push(self.0, Timestamp::MIN);
        Ok(Poll::End)
    }
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.0)
    }
}

#[test]
fn a_split_that_has_nothing_does_not_keep_others_from_being_read() {
    for threads in [1, 2] {
        let p = Pipeline::new("test");
        let out = p.read("Read", Waiting(Arc::default())).collect("Out");
        Way::on(threads).run(&p).unwrap();
        assert_eq!(out.sorted(), [0, 1]);
    }
}

/// Two splits that always have an element, but for a poll when 500 are left. What was polled is noted.
struct Busy {
    lens: [u64; 2],
    side_by_side: bool,
    poll: Poll,
    polled: Arc<Mutex<Vec<u64>>>,
}

struct BusyReader {
    split: u64,
    left: u64,
    poll: Poll,
    polled: Arc<Mutex<Vec<u64>>>,
}

impl Source for Busy {
    type Element = u64;
    type Split = (u64, u64);
    type Reader = BusyReader;

    fn splits(&self, _: usize) -> Result<Vec<(u64, u64)>> {
        Ok(vec![(0, self.lens[0]), (1, self.lens[1])])
    }
    fn reads_side_by_side(&self) -> bool {
        self.side_by_side
    }
    fn open(&self, (split, left): (u64, u64)) -> Result<BusyReader> {
        Ok(BusyReader { split, left, poll: self.poll, polled: self.polled.clone() })
    }
}

impl SourceReader for BusyReader {
    type Element = u64;
    type Split = (u64, u64);

    fn poll(&mut self, batch: &mut Batch<u64>) -> Result<Poll> {
        self.left -= 1;
        if self.left == 500 {
            return Ok(Poll::Pending);
        }
        self.polled.lock().unwrap().push(self.split);
        batch.push(self.split, Timestamp::MIN);
        Ok(if self.left == 0 { Poll::End } else { self.poll })
    }
    fn checkpoint(&mut self) -> Result<(u64, u64)> {
        Ok((self.split, self.left))
    }
}

#[test]
fn a_split_that_always_has_something_does_not_keep_others_from_being_read() {
    for poll in [Poll::Pending, Poll::More] {
        let polled = Arc::new(Mutex::new(Vec::new()));
        let p = Pipeline::new("test");
        let source = Busy { lens: [501, 500], side_by_side: false, poll, polled: polled.clone() };
        let out = p.read("Read", source).collect("Out");
        Way::on(1).run(&p).unwrap();
        assert_eq!(out.sorted().len(), 1_000);
        let polled = polled.lock().unwrap();
        let until_end = polled.iter().position(|split| *split == 0).unwrap();
        assert!(until_end < 50, "{poll:?}: the first split has its turn after {until_end} polls of the second");
    }
}

#[test]
fn splits_are_read_side_by_side_where_the_source_says_so() {
    for side_by_side in [true, false] {
        let polled = Arc::new(Mutex::new(Vec::new()));
        let p = Pipeline::new("test");
        let source = Busy { lens: [500; 2], side_by_side, poll: Poll::More, polled: polled.clone() };
        let out = p.read("Read", source).collect("Out");
        Way::on(1).run(&p).unwrap();
        assert_eq!(out.sorted().len(), 1_000);
        let polled = polled.lock().unwrap();
        let alone = polled.iter().position(|split| *split != polled[0]).unwrap();
        assert!(
            if side_by_side { alone < 50 } else { alone == 500 },
            "{side_by_side}: {alone} polls of the first alone"
        );
    }
}

#[test]
fn a_source_counts_as_its_step() {
    struct Counting(OneSplit, dataflow_core::Counter);
    impl Source for Counting {
        type Element = u64;
        type Split = (u64, u64);
        type Reader = Reader;
        fn count_with(&mut self, counter: &dyn Fn(&str) -> dataflow_core::Counter) {
            self.1 = counter("opened");
        }
        fn splits(&self, desired: usize) -> Result<Vec<(u64, u64)>> {
            self.0.splits(desired)
        }
        fn open(&self, split: (u64, u64)) -> Result<Reader> {
            self.1.inc();
            self.0.open(split)
        }
    }
    let p = Pipeline::new("test");
    p.read("Read", Counting(OneSplit { end: 10, ..OneSplit::default() }, dataflow_core::Counter::default()));
    assert_eq!(Way::on(1).run(&p).unwrap().get("Read", "opened"), 1);
}
