//! Bounded queues between threads. Nobody ever waits in them: who finds one full keeps the message.

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::sync::{Parker, Unparker};
use dataflow_exec::{EdgeId, Message};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many messages wait at most for a thread, per exchange: shared out over the threads that send to it.
const CAPACITY: usize = 64;

/// All queues of a run, and how to wake its threads.
pub(crate) struct Mail {
    threads: usize,
    queues: Vec<ArrayQueue<Message>>,
    wakers: Vec<Unparker>,
    /// Messages that were sent, and not yet received and dealt with.
    in_flight: AtomicUsize,
}

impl Mail {
    /// Queues for so many exchanges and threads, and what each thread parks with.
    pub(crate) fn new(edges: usize, threads: usize) -> (Self, Vec<Parker>) {
        let parkers: Vec<Parker> = (0..threads).map(|_| Parker::new()).collect();
        let wakers = parkers.iter().map(|p| p.unparker().clone()).collect();
        let queues = (0..edges * threads * threads).map(|_| ArrayQueue::new((CAPACITY / threads).max(2))).collect();
        (Mail { threads, queues, wakers, in_flight: AtomicUsize::new(0) }, parkers)
    }

    fn queue(&self, edge: EdgeId, from: usize, to: usize) -> &ArrayQueue<Message> {
        &self.queues[(edge.0 * self.threads + from) * self.threads + to]
    }

    /// Sends a message, or gives it back if there is no room.
    pub(crate) fn send(&self, edge: EdgeId, from: usize, to: usize, message: Message) -> Result<(), Message> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let result = self.queue(edge, from, to).push(message);
        match &result {
            Ok(()) if from != to => self.wakers[to].unpark(),
            Ok(()) => {}
            Err(_) => _ = self.in_flight.fetch_sub(1, Ordering::SeqCst),
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

    /// A received message is dealt with.
    pub(crate) fn done(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether no message is on its way.
    pub(crate) fn is_still(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) == 0
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
