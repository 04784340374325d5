//! How events come to a loop written by hand.

use crate::event::Event;
use dataflow::prelude::Timestamp;

/// Events chunk by chunk, as owned rows.
///
/// ```
/// use nexmark::event::Event;
/// use nexmark::feed::Feed;
///
/// fn bids(mut feed: impl Feed) -> u64 {
///     let mut bids = 0;
///     while let Some((events, _watermark)) = feed.next_chunk() {
///         bids += events.filter(|e| matches!(e, Event::Bid(_))).count() as u64;
///     }
///     bids
/// }
/// ```
pub trait Feed: Send {
    /// The events of a chunk. What is not taken out of it is dropped with it.
    type Events: Iterator<Item = Event>;

    /// The next chunk (about a thousand events), and the watermark behind it: no event of a later chunk of this feed is
    /// before it. `None` is the end.
    fn next_chunk(&mut self) -> Option<(Self::Events, Timestamp)>;
}
