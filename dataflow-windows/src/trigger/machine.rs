//! Runs triggers.

use super::after_watermark::Parts;
use super::{Trigger, TriggerContext, TriggerState};
use super::{
    after_all, after_any, after_count, after_each, after_processing_time, after_watermark, default, or_finally,
    repeatedly,
};
use crate::{Duration, Timestamp};

/// A trigger made ready to run: shared by all windows and keys, which have a [`TriggerState`] each.
///
/// For each bundle, key and window: [`on_merge`](Self::on_merge) if the window has changed,
/// [`on_elements`](Self::on_elements), and if then [`should_fire`](Self::should_fire), [`on_fire`](Self::on_fire) and
/// the result. The last two also when the end of the window is reached, and when a
/// [processing time](Self::for_each_processing_time) has passed that it waited for at any time since.
///
/// ```
/// use dataflow_windows::{AfterCount, Repeatedly, Timestamp, TriggerContext, TriggerMachine};
///
/// let machine = TriggerMachine::new(&Repeatedly::forever(AfterCount::at_least(3)).into());
/// let context =
///     TriggerContext { watermark: Timestamp::MIN, now: Timestamp::MIN, end: Timestamp::from_seconds(60) };
///
/// let mut state = machine.start();
/// machine.on_elements(&mut state, 2, &context);
/// assert!(!machine.should_fire(&state, &context));
/// machine.on_elements(&mut state, 2, &context);
/// assert!(machine.should_fire(&state, &context));
/// machine.on_fire(&mut state, &context);
/// assert_eq!(state, machine.start());
/// ```
#[derive(Clone, Debug)]
pub struct TriggerMachine {
    /// Each trigger stands before its parts, the whole one first. So what belongs to one lies in a row: nodes, bits
    /// and registers.
    nodes: Box<[Node]>,
    registers: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// The first node that is no part of it.
    end: usize,
    /// The first register of it, if it has any.
    register: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Default,
    Never,
    AfterCount(u64),
    AfterProcessingTime { delay: Duration, align_to: Option<Duration> },
    AfterWatermark(Parts),
    Repeatedly,
    AfterEach,
    AfterAll,
    AfterAny,
    OrFinally,
}

impl TriggerMachine {
    /// A machine that runs `trigger`, which is to be [checked](Trigger::check) before.
    pub fn new(trigger: &Trigger) -> Self {
        let (mut nodes, mut registers) = (Vec::new(), 0);
        flatten(trigger, &mut nodes, &mut registers);
        TriggerMachine { nodes: nodes.into(), registers }
    }

    /// The state before the first element.
    #[inline]
    pub fn start(&self) -> TriggerState {
        TriggerState::with_registers(self.registers)
    }

    /// So many elements have come in one bundle.
    #[inline]
    pub fn on_elements(&self, state: &mut TriggerState, elements: u64, context: &TriggerContext) {
        if !self.is_finished(state) {
            self.elements(ROOT, state, elements, context);
        }
    }

    /// Windows have become the one of the context: the state of all of them.
    ///
    /// To be called also if one window has only become longer. A window that has just begun with the bundle at hand is
    /// no part: its elements are told by [`on_elements`](Self::on_elements) to the state of all.
    ///
    /// Whatever is finished in some parts only goes on where it is not; what was finished has had its result.
    pub fn on_merge(&self, parts: &[TriggerState], context: &TriggerContext) -> TriggerState {
        let mut state = self.start();
        if !parts.is_empty() {
            self.merge(ROOT, &mut state, parts, context);
        }
        state
    }

    /// Whether a pane is to be given out now.
    #[inline]
    pub fn should_fire(&self, state: &TriggerState, context: &TriggerContext) -> bool {
        !self.is_finished(state) && self.is_ready(ROOT, state, context)
    }

    /// A pane is given out, as [`should_fire`](Self::should_fire) said.
    #[inline]
    pub fn on_fire(&self, state: &mut TriggerState, context: &TriggerContext) {
        self.fire(ROOT, state, context);
    }

    /// Whether it will never fire again.
    #[inline]
    pub fn is_finished(&self, state: &TriggerState) -> bool {
        self.has_finished(ROOT, state)
    }

    /// Whether it is to be asked when the watermark reaches the end of the window.
    pub fn waits_for_end_of_window(&self, state: &TriggerState) -> bool {
        let mut waits = false;
        self.for_each_active(ROOT, state, &mut |kind, _| {
            waits |= match kind {
                Kind::Default => true,
                Kind::AfterWatermark(parts) => !parts.is_past_end(state),
                _ => false,
            };
        });
        waits
    }

    /// The earliest processing time from `now` on after which (strictly) it may be ready, if it waits for one.
    ///
    /// Times that have passed are left out: if it was not ready then, it will not be without something else.
    pub fn next_processing_time_from(&self, state: &TriggerState, now: Timestamp) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        self.for_each_processing_time(state, |due| {
            if due >= now {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        });
        next
    }

    /// For how long nothing will come of a trigger that was just found not ready before the end of the window: as long as
    /// that is not reached, processing time is not after the returned one, and no more elements come. For those it does
    /// not matter when [`on_elements`](Self::on_elements) is told of them.
    ///
    /// ```
    /// use dataflow_windows::{AfterCount, Repeatedly, Timestamp, TriggerContext, TriggerMachine};
    ///
    /// let machine = TriggerMachine::new(&Repeatedly::forever(AfterCount::at_least(10)).into());
    /// let context =
    ///     TriggerContext { watermark: Timestamp::MIN, now: Timestamp::MIN, end: Timestamp::from_seconds(60) };
    /// let mut state = machine.start();
    /// machine.on_elements(&mut state, 3, &context);
    /// assert_eq!(machine.quiet(&state), (Timestamp::MAX, 6));
    /// ```
    #[inline]
    pub fn quiet(&self, state: &TriggerState) -> (Timestamp, u64) {
        let (mut until, mut elements) = (Timestamp::MAX, u64::MAX);
        self.for_each_active(ROOT, state, &mut |kind, register| match kind {
            Kind::AfterCount(at_least) => {
                elements = elements.min(at_least.saturating_sub(1).saturating_sub(state.count(register)));
            }
            Kind::AfterProcessingTime { delay, align_to } => {
                match after_processing_time::due(state, register, delay, align_to) {
                    Some(due) => until = until.min(due),
                    None => elements = 0,
                }
            }
            // What these are made of may have its turn with a change of another part, or keep its own count when finished.
            Kind::AfterEach | Kind::AfterAll | Kind::AfterAny | Kind::OrFinally => elements = 0,
            Kind::Default | Kind::Never | Kind::AfterWatermark(_) | Kind::Repeatedly => {}
        });
        (until, elements)
    }

    /// Calls `each` with the processing times after which (strictly) a part of it is ready that has its turn now.
    ///
    /// To be called for each bundle, between [`on_elements`](Self::on_elements) and [`should_fire`](Self::should_fire): a
    /// time that is still to come is to be kept then, and the trigger looked at when it has passed, also if it does not
    /// wait for it any more. As in Beam, such a look may find that another part is ready.
    ///
    /// ```
    /// use dataflow_windows::{AfterProcessingTime, Duration, Timestamp, TriggerContext, TriggerMachine};
    ///
    /// let machine = TriggerMachine::new(&AfterProcessingTime::delay(Duration::seconds(10)).into());
    /// let now = Timestamp::from_seconds(5);
    /// let context = TriggerContext { watermark: Timestamp::MIN, now, end: Timestamp::from_seconds(60) };
    /// let mut state = machine.start();
    /// machine.on_elements(&mut state, 2, &context);
    /// let mut times = Vec::new();
    /// machine.for_each_processing_time(&state, |due| times.push(due));
    /// assert_eq!(times, [Timestamp::from_seconds(15)]);
    /// ```
    pub fn for_each_processing_time(&self, state: &TriggerState, mut each: impl FnMut(Timestamp)) {
        self.for_each_active(ROOT, state, &mut |kind, register| {
            if let Kind::AfterProcessingTime { delay, align_to } = kind {
                after_processing_time::due(state, register, delay, align_to).into_iter().for_each(&mut each);
            }
        });
    }
}

const ROOT: usize = 0;

/// What the triggers are made of: the same for one part.
impl TriggerMachine {
    pub(super) fn elements(&self, node: usize, state: &mut TriggerState, n: u64, context: &TriggerContext) {
        let Node { kind, register, .. } = self.nodes[node];
        match kind {
            Kind::Default | Kind::Never => {}
            Kind::AfterCount(_) => after_count::on_elements(state, register, n),
            Kind::AfterProcessingTime { .. } => after_processing_time::on_elements(state, register, context),
            Kind::AfterWatermark(parts) => after_watermark::on_elements(self, parts, state, n, context),
            Kind::AfterEach => after_each::on_elements(self, node, state, n, context),
            Kind::Repeatedly | Kind::AfterAll | Kind::AfterAny | Kind::OrFinally => {
                self.children(node).for_each(|child| self.elements(child, state, n, context));
            }
        }
    }

    /// Fills the state of `node`, which is that of the start.
    pub(super) fn merge(
        &self,
        node: usize,
        state: &mut TriggerState,
        parts: &[TriggerState],
        context: &TriggerContext,
    ) {
        let Node { kind, register, .. } = self.nodes[node];
        if let Kind::AfterWatermark(p) = kind {
            return after_watermark::on_merge(self, p, state, parts, context);
        }
        if parts.iter().all(|part| part.is_set(node)) {
            return self.finish(node, state);
        }
        match kind {
            Kind::Default | Kind::Never | Kind::AfterWatermark(_) => {}
            Kind::AfterCount(_) => after_count::on_merge(state, register, parts),
            Kind::AfterProcessingTime { .. } => after_processing_time::on_merge(state, register, parts),
            Kind::AfterEach => after_each::on_merge(self, node, state, parts, context),
            Kind::Repeatedly | Kind::AfterAll | Kind::AfterAny | Kind::OrFinally => {
                self.children(node).for_each(|child| self.merge(child, state, parts, context));
            }
        }
    }

    pub(super) fn is_ready(&self, node: usize, state: &TriggerState, context: &TriggerContext) -> bool {
        let Node { kind, register, .. } = self.nodes[node];
        match kind {
            Kind::Default => default::should_fire(context),
            Kind::Never => false,
            Kind::AfterCount(at_least) => after_count::should_fire(state, register, at_least),
            Kind::AfterProcessingTime { delay, align_to } => {
                let due = after_processing_time::due(state, register, delay, align_to);
                after_processing_time::should_fire(due, context)
            }
            Kind::AfterWatermark(parts) => after_watermark::should_fire(self, parts, state, context),
            Kind::Repeatedly => self.is_ready(self.first_child(node), state, context),
            Kind::AfterEach => after_each::should_fire(self, node, state, context),
            Kind::AfterAll => after_all::should_fire(self, node, state, context),
            Kind::AfterAny => after_any::should_fire(self, node, state, context),
            Kind::OrFinally => or_finally::should_fire(self, node, state, context),
        }
    }

    pub(super) fn fire(&self, node: usize, state: &mut TriggerState, context: &TriggerContext) {
        match self.nodes[node].kind {
            Kind::Default | Kind::Never => {}
            // These fire once, and whatever their parts have seen is given out with that.
            Kind::AfterCount(_) | Kind::AfterProcessingTime { .. } | Kind::AfterAll | Kind::AfterAny => {
                self.finish(node, state);
            }
            Kind::AfterWatermark(parts) => after_watermark::on_fire(self, parts, state, context),
            Kind::Repeatedly => repeatedly::on_fire(self, node, state, context),
            Kind::AfterEach => after_each::on_fire(self, node, state, context),
            Kind::OrFinally => or_finally::on_fire(self, node, state, context),
        }
    }

    #[inline]
    pub(super) fn has_finished(&self, node: usize, state: &TriggerState) -> bool {
        state.is_set(node) && !matches!(self.nodes[node].kind, Kind::AfterWatermark(Parts { late: Some(_), .. }))
    }

    /// Sets the bits of all its parts too: merged with others, they have nothing to say.
    #[inline]
    pub(super) fn finish(&self, node: usize, state: &mut TriggerState) {
        self.set_all(node, state, true);
    }

    /// Back to the start.
    #[inline]
    pub(super) fn reset(&self, node: usize, state: &mut TriggerState) {
        self.set_all(node, state, false);
    }

    #[inline]
    fn set_all(&self, node: usize, state: &mut TriggerState, finished: bool) {
        let Node { end, register, .. } = self.nodes[node];
        state.set(node, end, finished);
        state.clear_registers(register, self.nodes.get(end).map_or(self.registers, |next| next.register));
    }

    fn for_each_active(&self, node: usize, state: &TriggerState, then: &mut impl FnMut(Kind, usize)) {
        let Node { kind, register, .. } = self.nodes[node];
        if self.has_finished(node, state) {
            return;
        }
        then(kind, register);
        match kind {
            Kind::AfterWatermark(parts) => {
                parts.active(state).into_iter().for_each(|part| self.for_each_active(part, state, then));
            }
            Kind::AfterEach => {
                let active = after_each::active(self, node, state);
                active.into_iter().for_each(|child| self.for_each_active(child, state, then));
            }
            _ => self.children(node).for_each(|child| self.for_each_active(child, state, then)),
        }
    }

    #[inline]
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> + use<'_> {
        let within = move |child: &usize| *child < self.nodes[node].end;
        let first = Some(self.first_child(node)).filter(within);
        std::iter::successors(first, move |&child| Some(self.next_sibling(child)).filter(within))
    }

    #[inline]
    pub(super) fn first_child(&self, node: usize) -> usize {
        node + 1
    }

    #[inline]
    pub(super) fn next_sibling(&self, node: usize) -> usize {
        self.nodes[node].end
    }
}

/// Adds a trigger and then its parts.
fn flatten(trigger: &Trigger, nodes: &mut Vec<Node>, registers: &mut usize) {
    let (node, register) = (nodes.len(), *registers);
    nodes.push(Node { kind: Kind::Never, end: node, register });
    let mut add = |part: &Trigger, nodes: &mut Vec<Node>| {
        let at = nodes.len();
        flatten(part, nodes, registers);
        at
    };
    let kind = match trigger {
        Trigger::Default => Kind::Default,
        Trigger::Never => Kind::Never,
        Trigger::AfterCount(at_least) => Kind::AfterCount(*at_least),
        Trigger::AfterProcessingTime { delay, align_to } => {
            Kind::AfterProcessingTime { delay: *delay, align_to: *align_to }
        }
        Trigger::AfterWatermark { early, late } => {
            let early = early.as_deref().map(|early| add(early, nodes));
            Kind::AfterWatermark(Parts { node, early, late: late.as_deref().map(|late| add(late, nodes)) })
        }
        Trigger::Repeatedly(inner) => {
            add(inner, nodes);
            Kind::Repeatedly
        }
        Trigger::AfterEach(parts) | Trigger::AfterAll(parts) | Trigger::AfterAny(parts) => {
            parts.iter().for_each(|part| {
                add(part, nodes);
            });
            match trigger {
                Trigger::AfterEach(_) => Kind::AfterEach,
                Trigger::AfterAll(_) => Kind::AfterAll,
                _ => Kind::AfterAny,
            }
        }
        Trigger::OrFinally(main, until) => {
            add(main, nodes);
            add(until, nodes);
            Kind::OrFinally
        }
    };
    if matches!(kind, Kind::AfterCount(_) | Kind::AfterProcessingTime { .. }) {
        *registers += 1;
    }
    let end = nodes.len();
    nodes[node] = Node { kind, end, register };
}
