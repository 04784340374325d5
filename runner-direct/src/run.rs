//! A run, from the first split to the last file.

use crate::DirectRunner;
use crate::durable::{Durable, TakenOver, at_the_same_moment};
use crate::mail::Mail;
use crate::quiet::Quiet;
use crate::random::{Random, purpose};
use crate::restarts::Restarts;
use crate::script::{Position, Script};
use crate::shared::{Control, Engine};
use crate::signals::SignalGuard;
use crate::source::SourceTask;
use crate::splits::Splits;
use crate::worker::{End, FIRST_NAP, Worker};
use crossbeam_utils::sync::Parker;
use dataflow_core::graph::{Graph, NodeId, NodeKind, Role, SinkHooks};
use dataflow_core::source::ErasedSplit;
use dataflow_core::{Boundedness, Error, PipelineOptions, Progress, Result, RunningPipeline, coder};
use dataflow_exec::{Executor, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// The state of a whole pipeline while everything is still.
#[derive(Serialize, Deserialize, Default)]
struct Checkpoint {
    steps: Snapshot,
    /// By the full name of the step that reads: what is left, and how much was read.
    splits: BTreeMap<String, (Vec<ErasedSplit>, u64)>,
    script: Position,
}

/// Where an engine begins: at the beginning, or at a checkpoint.
#[derive(Default)]
struct Start {
    steps: Option<Snapshot>,
    splits: BTreeMap<String, Arc<Splits>>,
    script: Position,
    /// How many restarts there were before.
    restarts: u64,
}

/// A run that goes on in the background.
pub(crate) struct Run {
    control: Arc<Control>,
    supervisor: Option<JoinHandle<Result<()>>>,
}

/// What a run is made of.
struct Plan {
    graph: Graph,
    script: Arc<Script>,
    threads: usize,
    restarts: Restarts,
    seed: Option<u64>,
    control: Arc<Control>,
    /// How long after one checkpoint the next one is due, if there are any.
    interval: Option<Duration>,
}

/// How the threads' work ended.
enum Outcome {
    /// All is done and closed.
    Closed,
    /// This is the state; whether all input is processed.
    State { bytes: Vec<u8>, complete: bool },
}

/// Checks sources and sinks, takes over checkpoints, and starts the threads.
pub(crate) fn start(graph: Graph, options: &PipelineOptions, runner: &DirectRunner) -> Result<Run> {
    let script = Arc::new(Script::of(&graph)?);
    let control = Arc::new(Control::default());
    let interval = options.checkpoint.as_ref().map(|_| options.checkpoint_interval.as_micros());
    let plan = Arc::new(Plan {
        graph,
        script,
        threads: options.threads(),
        restarts: runner.restarts,
        seed: runner.seed,
        control: control.clone(),
        interval: interval.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
    });
    let mut found = None;
    if let Some(location) = &options.checkpoint {
        let (durable, start) = Durable::open(location, &plan.graph, options, control.clone())?;
        if start.is_finished() {
            return Ok(plan.already_finished());
        }
        control.set_durable();
        found = Some((durable, start));
    }
    let mut start = Start::default();
    if found.as_ref().is_none_or(|(_, found)| found.is_fresh()) {
        start.splits = plan.open_sources()?;
    }
    let guard = match runner.signals {
        true => Some(SignalGuard::install(control.clone()).map_err(|e| Error::io("signals cannot be handled", e))?),
        false => None,
    };
    let run = found.as_ref().map(|(durable, found)| durable.run(found));
    // Only now that there is something to read, as a sink may remove what was there before. And before checkpoints are taken
    // over: what is there then is nobody's who comes later.
    for (n, (name, hooks)) in sinks(&plan.graph).enumerate() {
        if let Err(e) = run.as_ref().map_or_else(|| hooks.prepare(), |run| hooks.resume(&run.of_step(name))) {
            sinks(&plan.graph).take(n).for_each(|(_, hooks)| hooks.abort());
            return Err(match &found {
                Some((durable, found)) if durable.is_outdated(found) => at_the_same_moment().caused_by(e),
                _ => e.at_step(name),
            });
        }
    }
    let abort = || sinks(&plan.graph).for_each(|(_, hooks)| hooks.abort());
    let mut durable = None;
    if let Some((mut checkpoints, found)) = found {
        let taken = checkpoints.take_over(found).and_then(|taken| match taken {
            TakenOver::Finished => Ok(None),
            TakenOver::Fresh => Ok(Some(None)),
            TakenOver::State(bytes) => plan.read_checkpoint(&bytes).map(|start| Some(Some(start))),
        });
        match taken.inspect_err(|_| abort())? {
            None => {
                abort();
                return Ok(plan.already_finished());
            }
            Some(from) => start = from.unwrap_or(start),
        }
        durable = Some(checkpoints);
    }
    let supervise = {
        let plan = plan.clone();
        move || {
            let _guard = guard;
            plan.supervise(start, durable)
        }
    };
    let thread = std::thread::Builder::new().name("dataflow-supervisor".to_owned());
    let supervisor = thread.spawn(supervise).map_err(|e| {
        sinks(&plan.graph).for_each(|(_, hooks)| hooks.abort());
        Error::io("a thread cannot be started", e)
    })?;
    Ok(Run { control, supervisor: Some(supervisor) })
}

fn sinks(graph: &Graph) -> impl Iterator<Item = (&str, &Arc<dyn SinkHooks>)> {
    graph.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Write(_, hooks) => Some((node.name.as_str(), hooks)),
        _ => None,
    })
}

impl Plan {
    /// The run of a pipeline whose checkpoints say that it has come to its end.
    fn already_finished(&self) -> Run {
        tracing::info!("by its checkpoints the pipeline has come to its end before, so nothing is done");
        Run { control: self.control.clone(), supervisor: None }
    }

    fn open_sources(&self) -> Result<BTreeMap<String, Arc<Splits>>> {
        let mut splits = BTreeMap::new();
        for node in &self.graph.nodes {
            if let NodeKind::Read(source) = &node.kind {
                let opened = Splits::open(source, self.threads).map_err(|e| e.at_step(&node.name))?;
                splits.insert(node.name.clone(), Arc::new(opened));
            }
        }
        Ok(splits)
    }

    /// Runs the threads to their end, over restarts and checkpoints, and then the sinks' ends.
    fn supervise(&self, start: Start, mut durable: Option<Durable>) -> Result<()> {
        let result = self.run_engines(start, &mut durable);
        if let Ok(false) = result {
            // The next process has to do with what is there.
            sinks(&self.graph).for_each(|(_, hooks)| hooks.abort());
            return Ok(());
        }
        let mut finished = 0;
        let result = result.and_then(|_| {
            sinks(&self.graph).try_for_each(|(name, hooks)| {
                let result = catch_unwind(AssertUnwindSafe(|| hooks.finish()));
                result.unwrap_or_else(|panic| Err(Error::panicked(&*panic))).map_err(|e| e.at_step(name))?;
                finished += 1;
                Ok(())
            })
        });
        // Not before all is durable: no other process will look at it again.
        let result = result.and_then(|()| durable.as_mut().map_or(Ok(()), Durable::finish));
        let result = result.map_err(|e| match &durable {
            Some(durable) => durable.explain(e),
            None => e,
        });
        // What a sink has finished stays.
        result.inspect_err(|_| sinks(&self.graph).skip(finished).for_each(|(_, hooks)| hooks.abort()))
    }

    /// Returns whether all input is processed; else the run was stopped after a checkpoint.
    fn run_engines(&self, mut start: Start, durable: &mut Option<Durable>) -> Result<bool> {
        loop {
            let Outcome::State { bytes, complete } = self.run_engine(&start)? else { return Ok(true) };
            if let Some(durable) = &mut *durable {
                durable.checkpoint(&bytes)?;
            }
            start = Start { restarts: start.restarts + 1, ..self.read_checkpoint(&bytes)? };
            if durable.is_some() && (complete || self.control.is_stopping()) {
                self.publish(&start)?;
                return Ok(complete);
            }
        }
    }

    /// Has the sinks publish what belongs to the last checkpoint. The threads have ended.
    fn publish(&self, start: &Start) -> Result<()> {
        for me in 0..self.threads {
            let mut executor = Executor::new(&self.graph, me, self.threads, start.steps.as_ref())?;
            executor.committed()?;
        }
        Ok(())
    }

    /// Runs all threads until the end, the next restart or checkpoint.
    fn run_engine(&self, start: &Start) -> Result<Outcome> {
        let edges = self.graph.nodes.iter().flat_map(|n| &n.inputs).filter(|i| i.is_exchanged(self.threads)).count();
        let (mail, parkers) = Mail::new(edges, self.threads);
        let engine = Arc::new(Engine {
            mail,
            splits: start.splits.values().cloned().collect(),
            quiet: Quiet::new(self.threads),
            script: self.script.clone(),
            position: Mutex::new(start.script),
            finished: AtomicUsize::new(0),
            budget: AtomicU64::new(self.restarts.budget(self.seed, start.restarts)),
            seed: self.seed,
            halt: AtomicBool::new(false),
            durable: self.interval.is_some(),
            due: self.interval.and_then(|interval| Instant::now().checked_add(interval)),
        });
        self.control.set_engine(engine.clone());
        let engine = &*engine;
        let ends: Vec<Result<End>> = std::thread::scope(|scope| {
            let spawn = |(me, parker): (usize, Parker)| {
                let thread = std::thread::Builder::new().name(format!("dataflow-{me}"));
                thread.spawn_scoped(scope, move || self.run_thread(me, parker, start, engine))
            };
            let threads: Vec<_> = parkers.into_iter().enumerate().map(spawn).collect();
            let started = threads.into_iter().map(|thread| {
                // All others are told at once: they would wait for it.
                thread.map_err(|e| self.control.fail(Error::io("a thread cannot be started", e)))
            });
            let started: Vec<_> = started.collect::<Vec<_>>().into_iter().flatten().collect();
            let join = |thread: ScopedJoinHandle<'_, Result<End>>| {
                thread.join().unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
            };
            started.into_iter().map(join).collect()
        });
        if let Some(error) = self.control.take_failure() {
            return Err(error);
        }
        let mut checkpoint = Checkpoint::default();
        let (mut paused, mut complete) = (false, false);
        for end in ends {
            match end? {
                End::Finished => {}
                End::Aborted => return Err(Error::internal("a thread gave up without saying why")),
                End::Paused(snapshot) => {
                    paused = true;
                    checkpoint.steps.merge(*snapshot);
                }
                End::Complete(snapshot) => {
                    complete = true;
                    checkpoint.steps.merge(*snapshot);
                }
            }
        }
        if !paused && !complete {
            return Ok(Outcome::Closed);
        }
        checkpoint.script = engine.position();
        checkpoint.splits = start.splits.iter().map(|(name, splits)| (name.clone(), splits.checkpoint())).collect();
        let mut bytes = Vec::new();
        coder::encode(&checkpoint, &mut bytes)?;
        Ok(Outcome::State { bytes, complete: !paused })
    }

    fn run_thread(&self, me: usize, parker: Parker, start: &Start, engine: &Engine) -> Result<End> {
        let feeding = feeding_side_inputs(&self.graph);
        let run = || {
            let mut executor = Executor::new(&self.graph, me, self.threads, start.steps.as_ref())?;
            if engine.durable {
                executor.committed()?; // what it goes on from is in the chain
            }
            let source = |(id, node): (usize, &dataflow_core::graph::Node)| {
                let splits = start.splits.get(&node.name)?.clone();
                Some(SourceTask::new(NodeId(id), node.name.clone(), splits, feeding[id]))
            };
            let mut sources: Vec<SourceTask> = self.graph.nodes.iter().enumerate().filter_map(source).collect();
            sources.sort_by_key(|s| !s.feeds_side_input);
            let (threads, control) = (self.threads, &*self.control);
            let random = |seed| Random::new(seed, purpose::THREAD, start.restarts << 8 | me as u64);
            let random = self.seed.map(random);
            let (nap, rests) = (FIRST_NAP, false);
            Worker { me, threads, executor, sources, control, engine, parker, done: 0, nap, rests, random }.run()
        };
        // Whatever happens here, the others must hear of it: they would wait for this thread.
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Error::panicked(&*panic))).or_else(|error| {
            self.control.fail(error);
            Ok(End::Aborted)
        })
    }

    fn read_checkpoint(&self, bytes: &[u8]) -> Result<Start> {
        let mut checkpoint: Checkpoint = coder::decode(&mut &bytes[..])?;
        let mut splits = BTreeMap::new();
        for node in &self.graph.nodes {
            if let NodeKind::Read(source) = &node.kind {
                let (unread, done) = checkpoint.splits.remove(&node.name).unwrap_or_default();
                splits.insert(node.name.clone(), Arc::new(Splits::new(source.clone(), self.threads, unread, done)));
            }
        }
        Ok(Start { steps: Some(checkpoint.steps), splits, script: checkpoint.script, ..Start::default() })
    }
}

/// For each node, whether a side input hangs on it that can be read to its end first: of one that never ends, elements
/// come as its windows get ready.
fn feeding_side_inputs(graph: &Graph) -> Vec<bool> {
    let mut feeding = vec![false; graph.nodes.len()];
    for (id, node) in graph.nodes.iter().enumerate().rev() {
        for input in &node.inputs {
            let ends = graph.port(input.from).boundedness == Boundedness::Bounded;
            if ends && (feeding[id] || input.role == Role::Side) {
                feeding[input.from.node.0] = true;
            }
        }
    }
    feeding
}

impl RunningPipeline for Run {
    fn wait(&mut self) -> Result<()> {
        match self.supervisor.take() {
            Some(thread) => thread.join().unwrap_or_else(|_| Err(Error::internal("the supervisor panicked"))),
            None => Ok(()),
        }
    }

    fn drain(&self) {
        self.control.drain();
    }

    fn stop(&self) {
        self.control.stop();
    }

    fn cancel(&self) {
        self.control.cancel();
    }

    fn progress(&self) -> Progress {
        self.control.progress()
    }

    fn is_finished(&self) -> bool {
        self.supervisor.as_ref().is_none_or(JoinHandle::is_finished)
    }
}
