//! A step at run time.

use super::links::EdgeId;
use dataflow_core::Counter;
use dataflow_core::graph::{Node, NodeId, OperatorContext, Role};
use dataflow_core::plane::{Outbox, Step};
use dataflow_windows::Timestamp;

/// A step at run time.
pub(super) struct Running {
    pub(super) name: String,
    /// What runs it; a source has nothing.
    pub(super) step: Option<Box<dyn Step>>,
    pub(super) inputs: Vec<InputState>,
    pub(super) outputs: Vec<OutputState>,
    /// What it has made, one for each output.
    pub(super) outboxes: Vec<Outbox>,
    /// The watermark of its main inputs.
    pub(super) input_watermark: Timestamp,
    /// The watermark of its side inputs.
    pub(super) side_watermark: Timestamp,
    /// Where the watermarks of its main and side inputs stood in the snapshot that it was made from: they do not go back.
    pub(super) floor: (Timestamp, Timestamp),
    /// What it has let its side inputs' watermark be known of.
    pub(super) side_delivered: Timestamp,
    /// The watermark of its outputs.
    pub(super) watermark: Timestamp,
    /// Those after it need not wait for its watermark.
    pub(super) idle: bool,
    /// It may have output before any input comes.
    pub(super) pending: bool,
    /// How many batches its bundle has so far.
    pub(super) bundle: u32,
    pub(super) elements_in: Counter,
    /// The exchanges that its elements can come to without leaving the shard, and the steps on the way there.
    pub(super) reach: Reach,
}

/// What can be reached from a step without leaving the shard.
#[derive(Clone, Default)]
pub(super) struct Reach {
    pub(super) edges: Vec<EdgeId>,
    pub(super) nodes: Vec<NodeId>,
}

/// An input at run time.
pub(super) struct InputState {
    pub(super) role: Role,
    /// An input from a step of the same shard has one.
    pub(super) senders: Vec<Sender>,
}

/// Who sends elements to an input, as far as the input knows.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    pub(super) watermark: Timestamp,
    /// It has nothing for a while, so nobody waits for its watermark.
    pub(super) idle: bool,
}

/// An output at run time.
#[derive(Default)]
pub(super) struct OutputState {
    pub(super) to: Vec<Downstream>,
    /// How many of them, the first ones, leave a batch as it was.
    pub(super) looking: usize,
    pub(super) elements_out: Counter,
}

/// Where elements of an output go.
#[derive(Clone, Copy)]
pub(super) enum Downstream {
    Local(NodeId, usize),
    Exchange(EdgeId),
}

impl InputState {
    /// The watermark of the slowest sender, idle or not.
    fn watermark(&self) -> Timestamp {
        self.senders.iter().map(|s| s.watermark).min().unwrap_or(Timestamp::MAX)
    }
}

impl Running {
    pub(super) fn new(
        node: &Node,
        step: Option<Box<dyn Step>>,
        inputs: Vec<InputState>,
        context: &OperatorContext,
    ) -> Self {
        let output = |_| OutputState { elements_out: context.counter("elements_out"), ..OutputState::default() };
        let has_side = inputs.iter().any(|i| i.role == Role::Side);
        let side_watermark = if has_side { Timestamp::MIN } else { Timestamp::MAX };
        let side_delivered = side_watermark;
        Running {
            name: node.name.clone(),
            step,
            inputs,
            outputs: node.outputs.iter().map(output).collect(),
            outboxes: node.outputs.iter().map(|_| Outbox::default()).collect(),
            input_watermark: Timestamp::MIN,
            side_watermark,
            floor: (Timestamp::MIN, Timestamp::MIN),
            side_delivered,
            watermark: Timestamp::MIN,
            idle: false,
            pending: false,
            bundle: 0,
            elements_in: context.counter("elements_in"),
            reach: Reach::default(),
        }
    }

    /// The watermark of the inputs of a role: the least of all their senders that are not idle. None if they are.
    pub(super) fn watermark_of(&self, role: Role) -> Option<Timestamp> {
        let senders = self.inputs.iter().filter(|i| i.role == role).flat_map(|i| &i.senders);
        // One that has ended does not speak for one that is idle: more may come of that.
        let mut unfinished = senders.filter(|s| s.watermark < Timestamp::MAX).peekable();
        match unfinished.peek() {
            None => Some(Timestamp::MAX),
            Some(_) => unfinished.filter(|s| !s.idle).map(|s| s.watermark).min(),
        }
    }

    /// Whether those after it need not wait for it: its inputs are idle, it has nothing to come of its own accord, and its
    /// watermark is theirs, neither held back nor that of a clock of its own.
    pub(super) fn may_be_idle(&self) -> bool {
        self.watermark_of(Role::Main).is_none() && !self.pending && self.watermark == self.input_watermark
    }

    /// Whether all its input has come, and it has said that nothing more will come of it.
    pub(super) fn is_finished(&self) -> bool {
        self.watermark == Timestamp::MAX && self.inputs.iter().all(|input| input.watermark() == Timestamp::MAX)
    }

    pub(super) fn describe_inputs(&self) -> String {
        let one = |i: &InputState| match i.senders.iter().any(|s| s.idle) {
            true => format!("{} (partly idle)", i.watermark()),
            false => i.watermark().to_string(),
        };
        self.inputs.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
