//! Bounded queues between threads. Nobody ever waits in them: who finds one full keeps the message.

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use crossbeam_utils::sync::{Parker, Unparker};
use dataflow_core::plane::AnyBatch;
use dataflow_exec::{EdgeId, Message};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many messages wait at most for a thread, per exchange: shared out over the threads that send to it.
const CAPACITY: usize = 64;

/// All queues of a run, and how to wake its threads.
pub(crate) struct Mail {
    threads: usize,
    queues: Vec<ArrayQueue<Message>>,
    /// Batches on their way back to where they were made, to be dropped there.
    home: Vec<ArrayQueue<AnyBatch>>,
    wakers: Vec<Unparker>,
    counts: Vec<CachePadded<Counts>>,
}

/// What one thread has done with messages. Nobody else writes here, so that threads do not slow each other down.
#[derive(Default)]
struct Counts {
    sent: AtomicUsize,
    /// Received and dealt with.
    done: AtomicUsize,
}

impl Mail {
    /// Queues for so many exchanges and threads, and what each thread parks with.
    pub(crate) fn new(edges: usize, threads: usize) -> (Self, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..threads).map(|_| Parker::new()).collect();
        let wakers = parkers.iter().map(|p| p.unparker().clone()).collect();
        let capacity = (CAPACITY / threads).max(2);
        let pairs = edges * threads * threads;
        let queues = (0..pairs).map(|_| ArrayQueue::new(capacity)).collect();
        let home = (0..pairs).map(|_| ArrayQueue::new(capacity)).collect();
        let counts = (0..threads).map(|_| CachePadded::default()).collect();
        (Mail { threads, queues, home, wakers, counts }, parkers)
    }

    fn number(&self, edge: EdgeId, from: usize, to: usize) -> usize {
        (edge.0 * self.threads + from) * self.threads + to
    }

    fn queue(&self, edge: EdgeId, from: usize, to: usize) -> &ArrayQueue<Message> {
        &self.queues[self.number(edge, from, to)]
    }

    /// Sends a batch that `from` has sent to `to` back. Nobody waits for it: it is not in flight, no thread is woken for it,
    /// and if there is no room it is dropped here.
    pub(crate) fn send_home(&self, edge: EdgeId, from: usize, to: usize, batch: AnyBatch) {
        drop(self.home[self.number(edge, from, to)].push(batch));
    }

    /// Takes a batch that `from` has sent to `to` and has back.
    pub(crate) fn come_home(&self, edge: EdgeId, from: usize, to: usize) -> Option<AnyBatch> {
        self.home[self.number(edge, from, to)].pop()
    }

    /// Sends a message, or gives it back if there is no room.
    pub(crate) fn send(&self, edge: EdgeId, from: usize, to: usize, message: Message) -> Result<(), Message> {
        let result = self.queue(edge, from, to).push(message);
        if result.is_ok() {
            self.counts[from].sent.fetch_add(1, Ordering::SeqCst);
            if from != to {
                self.wakers[to].unpark();
            }
        }
        result
    }

    /// Takes a message; [`done`](Self::done) is to be called when it is dealt with.
    pub(crate) fn receive(&self, edge: EdgeId, from: usize, to: usize) -> Option<Message> {
        let queue = self.queue(edge, from, to);
        let was_full = queue.is_full();
        let message = queue.pop();
        if was_full && from != to {
            self.wakers[from].unpark();
        }
        message
    }

    /// Thread `me` has dealt with a message that it has received.
    pub(crate) fn done(&self, me: usize) {
        self.counts[me].done.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether no message is on its way. To be asked only while all threads [rest](crate::quiet::Quiet::rest): none of them
    /// counts then, so that the sums are of one moment.
    pub(crate) fn is_still(&self) -> bool {
        let sum = |of: fn(&Counts) -> &AtomicUsize| self.counts.iter().map(|c| of(c).load(Ordering::SeqCst)).sum();
        let (sent, done): (usize, usize) = (sum(|c| &c.sent), sum(|c| &c.done));
        sent == done
    }

    /// Wakes all threads but `me`.
    pub(crate) fn wake_others(&self, me: Option<usize>) {
        for (thread, waker) in self.wakers.iter().enumerate() {
            if Some(thread) != me {
                waker.unpark();
            }
        }
    }
}
