//! What test streams do, event by event, over all threads.

use dataflow_core::graph::{Graph, NodeId, NodeKind};
use dataflow_core::plane::AnyBatch;
use dataflow_core::test_stream::{ErasedTestStream, TestEvent};
use dataflow_core::{Boundedness, Error, Result};
use dataflow_windows::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The events of all test streams of a graph, in their order.
#[derive(Default)]
pub(crate) struct Script {
    streams: Vec<Stream>,
    events: Vec<Event>,
}

struct Stream {
    node: NodeId,
    name: String,
    stream: Arc<dyn ErasedTestStream>,
}

#[derive(Clone, Copy)]
struct Event {
    stream: usize,
    /// Its number in the stream.
    number: usize,
    what: TestEvent,
}

/// How far a script is, and what time it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    next: usize,
    pub(crate) now: Timestamp,
}

impl Default for Position {
    fn default() -> Self {
        Position { next: 0, now: Timestamp::from_micros(0) }
    }
}

/// What all threads do together, when nothing else is left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// End the bundles.
    Flush,
    /// Let the thread whose turn it is push the elements of an event; the number says which of all events it is.
    Elements(usize),
    /// The watermark of a stream moves.
    Watermark(NodeId, Timestamp),
    /// Processing time moves.
    ProcessingTime(Timestamp),
    /// A stream is idle.
    Idle(NodeId),
    /// The watermarks of all streams come to the end of time.
    End,
}

impl Script {
    /// The script of a graph; without events if it has no test stream.
    ///
    /// # Errors
    /// If a source beside a test stream never ends: then its first event would never come.
    pub(crate) fn of(graph: &Graph) -> Result<Self> {
        let mut script = Script::default();
        let mut endless = None;
        let mut events = Vec::new();
        for (id, node) in graph.nodes.iter().enumerate() {
            match &node.kind {
                NodeKind::TestStream(stream) => {
                    let number = script.streams.len();
                    let event = |(n, (order, what))| (order, Event { stream: number, number: n, what });
                    events.extend(stream.events().into_iter().enumerate().map(event));
                    script.streams.push(Stream { node: NodeId(id), name: node.name.clone(), stream: stream.clone() });
                }
                NodeKind::Read(source) if source.boundedness() == Boundedness::Unbounded => endless = Some(&node.name),
                _ => {}
            }
        }
        if let (Some(step), Some(stream)) = (endless, script.streams.first()) {
            return Err(Error::graph(format!(
                "this source never ends, but the events of the test stream \"{}\" come after all that sources have: read \
                 a bounded source beside a test stream, or use another test stream",
                stream.name
            ))
            .at_step(step));
        }
        events.sort_by_key(|(order, _)| *order); // stable: the same stream may be in a graph twice
        let mut times = BTreeSet::new();
        events.retain(|(order, e)| !matches!(e.what, TestEvent::ProcessingTime(_)) || times.insert(*order));
        script.events = events.into_iter().map(|(_, event)| event).collect();
        Ok(script)
    }

    /// Whether there is something to play.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Whether all has been played, the end of the streams included.
    pub(crate) fn is_over(&self, at: Position) -> bool {
        self.is_empty() || at.next > self.events.len()
    }

    /// What comes next, if anything does. With `skip` that is the end.
    pub(crate) fn next(&self, at: &mut Position, skip: bool) -> Option<Command> {
        if self.is_over(*at) {
            return None;
        }
        if skip {
            at.next = self.events.len();
        }
        let number = at.next;
        at.next += 1;
        let Some(event) = self.events.get(number) else { return Some(Command::End) };
        Some(match event.what {
            TestEvent::Elements => Command::Elements(number),
            TestEvent::Watermark(to) => Command::Watermark(self.streams[event.stream].node, to),
            TestEvent::ProcessingTime(by) => {
                at.now = at.now + by.max(Duration::ZERO);
                Command::ProcessingTime(at.now)
            }
            TestEvent::Idle => Command::Idle(self.streams[event.stream].node),
        })
    }

    /// The stream of event `number` of all.
    pub(crate) fn stream(&self, number: usize) -> Option<NodeId> {
        self.events.get(number).map(|event| self.streams[event.stream].node)
    }

    /// The elements of event `number` of all, the step they come from, and what they are for error messages.
    pub(crate) fn elements(&self, number: usize) -> Option<(NodeId, AnyBatch, String)> {
        let event = self.events.get(number)?;
        let stream = &self.streams[event.stream];
        let batch = stream.stream.elements(event.number).filter(|batch| !batch.is_empty())?;
        Some((stream.node, batch, format!("event {} of the test stream \"{}\"", event.number, stream.name)))
    }

    /// The steps that are test streams.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.streams.iter().map(|stream| stream.node)
    }
}
