//! How batches and watermarks go from step to step.

use super::running::Downstream;
use super::{Executor, Work};
use dataflow_core::graph::{NodeId, Role};
use dataflow_core::plane::{ErasedBatch, Outbox, Step};
use dataflow_core::{Error, Result};
use dataflow_windows::Timestamp;

impl Executor {
    /// Gives a batch to a step, and what it makes of it to those after it.
    pub(super) fn deliver(&mut self, node: NodeId, input: usize, batch: &mut dyn ErasedBatch) -> Result<()> {
        let role = self.nodes[node.0].inputs[input].role;
        let running = &mut self.nodes[node.0];
        running.bundle += 1;
        let bundle = running.bundle;
        self.work = Work::Batch { len: batch.len(), bounds: batch.bounds() };
        self.run(node, |step, out| match role {
            Role::Main => step.batch(batch, out),
            Role::Side => step.side_batch(batch, out),
        })?;
        self.emit(node)?;
        if bundle >= self.bundle_batches { self.finish_bundle(node) } else { Ok(()) }
    }

    /// Passes on what a step has made.
    pub(super) fn emit(&mut self, node: NodeId) -> Result<()> {
        for port in 0..self.nodes[node.0].outputs.len() {
            while let Some(mut batch) = self.nodes[node.0].outboxes[port].pop() {
                let output = &self.nodes[node.0].outputs[port];
                output.elements_out.add(batch.len() as u64);
                let (users, looking) = (output.to.len(), output.looking);
                for user in 0..users {
                    let to = self.nodes[node.0].outputs[port].to[user];
                    if user >= looking && user + 1 < users {
                        let mut copy = batch.duplicate();
                        copy.set_last(true);
                        self.pass(node, to, &mut copy)?;
                    } else {
                        batch.set_last(user + 1 == users);
                        self.pass(node, to, &mut batch)?;
                    }
                }
                self.nodes[node.0].outboxes[port].recycle(batch);
            }
        }
        Ok(())
    }

    fn pass(&mut self, from: NodeId, to: Downstream, batch: &mut dataflow_core::plane::AnyBatch) -> Result<()> {
        match to {
            Downstream::Local(node, input) => {
                self.nodes[node.0].elements_in.add(batch.len() as u64);
                self.deliver(node, input, &mut **batch)
            }
            Downstream::Exchange(edge) => {
                let edge = &mut self.edges[edge.0];
                // Finding the key is the work of the step that needs it.
                self.current = edge.to.0;
                self.work = Work::Batch { len: batch.len(), bounds: batch.bounds() };
                if edge.is_dealt() {
                    self.nodes[edge.to.0.0].elements_in.add(batch.len() as u64);
                }
                edge.send(batch)?;
                self.current = from;
                Ok(())
            }
        }
    }

    /// Notes the watermark of one sender of an input; if the step's own moves thereby, tells it.
    pub(super) fn advance_input(&mut self, node: NodeId, input: usize, sender: usize, to: Timestamp) -> Result<()> {
        let known = &mut self.nodes[node.0].inputs[input].senders[sender].watermark;
        *known = (*known).max(to);
        self.learn_inputs(node)
    }

    /// Notes whether one sender of an input is idle. The step's watermark may move thereby; it never goes back.
    pub(super) fn idle_input(&mut self, node: NodeId, input: usize, sender: usize, idle: bool) -> Result<()> {
        self.knows_idle = true;
        self.nodes[node.0].inputs[input].senders[sender].idle = idle;
        self.learn_inputs(node)
    }

    /// Finds out whether the watermark of a step's inputs has moved, and tells it.
    pub(super) fn learn_inputs(&mut self, node: NodeId) -> Result<()> {
        let running = &self.nodes[node.0];
        let main = running.watermark_of(Role::Main).unwrap_or(running.input_watermark).max(running.floor.0);
        let side = running.watermark_of(Role::Side).unwrap_or(running.side_watermark).max(running.floor.1);
        if main > running.input_watermark || side > running.side_watermark {
            self.end_bundle(node)?;
            let running = &mut self.nodes[node.0];
            running.input_watermark = running.input_watermark.max(main);
            running.side_watermark = running.side_watermark.max(side);
            self.advance(node)?;
        }
        self.learn_idle(node)
    }

    /// Finds out whether a step has become idle, or ceased to be, and tells those after it.
    fn learn_idle(&mut self, node: NodeId) -> Result<()> {
        let running = &self.nodes[node.0];
        if self.knows_idle && running.step.is_some() && running.may_be_idle() != running.idle {
            self.idle_output(node, !self.nodes[node.0].idle)?;
        }
        Ok(())
    }

    /// Notes whether those after a step need to wait for it, and tells them.
    pub(super) fn idle_output(&mut self, node: NodeId, idle: bool) -> Result<()> {
        if std::mem::replace(&mut self.nodes[node.0].idle, idle) == idle {
            return Ok(());
        }
        for port in 0..self.nodes[node.0].outputs.len() {
            for user in 0..self.nodes[node.0].outputs[port].to.len() {
                match self.nodes[node.0].outputs[port].to[user] {
                    Downstream::Local(next, input) => self.idle_input(next, input, 0, idle)?,
                    Downstream::Exchange(edge) => {
                        self.current = self.edges[edge.0].to.0;
                        self.edges[edge.0].send_idle(idle)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells a step its watermarks, until it has emitted all it has to or there is no more room.
    pub(super) fn advance(&mut self, node: NodeId) -> Result<()> {
        loop {
            let running = &mut self.nodes[node.0];
            let (main, side) = (running.input_watermark, running.side_watermark);
            let side_moved = std::mem::replace(&mut running.side_delivered, side) < side;
            self.work = Work::Watermark(main);
            let advance = self.run(node, |step, out| {
                if side_moved { step.side_watermark(side, main, out) } else { step.watermark(main, out) }
            })?;
            self.emit(node)?;
            self.nodes[node.0].pending = advance.pending || advance.more;
            self.advance_output(node, advance.watermark)?;
            if !advance.more {
                return self.learn_idle(node); // it may have let go of what it held
            }
            if !self.has_room_after(node) {
                if !self.unfinished.contains(&node) {
                    self.unfinished.push_back(node);
                }
                return Ok(());
            }
        }
    }

    /// The watermark of a step's outputs has come to `to`: tells those after it.
    pub(super) fn advance_output(&mut self, node: NodeId, to: Timestamp) -> Result<()> {
        if to <= self.nodes[node.0].watermark {
            return Ok(());
        }
        self.nodes[node.0].watermark = to;
        for port in 0..self.nodes[node.0].outputs.len() {
            for user in 0..self.nodes[node.0].outputs[port].to.len() {
                match self.nodes[node.0].outputs[port].to[user] {
                    Downstream::Local(next, input) => self.advance_input(next, input, 0, to)?,
                    Downstream::Exchange(edge) => {
                        self.current = self.edges[edge.0].to.0;
                        self.edges[edge.0].send_watermark(to)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the bundle of a step, if it has one. What held its watermark may be done with then.
    pub(super) fn finish_bundle(&mut self, node: NodeId) -> Result<()> {
        if self.end_bundle(node)? { self.advance(node) } else { Ok(()) }
    }

    /// Returns whether there was a bundle to end.
    fn end_bundle(&mut self, node: NodeId) -> Result<bool> {
        if std::mem::take(&mut self.nodes[node.0].bundle) == 0 {
            return Ok(false);
        }
        self.work = Work::Other("at the end of a bundle");
        self.run(node, |step, out| step.finish_bundle(out))?;
        self.emit(node)?;
        Ok(true)
    }

    /// Calls a step with its outboxes.
    pub(super) fn run<R>(
        &mut self,
        node: NodeId,
        call: impl FnOnce(&mut dyn Step, &mut [Outbox]) -> Result<R>,
    ) -> Result<R> {
        self.current = node;
        let running = &mut self.nodes[node.0];
        match &mut running.step {
            Some(step) => call(&mut **step, &mut running.outboxes),
            None => Err(Error::internal("a source was called as if it were an operator")),
        }
    }
}
