//! The graph: what a pipeline is before it runs.
//!
//! It has Beam's shape: [transforms](Node) of a kind, joined by collections with a windowing and a boundedness, so that
//! it can be shown, checked, run, or translated. Types are behind the erasure of [`crate::plane`].

mod explain;
mod node;

pub use node::{Exchange, ExchangeFactory, Input, Lifting, Node, NodeId, NodeKind, OperatorContext, OperatorFactory};
pub use node::{OutputPort, Path, PortId, Role, Routing, SinkHooks};

use crate::{Error, Metrics, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is left of an operator when its graph was run.
fn left() -> OperatorFactory {
    Arc::new(|_| Err(Error::internal("the step was run already")))
}

/// A finished graph. Nodes are in topological order: each comes after those it reads from.
pub struct Graph {
    /// The pipeline's name.
    pub name: String,
    /// The transforms.
    pub nodes: Vec<Node>,
    /// Where they count.
    pub metrics: Metrics,
    /// What is wrong with it, found while it was built.
    pub(crate) errors: Vec<Error>,
}

impl Graph {
    /// Checks what can be known before data is read.
    ///
    /// # Errors
    /// All that is wrong, with the steps' names and what to do, as one error.
    pub fn check(&self) -> Result<()> {
        let mut wrong: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        let mut seen = BTreeSet::new();
        let mut twice = BTreeSet::new();
        for node in &self.nodes {
            if !seen.insert(&node.name) {
                twice.insert(&node.name);
            }
        }
        for name in twice {
            wrong.push(format!(
                "step \"{name}\": there are two steps with this name; names identify steps over restarts, so give each \
                 its own"
            ));
        }
        for node in self.nodes.iter().filter(|n| n.name.split('/').any(str::is_empty)) {
            wrong.push(format!(
                "step \"{}\" (a {}): a name must not be empty, nor have an empty part",
                node.name, node.transform
            ));
        }
        if self.nodes.is_empty() {
            wrong.push(format!("pipeline \"{}\" has no steps: begin with `create` or `read`", self.name));
        }
        match wrong.len() {
            0 => Ok(()),
            1 => Err(Error::graph(wrong.remove(0))),
            n => Err(Error::graph(format!("{n} things are wrong with the pipeline:\n  - {}", wrong.join("\n  - ")))),
        }
    }

    /// Takes the graph to be run. What is left has the same collections, which can be asked how they are windowed, but no
    /// sources and no code.
    pub(crate) fn take(&mut self) -> Graph {
        let shape = |node: &Node| Node {
            name: node.name.clone(),
            transform: node.transform,
            detail: node.detail.clone(),
            path: node.path.clone(),
            reads_only: node.reads_only,
            kind: NodeKind::Operator(left()),
            inputs: node.inputs.clone(),
            outputs: node.outputs.clone(),
        };
        let nodes = self.nodes.iter().map(shape).collect();
        let left = Graph { name: self.name.clone(), nodes, metrics: self.metrics.clone(), errors: Vec::new() };
        std::mem::replace(self, left)
    }

    /// The output port behind `port`.
    pub fn port(&self, port: PortId) -> &OutputPort {
        &self.nodes[port.node.0].outputs[port.port]
    }

    /// The fused stages when it runs on `shards` threads: steps that hand batches to each other on the same thread, with
    /// no exchange between them. Each stage is a list of nodes, in order.
    pub fn stages(&self, shards: usize) -> Vec<Vec<NodeId>> {
        let mut stage_of: Vec<usize> = (0..self.nodes.len()).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            for input in node.inputs.iter().filter(|input| !input.is_exchanged(shards)) {
                let (a, b) = (stage_of[i], stage_of[input.from.node.0]);
                for stage in &mut stage_of {
                    if *stage == a.max(b) {
                        *stage = a.min(b);
                    }
                }
            }
        }
        let mut stages: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
        for (i, stage) in stage_of.into_iter().enumerate() {
            stages.entry(stage).or_default().push(NodeId(i));
        }
        stages.into_values().collect()
    }
}
