//! What a manifest has of a run: its state, and the graph that it is of.

use dataflow_checkpoint::{Content, FileRef, HasFiles};
use dataflow_core::graph::{Graph, Node};
use dataflow_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a manifest has of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The steps' names, and what they are.
    pub(super) graph: BTreeMap<String, String>,
    /// The run has come to its end, and all is published.
    pub(super) finished: bool,
    /// The encoded state; none of a pipeline that has never run or has come to its end.
    pub(super) content: Option<Content>,
}

impl HasFiles for State {
    fn files(&self) -> Vec<&FileRef> {
        self.content.iter().filter_map(Content::file).collect()
    }
}

impl State {
    pub(super) fn fresh(graph: &Graph) -> Self {
        let step = |node: &Node| (node.name.clone(), node.transform.to_owned());
        State { graph: graph.nodes.iter().map(step).collect(), ..State::default() }
    }

    /// Refuses the state of another graph.
    pub(super) fn check(&self, of: &State) -> Result<()> {
        let mut wrong = Vec::new();
        for (name, kind) in &self.graph {
            match of.graph.get(name) {
                None => wrong.push(format!("\"{name}\" ({kind}) is only in the checkpoint")),
                Some(other) if other != kind => wrong.push(format!("\"{name}\" is {other} and was {kind}")),
                Some(_) => {}
            }
        }
        let new = of.graph.iter().filter(|(name, _)| !self.graph.contains_key(*name));
        wrong.extend(new.map(|(name, kind)| format!("\"{name}\" ({kind}) is not in the checkpoint")));
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::graph(format!(
            "the checkpoint is of another pipeline; these steps differ: {}. Run the program that has written it, or give \
             another checkpoint location to begin anew",
            wrong.join("; ")
        )))
    }
}
