//! Rows from thread to thread.

use super::Part;
use dataflow::prelude::Timestamp;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

/// How many parcels may be on their way.
const DEPTH: usize = 64;

/// How long to wait for a place in a full channel before it is tried again: spinning would keep the other thread from the
/// processor where there are too few of them.
const PATIENCE: Duration = Duration::from_micros(50);

/// Rows, and the watermark behind them.
struct Parcel<T> {
    rows: Vec<T>,
    watermark: Timestamp,
}

/// One of the two ends of an exchange.
pub(super) struct End<T> {
    rows: Vec<T>,
    to: SyncSender<Parcel<T>>,
    from: Receiver<Parcel<T>>,
    /// Memory that is to be used again, to where it came from and back from there.
    emptied: SyncSender<Vec<T>>,
    empty: Receiver<Vec<T>>,
    own: Timestamp,
    theirs: Timestamp,
}

/// The two ends.
pub(super) fn ends<T>() -> [End<T>; 2] {
    let (to_b, from_a) = sync_channel(DEPTH);
    let (to_a, from_b) = sync_channel(DEPTH);
    let (emptied_of_a, empty_a) = sync_channel(DEPTH);
    let (emptied_of_b, empty_b) = sync_channel(DEPTH);
    let end = |to, from, emptied, empty| {
        let (own, theirs) = (Timestamp::MIN, Timestamp::MIN);
        End { rows: Vec::new(), to, from, emptied, empty, own, theirs }
    };
    [end(to_b, from_b, emptied_of_b, empty_a), end(to_a, from_a, emptied_of_a, empty_b)]
}

impl<T> End<T> {
    /// Adds a row to what is sent next.
    #[inline]
    pub(super) fn push(&mut self, row: T) {
        self.rows.push(row);
    }

    /// Sends what was pushed, and the watermark behind it. Gives what has come to `part`.
    pub(super) fn send(&mut self, watermark: Timestamp, part: &mut impl Part<T>) {
        self.own = watermark;
        let rows = std::mem::replace(&mut self.rows, self.empty.try_recv().unwrap_or_default());
        let mut parcel = Parcel { rows, watermark };
        // If the channel is closed then the other thread has panicked, which is seen when it is joined.
        while let Err(TrySendError::Full(back)) = self.to.try_send(parcel) {
            parcel = back;
            match self.from.recv_timeout(PATIENCE) {
                Ok(theirs) => self.receive(theirs, part),
                Err(RecvTimeoutError::Timeout) => {}
                // It sends no more, it only receives.
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.to.send(parcel);
                    break;
                }
            }
        }
        loop {
            match self.from.try_recv() {
                Ok(theirs) => self.receive(theirs, part),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => break self.theirs = Timestamp::MAX,
            }
        }
        part.advance(self.own.min(self.theirs));
    }

    /// Gives all that is still to come to `part`, to the end of time.
    pub(super) fn finish(self, part: &mut impl Part<T>) {
        let End { to, from, emptied, .. } = self;
        drop(to);
        while let Ok(mut parcel) = from.recv() {
            parcel.rows.drain(..).for_each(|row| part.take(row));
            let _ = emptied.try_send(parcel.rows);
            part.advance(parcel.watermark);
        }
        part.advance(Timestamp::MAX);
    }

    fn receive(&mut self, mut parcel: Parcel<T>, part: &mut impl Part<T>) {
        parcel.rows.drain(..).for_each(|row| part.take(row));
        self.theirs = parcel.watermark;
        let _ = self.emptied.try_send(parcel.rows);
    }
}
