//! All state of all steps, in a form that does not depend on the number of shards.

use super::running::Sender;
use super::{Executor, Work};
use dataflow_core::graph::{Graph, NodeId};
use dataflow_core::plane::{StateReader, StateWriter, StepState};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of the steps of a pipeline between two batches, by the steps' full names.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot(BTreeMap<String, Saved>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Saved {
    state: StepState,
    /// The watermark of its outputs.
    watermark: Timestamp,
    /// Those after it need not wait for it.
    idle: bool,
    /// The watermarks of its main and side inputs, which can be ahead of those of idle senders.
    inputs: (Timestamp, Timestamp),
}

impl Snapshot {
    /// Joins the snapshots of two shards, taken when no message was on its way between them.
    pub fn merge(&mut self, other: Snapshot) {
        for (name, theirs) in other.0 {
            match self.0.get_mut(&name) {
                None => _ = self.0.insert(name, theirs),
                Some(own) => {
                    own.state.merge(theirs.state);
                    own.watermark = own.watermark.min(theirs.watermark);
                    own.idle &= theirs.idle;
                    own.inputs = (own.inputs.0.min(theirs.inputs.0), own.inputs.1.min(theirs.inputs.1));
                }
            }
        }
    }

    fn of(&self, step: &str) -> Result<&Saved> {
        self.0.get(step).ok_or_else(|| {
            Error::data(format!("the snapshot has no state of step \"{step}\": it was written by another pipeline"))
        })
    }

    /// The size of all state, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.values().map(|saved| saved.state.len_bytes()).sum()
    }
}

impl Executor {
    /// Writes the state of all steps. Bundles end first. Messages that wait to be sent are not part of it: they must have
    /// been sent and received.
    ///
    /// # Errors
    /// As [`push`](Self::push), or if messages or results still wait.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        self.flush()?;
        if self.has_mail() || !self.unfinished.is_empty() {
            return Err(Error::internal("a snapshot was asked for while messages or results wait to be sent"));
        }
        self.guarded(|executor| {
            executor.work = Work::Other("while its state was written");
            let mut snapshot = Snapshot::default();
            for id in 0..executor.nodes.len() {
                executor.current = NodeId(id);
                let node = &mut executor.nodes[id];
                let mut to = StateWriter::default();
                if let Some(step) = &mut node.step {
                    step.snapshot(&mut to)?;
                }
                let inputs = (node.input_watermark, node.side_watermark);
                let saved = Saved { state: to.finish(), watermark: node.watermark, idle: node.idle, inputs };
                snapshot.0.insert(node.name.clone(), saved);
            }
            Ok(snapshot)
        })
    }

    pub(super) fn restore(&mut self, graph: &Graph, from: &Snapshot, shard: usize, shards: usize) -> Result<()> {
        self.guarded(|executor| {
            executor.work = Work::Other("while its state was read");
            for id in 0..executor.nodes.len() {
                executor.current = NodeId(id);
                for (number, input) in graph.nodes[id].inputs.iter().enumerate() {
                    let Saved { watermark, idle, .. } = *from.of(&graph.nodes[input.from.node.0].name)?;
                    executor.nodes[id].inputs[number].senders.fill(Sender { watermark, idle });
                    executor.knows_idle |= idle;
                }
                let node = &mut executor.nodes[id];
                let saved = from.of(&node.name)?;
                (node.idle, node.floor) = (saved.idle, saved.inputs);
                match &mut node.step {
                    Some(step) => step.restore(StateReader::new(&saved.state, shard, shards))?,
                    None => node.watermark = saved.watermark,
                }
            }
            for edge in &mut executor.edges {
                let sender = graph.nodes[edge.to.0.0].inputs[edge.to.1].from.node;
                edge.learn_watermark(from.of(&graph.nodes[sender.0].name)?.watermark)?;
            }
            Ok(())
        })
    }

    /// Operators learn the watermark anew, rather than each keeping it in its state.
    pub(super) fn learn_all(&mut self) -> Result<()> {
        let nodes = (0..self.nodes.len()).map(NodeId);
        nodes
            .filter(|id| self.nodes[id.0].step.is_some())
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|id| self.learn_inputs(id))
    }
}
