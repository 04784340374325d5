//! A run, from the first split to the last file.

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
use dataflow_core::{Boundedness, Error, Progress, Result, RunningPipeline, coder};
use dataflow_exec::{Executor, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ScopedJoinHandle};

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
}

/// Checks sources and sinks, and starts the threads.
pub(crate) fn start(graph: Graph, threads: usize, restarts: Restarts, seed: Option<u64>, signals: bool) -> Result<Run> {
    let script = Arc::new(Script::of(&graph)?);
    let mut splits = BTreeMap::new();
    for node in &graph.nodes {
        if let NodeKind::Read(source) = &node.kind {
            let opened = Splits::open(source, threads).map_err(|e| e.at_step(&node.name))?;
            splits.insert(node.name.clone(), Arc::new(opened));
        }
    }
    let control = Arc::new(Control::default());
    let guard = match signals {
        true => Some(SignalGuard::install(control.clone()).map_err(|e| Error::io("signals cannot be handled", e))?),
        false => None,
    };
    // Only now that there is something to read, as a sink may remove what was there before.
    for (n, (name, hooks)) in sinks(&graph).enumerate() {
        if let Err(e) = hooks.prepare() {
            sinks(&graph).take(n).for_each(|(_, hooks)| hooks.abort());
            return Err(e.at_step(name));
        }
    }
    let plan = Arc::new(Plan { graph, script, threads, restarts, seed, control: control.clone() });
    let supervise = {
        let plan = plan.clone();
        move || {
            let _guard = guard;
            plan.supervise(Start { splits, ..Start::default() })
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
    /// Runs the threads to their end, over restarts, and then the sinks' ends.
    fn supervise(&self, mut start: Start) -> Result<()> {
        let result = loop {
            match self.run_engine(&start) {
                Ok(None) => break Ok(()),
                Ok(Some(bytes)) => match self.read_checkpoint(&bytes) {
                    Ok(again) => start = Start { restarts: start.restarts + 1, ..again },
                    Err(e) => break Err(e),
                },
                Err(e) => break Err(e),
            }
        };
        let mut finished = 0;
        let result = result.and_then(|()| {
            sinks(&self.graph).try_for_each(|(name, hooks)| {
                let result = catch_unwind(AssertUnwindSafe(|| hooks.finish()));
                result.unwrap_or_else(|panic| Err(Error::panicked(&*panic))).map_err(|e| e.at_step(name))?;
                finished += 1;
                Ok(())
            })
        });
        // What a sink has finished stays.
        result.inspect_err(|_| sinks(&self.graph).skip(finished).for_each(|(_, hooks)| hooks.abort()))
    }

    /// Runs all threads until the end, or until the next restart: then the state as bytes is returned.
    fn run_engine(&self, start: &Start) -> Result<Option<Vec<u8>>> {
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
        });
        *self.control.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine.clone());
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
        let mut paused = false;
        for end in ends {
            match end? {
                End::Finished => {}
                End::Aborted => return Err(Error::internal("a thread gave up without saying why")),
                End::Paused(snapshot) => {
                    paused = true;
                    checkpoint.steps.merge(*snapshot);
                }
            }
        }
        if !paused {
            return Ok(None);
        }
        checkpoint.script = engine.position();
        checkpoint.splits = start.splits.iter().map(|(name, splits)| (name.clone(), splits.checkpoint())).collect();
        let mut bytes = Vec::new();
        coder::encode(&checkpoint, &mut bytes)?;
        Ok(Some(bytes))
    }

    fn run_thread(&self, me: usize, parker: Parker, start: &Start, engine: &Engine) -> Result<End> {
        let feeding = feeding_side_inputs(&self.graph);
        let run = || {
            let executor = Executor::new(&self.graph, me, self.threads, start.steps.as_ref())?;
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
