//! What it costs to bring whole events (three strings, about 200 bytes) to the thread that owns their key: engine beside a
//! loop, on two threads.
//!
//! The loop moves owned rows over bounded channels, in batches of 1,024, and drops them where they arrive. Both make their
//! events on the way, from the same function; what that costs (and to drop them at once) is measured beside it and printed,
//! with the ratios of what remains. The programs run in turn (A B A B …); the medians of the pairs' ratios are what counts.
//! On a busy machine two threads may share a core: what one has allocated is in the cache of the other then, and the
//! ratio is another. So pairs that had two cores are counted by themselves, too. `exchange [EVENTS] [PAIRS]`.

use benchmarks::measure::{median, time};
use benchmarks::rows::{Row, Rows, STRETCH, row};
use dataflow_core::state::KeyContext;
use dataflow_core::{
    BoxError, Counter, DoFn, Element, KeyedDoFn, Output, PCollection, Pipeline, PipelineOptions, Result,
};
use dataflow_exec::transforms::{AssignWindows, CombinePerKey, KeyBy, LateData, Map, ParDo, ParDoStateful};
use dataflow_windows::FixedWindows;
use runner_direct::DirectRunner;
use std::fmt;
use std::hint::black_box;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a pipeline does with the events of a key.
#[derive(Clone, Copy)]
enum Form {
    /// It combines them: they need not travel.
    Combined,
    /// It looks at them where they arrive.
    LookedAt,
    /// User code looks at them.
    Read,
    /// User code takes them by value.
    Taken,
}

fn sums(rows: &PCollection<Row>, form: Form) -> PCollection<u64> {
    let keyed = rows.key_by("Auction", |r| r.auction);
    let sums = match form {
        Form::Combined => keyed.sum("Sum", |r| black_box(r).price),
        // Late rows are an output, so that whole rows have to come.
        Form::LookedAt => keyed.late_data().sum("Sum", |r| black_box(r).price).0,
        Form::Read => return keyed.par_do_stateful("Price", PriceByRef),
        Form::Taken => return keyed.par_do_stateful("Price", Price),
    };
    sums.map("Value", |(_, sum)| sum)
}

fn engine(rows: u64, form: Form) -> Result<u64> {
    let p = Pipeline::new("exchange");
    let sum = p.counter("Add", "sum");
    let windowed =
        p.read("Read", Rows(rows)).window("Window", FixedWindows::of(dataflow_windows::Duration::seconds(10)));
    let sums = sums(&windowed, form);
    sums.par_do("Add", Add { sum: sum.clone(), bundle: 0 });
    let runner = DirectRunner::new().handle_signals(false);
    p.run_on(&runner, &PipelineOptions::default().with_threads(2))?.wait_until_finish()?;
    Ok(sum.get())
}

/// The price of each row.
#[derive(Clone)]
struct Price;

impl KeyedDoFn for Price {
    type Key = u64;
    type In = Row;
    type Out = u64;
    type State = ();

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        row: Element<Row>,
        _: &mut (),
        out: &mut Output<'_, u64>,
    ) -> Result<(), BoxError> {
        out.emit(black_box(row.value).price);
        Ok(())
    }
}

/// The same, by reference.
#[derive(Clone)]
struct PriceByRef;

impl KeyedDoFn for PriceByRef {
    type Key = u64;
    type In = Row;
    type Out = u64;
    type State = ();

    const READS_ONLY: bool = true;

    fn process_ref(
        &mut self,
        _: &KeyContext<'_, u64>,
        row: Element<&Row>,
        _: &mut (),
        out: &mut Output<'_, u64>,
    ) -> Result<(), BoxError> {
        out.emit(black_box(row.value).price);
        Ok(())
    }
}

/// Adds up what comes.
#[derive(Clone)]
struct Add {
    sum: Counter,
    bundle: u64,
}

impl DoFn for Add {
    type In = u64;
    type Out = ();

    fn process(&mut self, e: Element<u64>, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        self.bundle += e.value;
        Ok(())
    }

    fn finish_bundle(&mut self, _: &mut Output<'_, ()>) -> Result<(), BoxError> {
        self.sum.add(std::mem::take(&mut self.bundle));
        Ok(())
    }
}

const BATCH: usize = 1_024;
const CHANNEL: usize = 64;

/// One of two threads of the loop.
struct ByHand {
    to: SyncSender<Vec<Row>>,
    from: Receiver<Vec<Row>>,
    sum: u64,
}

impl ByHand {
    fn take(&mut self, row: Row) {
        self.sum += black_box(row).price;
    }

    /// Sends a batch. While the channel is full, it takes what has come itself, or sleeps a little.
    fn send(&mut self, mut batch: Vec<Row>) {
        while let Err(TrySendError::Full(back)) = self.to.try_send(batch) {
            batch = back;
            if let Ok(come) = self.from.recv_timeout(Duration::from_micros(50)) {
                come.into_iter().for_each(|row| self.take(row));
            }
        }
        while let Ok(come) = self.from.try_recv() {
            come.into_iter().for_each(|row| self.take(row));
        }
    }

    fn run(mut self, me: usize, rows: u64, exchange: bool) -> u64 {
        let mut out = Vec::with_capacity(BATCH);
        for start in (me as u64 * STRETCH..rows).step_by(2 * STRETCH as usize) {
            for row in (start..rows.min(start + STRETCH)).map(row) {
                let owner =
                    if exchange { (row.auction.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63) as usize } else { me };
                if owner == me {
                    self.take(row);
                } else {
                    out.push(row);
                    if out.len() == BATCH {
                        self.send(std::mem::replace(&mut out, Vec::with_capacity(BATCH)));
                    }
                }
            }
        }
        self.send(out);
        let ByHand { to, from, mut sum } = self;
        drop(to);
        from.iter().flatten().for_each(|row| sum += black_box(row).price);
        sum
    }
}

fn by_hand(rows: u64, exchange: bool) -> u64 {
    let ((to_b, from_a), (to_a, from_b)) = (sync_channel(CHANNEL), sync_channel(CHANNEL));
    let a = ByHand { to: to_b, from: from_b, sum: 0 };
    let b = ByHand { to: to_a, from: from_a, sum: 0 };
    thread::scope(|scope| {
        let b = scope.spawn(move || b.run(1, rows, exchange));
        a.run(0, rows, exchange) + b.join().unwrap_or(0)
    })
}

/// A program that took so many times as much processor time as time had two cores. On a busy machine two threads often
/// share one, and nothing is freed from afar then.
const TWO_CORES: f64 = 1.6;

/// Of pairs of runs: of time, of processor time, and the same of what the exchange adds.
#[derive(Default)]
struct Ratios([Vec<f64>; 4]);

impl Ratios {
    fn add(&mut self, ratios: [f64; 4]) {
        self.0.iter_mut().zip(ratios).for_each(|(all, ratio)| all.push(ratio));
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0[0].is_empty() {
            return f.write_str("none");
        }
        let [wall, cpu, wall_less, cpu_less] = self.0.each_ref().map(|ratios| median(ratios.clone()));
        write!(
            f,
            "median ratio of {} pairs {wall:.3} (processor time {cpu:.3}); of what the exchange adds {wall_less:.3} \
             (processor time {cpu_less:.3})",
            self.0[0].len()
        )
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap_or(0));
    let rows = args.next().filter(|n| *n > 0).unwrap_or(2_000_000);
    let pairs = args.next().filter(|n| *n > 0).unwrap_or(7);
    for (name, form) in
        [("combined", Form::Combined), ("looked at", Form::LookedAt), ("read", Form::Read), ("taken", Form::Taken)]
    {
        let (mut all, mut parallel) = (Ratios::default(), Ratios::default());
        let mut last = [0.0; 3];
        for pair in 0..=pairs {
            let (ours, engine_wall, engine_cpu) = time(|| engine(rows, form));
            let (theirs, loop_wall, loop_cpu) = time(|| by_hand(rows, true));
            let (stays, stays_wall, stays_cpu) = time(|| by_hand(rows, false));
            assert_eq!((ours?, stays), (theirs, theirs), "engine and loops must agree");
            last = [engine_cpu, loop_cpu, stays_cpu].map(|seconds| seconds * 1e9 / rows as f64);
            if pair == 0 {
                continue; // it warms up
            }
            let ratios = [
                engine_wall / loop_wall,
                engine_cpu / loop_cpu,
                (engine_wall - stays_wall) / (loop_wall - stays_wall),
                (engine_cpu - stays_cpu) / (loop_cpu - stays_cpu),
            ];
            all.add(ratios);
            if [(engine_wall, engine_cpu), (loop_wall, loop_cpu)].iter().all(|(wall, cpu)| cpu / wall >= TWO_CORES) {
                parallel.add(ratios);
            }
        }
        let [engine, by_hand, stays] = last;
        println!(
            "{name}: engine {engine:.1} ns/event of processor time, loop {by_hand:.1}, without an exchange {stays:.1}\n  \
             all pairs: {all}\n  two cores: {parallel}"
        );
    }
    Ok(())
}
