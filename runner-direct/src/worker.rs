//! The event loop of one thread.

use crate::durable::now;
use crate::quiet::Next;
use crate::random::Random;
use crate::script::Command;
use crate::shared::{Control, Engine};
use crate::source::{Read, SourceTask};
use crossbeam_utils::sync::Parker;
use dataflow_core::{Error, Result};
use dataflow_exec::{EdgeId, Executor, Snapshot};
use dataflow_windows::Timestamp;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How many messages of one queue are worked off before the next one is looked at.
const RECEIVE_BATCH: usize = 2;

/// How long a thread sleeps at most when it waits for a source that has nothing at the moment.
const NAP: Duration = Duration::from_millis(2);

/// How long it sleeps at first. Each time that there is still nothing it sleeps twice as long: what comes often is not
/// kept waiting, and waiting for what comes seldom costs little.
pub(crate) const FIRST_NAP: Duration = Duration::from_micros(100);

/// How often steps are told the time of day.
const TICK: Duration = Duration::from_millis(10);

/// After so many ticks nothing waits for more to be sent with.
const FLUSH_TICKS: u32 = 10;

/// What a thread does by turns.
#[derive(Clone, Copy)]
enum Turn {
    Send,
    Resume,
    Receive,
    Obey,
    Read,
}

/// One thread of a run.
pub(crate) struct Worker<'a> {
    pub(crate) me: usize,
    pub(crate) threads: usize,
    pub(crate) executor: Executor,
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) control: &'a Control,
    pub(crate) engine: &'a Engine,
    pub(crate) parker: Parker,
    /// How many commands it has carried out.
    pub(crate) done: u64,
    /// How long it sleeps when it has nothing to do the next time.
    pub(crate) nap: Duration,
    /// It has said that it has nothing to do.
    pub(crate) rests: bool,
    /// Makes the choices that are free, in some tests.
    pub(crate) random: Option<Random>,
}

/// How a thread's work ended.
pub(crate) enum End {
    /// All input is processed and everything is written.
    Finished,
    /// Everything is still, and this is the state.
    Paused(Box<Snapshot>),
    /// All input is processed, and this is the state: a checkpoint must have it before anything more is published.
    Complete(Box<Snapshot>),
    /// Another thread failed, or the run was cancelled.
    Aborted,
}

impl Worker<'_> {
    /// Works until the end, a restart, or an error.
    pub(crate) fn run(mut self) -> Result<End> {
        let scripted = !self.engine.script.is_empty();
        if scripted {
            // A bundle has all that there is of an event, and ends when no thread has more of it.
            self.executor.set_bundle_batches(u32::MAX);
        } else if let Some(random) = &mut self.random {
            self.executor.set_bundle_batches(1 + random.below(16) as u32);
        }
        self.executor.processing_time(if scripted { self.engine.position().now } else { now() })?;
        let (mut tick, mut ticks) = (Instant::now() + TICK, 0);
        let mut dirty = true;
        loop {
            if self.control.is_aborting() {
                return Ok(End::Aborted);
            }
            if self.engine.halt.load(Ordering::SeqCst) {
                self.sources.iter_mut().try_for_each(SourceTask::checkpoint)?;
                return Ok(End::Paused(Box::new(self.executor.snapshot()?)));
            }
            if self.control.is_draining() {
                self.sources.iter_mut().for_each(SourceTask::stop);
            }
            let pausing = self.engine.budget.load(Ordering::Relaxed) == 0;
            if self.work(pausing)? {
                (dirty, self.nap) = (true, FIRST_NAP);
            } else if dirty && !self.executor.has_mail() {
                if scripted {
                    self.executor.flush_exchanges()?
                } else {
                    self.executor.flush()?
                }
                dirty = false;
                continue;
            } else if self.rest(pausing)? {
                return self.finish();
            }
            // The time of a script moves with its events alone.
            let time = Instant::now();
            if time >= tick && self.engine.due.is_some_and(|due| time >= due) {
                self.engine.halt_soon();
            }
            if !scripted && time >= tick && self.busy() {
                (tick, ticks, dirty) = (Instant::now() + TICK, ticks + 1, true);
                self.executor.processing_time(now())?;
                if ticks % FLUSH_TICKS == 0 {
                    self.executor.flush()?;
                }
            }
        }
    }

    /// Does a bit of all there is to do. Returns whether there was anything.
    fn work(&mut self, pausing: bool) -> Result<bool> {
        let mut turns = [Turn::Send, Turn::Resume, Turn::Receive, Turn::Obey, Turn::Read];
        if let Some(random) = &mut self.random {
            random.shuffle(&mut turns);
            if random.one_in(32) {
                std::thread::sleep(Duration::from_micros(random.below(200) as u64)); // others go ahead
            }
        }
        let mut busy = false;
        for turn in turns {
            busy |= match turn {
                Turn::Send => self.send(),
                Turn::Resume => self.executor.resume()?,
                Turn::Receive => self.receive()?,
                Turn::Obey => self.obey()?,
                // Also when there is mail: the split that a thread reads holds the watermark of all. What would be too
                // much finds no room.
                Turn::Read => !pausing && self.read()?,
            };
        }
        Ok(busy)
    }

    /// Moves messages to the queues of their receivers.
    fn send(&mut self) -> bool {
        let (mail, me) = (&self.engine.mail, self.me);
        let random = &mut self.random;
        self.executor.has_mail()
            && self.executor.send(|edge, to, message| {
                // Now and then as if there were no room.
                let refused = random.as_mut().is_some_and(|random| random.one_in(8));
                if refused { Err(message) } else { mail.send(edge, me, to, message) }
            })
    }

    /// Works off messages, of the last exchanges first: what is furthest on its way makes room for the rest.
    fn receive(&mut self) -> Result<bool> {
        let mut some = false;
        let (edges, senders) = (self.executor.edge_count(), self.threads);
        let skip = self.random.as_mut().map_or(0, |random| random.below((edges * senders).max(1)));
        for queue in (0..edges * senders).cycle().skip(skip).take(edges * senders) {
            let (edge, sender) = (EdgeId(edges - 1 - queue / senders), queue % senders);
            self.take_back(edge, sender)?;
            for _ in 0..RECEIVE_BATCH {
                if !self.executor.can_receive(edge) {
                    break;
                }
                let Some(message) = self.engine.mail.receive(edge, sender, self.me) else { break };
                if !some {
                    self.busy();
                    some = true;
                }
                // It may come of a command that this thread has not carried out yet: first things first.
                self.obey()?;
                match self.executor.receive(edge, sender, message)? {
                    Some(batch) if sender == self.me => self.executor.come_home(edge, batch)?,
                    Some(batch) => self.engine.mail.send_home(edge, sender, self.me, batch),
                    None => {}
                }
                self.send();
                self.engine.mail.done(self.me);
            }
        }
        Ok(some)
    }

    /// Drops what this thread has sent to another one that had no more use for it.
    fn take_back(&mut self, edge: EdgeId, receiver: usize) -> Result<()> {
        while receiver != self.me
            && let Some(batch) = self.engine.mail.come_home(edge, self.me, receiver)
        {
            self.executor.come_home(edge, batch)?;
        }
        Ok(())
    }

    /// Reads a batch of one of the sources.
    fn read(&mut self) -> Result<bool> {
        let side_first = self.sources.iter().any(|task| task.feeds_side_input && !task.splits.is_finished());
        if let Some(random) = &mut self.random {
            random.shuffle(&mut self.sources);
        }
        for i in 0..self.sources.len() {
            let task = &mut self.sources[i];
            if side_first && !task.feeds_side_input {
                continue; // what is read now would have to wait in memory
            }
            if !self.executor.can_read(task.node) {
                continue;
            }
            let read = task.read(&mut self.executor, self.threads > 1, self.random.as_mut())?;
            if matches!(read, Read::Nothing | Read::Finished) {
                continue;
            }
            self.busy();
            if read == Read::Batch {
                self.engine.spend();
            }
            // Next time it is another's turn; but what side inputs hang on always comes first.
            let first = self.sources.iter().take_while(|t| t.feeds_side_input).count();
            if i >= first && self.random.is_none() {
                self.sources[first..].rotate_left(i - first + 1);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Carries out the next command of the script, if there is one. The threads are quiet before each.
    fn obey(&mut self) -> Result<bool> {
        let Some(command) = self.engine.quiet.command(self.done) else { return Ok(false) };
        let (script, executor) = (&self.engine.script, &mut self.executor);
        match command {
            Command::Flush => executor.flush()?,
            Command::Elements(number) => {
                script.stream(number).map_or(Ok(()), |node| executor.source_idle(node, false))?;
                if self.engine.has_turn(self.me, self.threads, number)
                    && let Some((node, batch, what)) = script.elements(number)
                {
                    executor.push(node, batch).map_err(|e| e.read_at(&what))?;
                }
            }
            Command::Watermark(node, to) => {
                executor.source_idle(node, false)?;
                executor.source_watermark(node, to)?;
            }
            Command::Idle(node) => executor.source_idle(node, true)?,
            Command::ProcessingTime(now) => executor.processing_time(now)?,
            Command::End => script.nodes().try_for_each(|node| executor.source_watermark(node, Timestamp::MAX))?,
        }
        self.done += 1;
        Ok(true)
    }

    /// There is nothing to do. Returns whether that is so for good: all threads are done, and so are the sinks.
    fn rest(&mut self, pausing: bool) -> Result<bool> {
        // Looked at first: the last watermark of what is read is then known to the executor, too.
        let drained = pausing || self.sources.iter().all(|s| s.splits.is_finished());
        for i in 0..self.sources.len() {
            // Another thread may have read on. Nobody may halt the run while this one has the news to spread.
            let task = &self.sources[i];
            if self.executor.can_read(task.node) && task.has_watermark() && self.busy() {
                self.sources[i].pass_watermark(&mut self.executor)?;
                return Ok(false);
            }
        }
        if self.executor.is_finished() && self.engine.script.is_over(self.engine.position()) {
            return self.end();
        }
        if drained && !self.executor.has_mail() {
            let draining = self.control.is_draining();
            let engine = self.engine;
            match self.settle(|open| engine.next(open, draining)) {
                Next::Wait => {}
                Next::Stuck => return Err(self.stuck()),
                Next::Give(_) => {
                    self.engine.mail.wake_others(Some(self.me));
                    return Ok(false);
                }
                Next::Halt => {
                    self.engine.halt.store(true, Ordering::SeqCst);
                    self.engine.mail.wake_others(Some(self.me));
                    return Ok(false);
                }
            }
        }
        let room = self.random.is_some() && self.executor.has_mail(); // there may be some, though it was refused
        self.parker.park_timeout(if room { NAP / 100 } else { self.nap });
        self.nap = NAP.min(self.nap * 2);
        Ok(false)
    }

    /// Says that this thread has something to do. Returns whether it may do it of its own accord.
    fn busy(&mut self) -> bool {
        // As long as it has not said that it rests, all know, and the run cannot halt.
        if self.rests {
            self.rests = !self.engine.quiet.busy(self.me);
        }
        !self.rests
    }

    /// Says that this thread has nothing to do.
    fn settle(&mut self, decide: impl FnOnce(bool) -> Next) -> Next {
        self.rests = true;
        self.engine.quiet.rest(self.me, self.executor.has_open_bundles(), self.done, &self.engine.mail, decide)
    }

    fn end(&mut self) -> Result<bool> {
        self.settle(|_| Next::Wait);
        self.engine.finished.fetch_add(1, Ordering::SeqCst);
        self.engine.mail.wake_others(Some(self.me));
        // No writer is closed before all threads are done.
        while self.engine.finished.load(Ordering::SeqCst) < self.threads {
            if self.control.is_aborting() {
                return Ok(false);
            }
            if self.engine.halt.load(Ordering::SeqCst) {
                self.engine.finished.fetch_sub(1, Ordering::SeqCst);
                return Ok(false);
            }
            self.parker.park_timeout(NAP);
        }
        Ok(true)
    }

    /// All threads are done.
    fn finish(mut self) -> Result<End> {
        for edge in (0..self.executor.edge_count()).map(EdgeId) {
            (0..self.threads).try_for_each(|receiver| self.take_back(edge, receiver))?;
        }
        if self.engine.durable {
            return Ok(End::Complete(Box::new(self.executor.snapshot()?)));
        }
        self.executor.close()?;
        Ok(End::Finished)
    }

    fn stuck(&self) -> Error {
        let waiting = self.executor.describe_waiting();
        let seed = self.engine.seed.map_or_else(String::new, |seed| format!(" (seed {seed})"));
        Error::internal(format!(
            "nothing can go on, though the pipeline has not ended{seed}. Thread {} waits:\n{waiting}",
            self.me
        ))
    }
}
