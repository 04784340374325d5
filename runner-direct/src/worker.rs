//! The event loop of one thread.

use crate::shared::{Control, Engine};
use crate::source::{Read, SourceTask};
use crossbeam_utils::sync::Parker;
use dataflow_core::{Error, Result};
use dataflow_exec::{EdgeId, Executor, Snapshot};
use dataflow_windows::Timestamp;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many messages of one queue are worked off before the next one is looked at.
const RECEIVE_BATCH: usize = 2;

/// How long a thread sleeps at most when it waits for a source that has nothing at the moment.
const NAP: Duration = Duration::from_millis(2);

/// How often steps are told the time of day.
const TICK: Duration = Duration::from_millis(100);

/// One thread of a run.
pub(crate) struct Worker<'a> {
    pub(crate) me: usize,
    pub(crate) threads: usize,
    pub(crate) executor: Executor,
    pub(crate) sources: Vec<SourceTask>,
    pub(crate) control: &'a Control,
    pub(crate) engine: &'a Engine,
    pub(crate) parker: Parker,
}

/// How a thread's work ended.
pub(crate) enum End {
    /// All input is processed and everything is written.
    Finished,
    /// Everything is still, and this is the state.
    Paused(Box<Snapshot>),
    /// Another thread failed, or the run was cancelled.
    Aborted,
}

impl Worker<'_> {
    /// Works until the end, a restart, or an error.
    pub(crate) fn run(mut self) -> Result<End> {
        let mut tick = Instant::now() + TICK;
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
            let mut busy = self.send() | self.executor.resume()? | self.receive()?;
            let pausing = self.engine.budget.load(Ordering::Relaxed) == 0;
            if !pausing {
                // Also when there is mail: the split that a thread reads holds the watermark of all. What would be too
                // much finds no room.
                busy |= self.read()?;
            }
            if busy {
                dirty = true;
            } else if dirty && !self.executor.has_mail() {
                self.executor.flush()?;
                dirty = false;
                continue;
            } else if self.rest(pausing)? {
                return Ok(End::Finished);
            }
            if Instant::now() >= tick {
                tick = Instant::now() + TICK;
                self.executor.processing_time(now())?;
                // Nothing waits longer than this for more to be sent with.
                self.executor.flush()?;
            }
        }
    }

    /// Moves messages to the queues of their receivers.
    fn send(&mut self) -> bool {
        let (mail, me) = (&self.engine.mail, self.me);
        self.executor.has_mail() && self.executor.send(|edge, to, message| mail.send(edge, me, to, message))
    }

    /// Works off messages, of the last exchanges first: what is furthest on its way makes room for the rest.
    fn receive(&mut self) -> Result<bool> {
        let mut some = false;
        for edge in (0..self.executor.edge_count()).rev().map(EdgeId) {
            for sender in 0..self.threads {
                for _ in 0..RECEIVE_BATCH {
                    if !self.executor.can_receive(edge) {
                        break;
                    }
                    let Some(message) = self.engine.mail.receive(edge, sender, self.me) else { break };
                    if !some {
                        self.engine.quiet.set(self.me, false, &self.engine.mail);
                        some = true;
                    }
                    self.executor.receive(edge, sender, message)?;
                    self.send();
                    self.engine.mail.done();
                }
            }
        }
        Ok(some)
    }

    /// Reads a batch of one of the sources.
    fn read(&mut self) -> Result<bool> {
        let side_first = self.sources.iter().any(|task| task.feeds_side_input && !task.splits.is_finished());
        for i in 0..self.sources.len() {
            let task = &mut self.sources[i];
            if side_first && !task.feeds_side_input {
                continue; // what is read now would have to wait in memory
            }
            if !self.executor.can_read(task.node) {
                continue;
            }
            let read = task.read(&mut self.executor, self.threads > 1)?;
            if matches!(read, Read::Nothing | Read::Finished) {
                continue;
            }
            self.engine.quiet.set(self.me, false, &self.engine.mail);
            if read == Read::Batch && self.engine.budget.load(Ordering::Relaxed) != u64::MAX {
                let less = |n: u64| Some(n.saturating_sub(1));
                _ = self.engine.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            }
            // Next time it is another's turn; but what side inputs hang on always comes first.
            let first = self.sources.iter().take_while(|t| t.feeds_side_input).count();
            if i >= first {
                self.sources[first..].rotate_left(i - first + 1);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// There is nothing to do. Returns whether that is so for good: all threads are done, and so are the sinks.
    fn rest(&mut self, pausing: bool) -> Result<bool> {
        for i in 0..self.sources.len() {
            // Another thread may have read on.
            if self.executor.can_read(self.sources[i].node) && self.sources[i].pass_watermark(&mut self.executor)? {
                self.engine.quiet.set(self.me, false, &self.engine.mail);
                return Ok(false);
            }
        }
        if self.executor.is_finished() {
            return self.end();
        }
        let blocked = self.executor.has_mail();
        let drained = pausing || self.sources.iter().all(|s| s.splits.is_finished());
        if !blocked && drained && self.engine.quiet.set(self.me, true, &self.engine.mail) {
            if !pausing {
                return Err(self.stuck());
            }
            self.engine.halt.store(true, Ordering::SeqCst);
            self.engine.mail.wake_others(Some(self.me));
            return Ok(false);
        }
        self.parker.park_timeout(NAP);
        Ok(false)
    }

    fn end(&mut self) -> Result<bool> {
        self.engine.quiet.set(self.me, true, &self.engine.mail);
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
        self.executor.close()?;
        Ok(true)
    }

    fn stuck(&self) -> Error {
        let waiting = self.executor.describe_waiting();
        Error::internal(format!(
            "nothing can go on, though the pipeline has not ended. Thread {} waits:\n{waiting}",
            self.me
        ))
    }
}

/// The time of day.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
