//! What joins steps: calls on the same shard, queues of messages between shards.

use super::running::{Downstream, InputState, Reach, Running, Sender};
use super::{Executor, NodeId};
use dataflow_core::Result;
use dataflow_core::graph::{Exchange, Graph, Routing};
use dataflow_core::plane::{AnyBatch, Outbox};
use dataflow_windows::Timestamp;
use std::collections::VecDeque;

/// The number of an exchange in its graph, the same on all shards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EdgeId(pub usize);

/// What one shard sends to another along an exchange. The order is kept.
pub enum Message {
    /// Elements.
    Batch(AnyBatch),
    /// No elements before this time will come from this sender.
    Watermark(Timestamp),
    /// Whether the sender has nothing for a while, so that nobody should wait for its watermark.
    Idle(bool),
}

/// An exchange, as one shard sees it: the step it leads to, and what it has to send.
pub(super) struct Edge {
    pub(super) to: (NodeId, usize),
    dealer: Option<Box<dyn Exchange>>,
    outboxes: Vec<Outbox>,
    queues: Vec<VecDeque<Message>>,
}

impl Edge {
    fn new(to: (NodeId, usize), routing: &Routing, shards: usize) -> Self {
        let dealer = match routing {
            Routing::ByKey(factory, _) => Some(factory(shards)),
            Routing::Broadcast | Routing::Forward => None,
        };
        let outboxes = (0..shards).map(|_| Outbox::default()).collect();
        Edge { to, dealer, outboxes, queues: (0..shards).map(|_| VecDeque::new()).collect() }
    }

    pub(super) fn send(&mut self, batch: &mut AnyBatch) -> Result<()> {
        match &mut self.dealer {
            Some(dealer) => {
                dealer.deal(&mut **batch, &mut self.outboxes)?;
                self.collect();
            }
            None => self.queues.iter_mut().for_each(|queue| queue.push_back(Message::Batch(batch.duplicate()))),
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        if let Some(dealer) = &mut self.dealer {
            dealer.flush(&mut self.outboxes)?;
            self.collect();
        }
        Ok(())
    }

    pub(super) fn send_watermark(&mut self, watermark: Timestamp) -> Result<()> {
        self.learn_watermark(watermark)?; // what was promised not to be late must be ahead of it
        self.queues.iter_mut().for_each(|queue| queue.push_back(Message::Watermark(watermark)));
        Ok(())
    }

    /// The watermark of those who send along it has come to `watermark`.
    pub(super) fn learn_watermark(&mut self, watermark: Timestamp) -> Result<()> {
        if let Some(dealer) = &mut self.dealer {
            dealer.watermark(watermark, &mut self.outboxes)?;
            self.collect();
        }
        Ok(())
    }

    /// Whether it leaves batches as they were: so does one to all shards, each of which gets a copy.
    fn reads_only(&self) -> bool {
        self.dealer.as_ref().is_none_or(|dealer| dealer.reads_only())
    }

    /// Whether it is by key: then elements are counted before they are dealt, as they may be combined on the way.
    pub(super) fn is_dealt(&self) -> bool {
        self.dealer.is_some()
    }

    pub(super) fn send_idle(&mut self, idle: bool) -> Result<()> {
        self.flush()?; // those who wait for nothing have all
        self.queues.iter_mut().for_each(|queue| queue.push_back(Message::Idle(idle)));
        Ok(())
    }

    fn collect(&mut self) {
        for (outbox, queue) in self.outboxes.iter_mut().zip(&mut self.queues) {
            while let Some(batch) = outbox.pop() {
                queue.push_back(Message::Batch(batch));
            }
        }
    }

    /// Keeps the memory of a batch that has come along this edge, or has come back, to fill it again.
    pub(super) fn recycle(&mut self, batch: AnyBatch) {
        if let Some(outbox) = self.outboxes.first_mut().filter(|_| self.dealer.is_some()) {
            outbox.recycle(batch);
            self.outboxes.rotate_left(1);
        }
    }

    fn has_mail(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }
}

/// The exchanges of a graph for one shard, and the state of each node's inputs.
pub(super) fn edges(graph: &Graph, shards: usize) -> (Vec<Edge>, Vec<Vec<InputState>>) {
    let mut edges = Vec::new();
    let mut inputs = Vec::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        let mut states = Vec::new();
        for (number, input) in node.inputs.iter().enumerate() {
            let exchanged = input.is_exchanged(shards);
            if exchanged {
                edges.push(Edge::new((NodeId(id), number), &input.routing, shards));
            }
            let sender = Sender { watermark: Timestamp::MIN, idle: false };
            let senders = vec![sender; if exchanged { shards } else { 1 }];
            states.push(InputState { role: input.role, senders });
        }
        inputs.push(states);
    }
    (edges, inputs)
}

/// Joins outputs to inputs, and finds out what is reached from where.
pub(super) fn connect(graph: &Graph, shards: usize, nodes: &mut [Running], edges: &mut [Edge]) {
    for (number, edge) in edges.iter().enumerate() {
        let from = graph.nodes[edge.to.0.0].inputs[edge.to.1].from;
        nodes[from.node.0].outputs[from.port].to.push(Downstream::Exchange(EdgeId(number)));
    }
    for (id, node) in graph.nodes.iter().enumerate() {
        for (number, input) in node.inputs.iter().enumerate().filter(|(_, input)| !input.is_exchanged(shards)) {
            let output = &mut nodes[input.from.node.0].outputs[input.from.port];
            output.to.push(Downstream::Local(NodeId(id), number));
        }
    }
    for id in 0..nodes.len() {
        // Those who only look at a batch come first, so that they need no copy of it.
        let only_look = |to: &Downstream| match to {
            Downstream::Local(node, _) => nodes[node.0].step.as_ref().is_some_and(|step| step.reads_only()),
            Downstream::Exchange(edge) => edges[edge.0].reads_only(),
        };
        let sorted = nodes[id].outputs.iter().map(|output| {
            let (mut look, take): (Vec<_>, Vec<_>) = output.to.iter().copied().partition(only_look);
            let looking = look.len();
            look.extend(take);
            (look, looking)
        });
        for (port, (to, looking)) in sorted.collect::<Vec<_>>().into_iter().enumerate() {
            (nodes[id].outputs[port].to, nodes[id].outputs[port].looking) = (to, looking);
        }
    }
    for id in (0..nodes.len()).rev() {
        let mut reach = Reach { edges: Vec::new(), nodes: vec![NodeId(id)] };
        for to in nodes[id].outputs.iter().flat_map(|o| &o.to) {
            match to {
                Downstream::Exchange(edge) => reach.edges.push(*edge),
                Downstream::Local(node, _) => {
                    reach.edges.extend(&nodes[node.0].reach.edges); // known: nodes are in topological order
                    reach.nodes.extend(&nodes[node.0].reach.nodes);
                }
            }
        }
        reach.edges.sort_unstable();
        reach.edges.dedup();
        reach.nodes.sort_unstable();
        reach.nodes.dedup();
        nodes[id].reach = reach;
    }
}

impl Executor {
    /// The number of exchanges.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Hands all messages to be sent to `send`, with the edge and the shard they are for, each queue until `send` gives
    /// one back because there is no room. Returns whether any was taken.
    pub fn send(&mut self, mut send: impl FnMut(EdgeId, usize, Message) -> Result<(), Message>) -> bool {
        let mut sent = false;
        for (number, edge) in self.edges.iter_mut().enumerate() {
            for (shard, queue) in edge.queues.iter_mut().enumerate() {
                while let Some(message) = queue.pop_front() {
                    if let Err(back) = send(EdgeId(number), shard, message) {
                        queue.push_front(back);
                        break;
                    }
                    sent = true;
                }
            }
        }
        sent
    }

    /// Whether a source may be polled: all that can come of it has room.
    pub fn can_read(&self, source: NodeId) -> bool {
        self.can_take(source)
    }

    /// Whether a message that has come along `edge` may be received: all that can come of it has room.
    ///
    /// Only what lies downstream counts, so along the direction of the graph somebody can always go on.
    pub fn can_receive(&self, edge: EdgeId) -> bool {
        self.can_take(self.edges[edge.0].to.0)
    }

    fn can_take(&self, node: NodeId) -> bool {
        self.has_room_after(node) && self.unfinished.iter().all(|busy| !self.nodes[node.0].reach.nodes.contains(busy))
    }

    pub(super) fn has_room_after(&self, node: NodeId) -> bool {
        self.nodes[node.0].reach.edges.iter().all(|edge| !self.edges[edge.0].has_mail())
    }

    /// Whether there are messages to be sent.
    pub fn has_mail(&self) -> bool {
        self.edges.iter().any(Edge::has_mail)
    }
}
