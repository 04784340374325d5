//! A process somewhere in its work.

use super::world::Rules;
use crate::{Action, Content, Part, Process, Publish, ShardId};
use dataflow_windows::Timestamp;
use std::collections::BTreeMap;

/// A process: the real machine, and what it has yet to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Driver {
    pub(super) machine: Process<u8>,
    /// The number it was told to start from.
    pub(super) from: Option<u64>,
    pub(super) accepts: bool,
    pub(super) todo: Vec<Action<u8>>,
    /// Transactions that are produced and not committed, by shard.
    pub(super) open: BTreeMap<ShardId, u64>,
    /// Why it has ended.
    pub(super) exit: Option<String>,
}

impl Driver {
    pub(super) fn take_actions(&mut self) {
        for action in self.machine.take_actions() {
            match action {
                Action::Run(_) | Action::Completed { .. } => {}
                Action::Exit(why) => {
                    self.exit = Some(why.to_string());
                    self.todo.clear();
                }
                action => self.todo.push(action),
            }
        }
    }

    pub(super) fn position(&self) -> u8 {
        self.machine.last().map_or(0, |last| last.state)
    }

    pub(super) fn has_inputs(&self, rules: &Rules) -> bool {
        self.machine.can_checkpoint() && self.position() < rules.inputs
    }

    pub(super) fn checkpoint(&mut self, rules: &Rules, end: u8) {
        let position = self.position();
        let mut outputs: BTreeMap<ShardId, Vec<Part>> = BTreeMap::new();
        for input in position..end {
            let id = ShardId { sink: 0, index: u32::from(input % rules.shards) };
            outputs.entry(id).or_default().push(Part { records: 1, content: Content::inline([input]) });
        }
        self.machine.checkpoint(end, outputs, Timestamp::from_micros(0)).unwrap();
        self.take_actions();
    }

    /// The record of a pending epoch.
    pub(super) fn record(&self, publish: &Publish, at: u64) -> u8 {
        let pending =
            self.machine.pending(publish.shard).iter().find(|pending| pending.epoch == publish.epoch).unwrap();
        match &pending.parts[at as usize].content {
            Content::Inline(bytes) => bytes[0],
            Content::File(_) => unreachable!("all is inline here"),
        }
    }
}
