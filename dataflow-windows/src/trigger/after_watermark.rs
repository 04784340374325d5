//! When the watermark reaches the end of the window, and by other triggers before and after that.

use super::{Trigger, TriggerContext, TriggerMachine, TriggerState};

/// Ready when the watermark reaches the end of the window.
///
/// With an [early](Self::early) trigger there are results before that, with a [late](Self::late) one after it. Both
/// start over after each result. Without a late trigger it is finished at the end.
///
/// ```
/// use dataflow_windows::{AfterCount, AfterProcessingTime, AfterWatermark, Duration, Trigger};
///
/// let trigger = AfterWatermark::past_end_of_window()
///     .early(AfterProcessingTime::delay(Duration::seconds(10)))
///     .late(AfterCount::at_least(1));
/// assert!(!Trigger::from(trigger).may_finish());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AfterWatermark {
    early: Option<Trigger>,
    late: Option<Trigger>,
}

impl AfterWatermark {
    /// When the watermark reaches the end of the window.
    pub const fn past_end_of_window() -> Self {
        AfterWatermark { early: None, late: None }
    }

    /// Also whenever `trigger` is ready before the end.
    #[must_use]
    pub fn early(self, trigger: impl Into<Trigger>) -> Self {
        AfterWatermark { early: Some(trigger.into()), ..self }
    }

    /// Also whenever `trigger` is ready after the result at the end.
    #[must_use]
    pub fn late(self, trigger: impl Into<Trigger>) -> Self {
        AfterWatermark { late: Some(trigger.into()), ..self }
    }
}

impl From<AfterWatermark> for Trigger {
    fn from(trigger: AfterWatermark) -> Self {
        let AfterWatermark { early, late } = trigger;
        Trigger::AfterWatermark { early: early.map(Box::new), late: late.map(Box::new) }
    }
}

/// Where its parts are. The bit of the trigger itself says that the result at the end is out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    pub(super) node: usize,
    pub(super) early: Option<usize>,
    pub(super) late: Option<usize>,
}

impl Parts {
    /// The one that runs now.
    #[inline]
    pub(super) fn active(self, state: &TriggerState) -> Option<usize> {
        if self.is_past_end(state) { self.late } else { self.early }
    }

    #[inline]
    pub(super) fn is_past_end(self, state: &TriggerState) -> bool {
        state.is_set(self.node)
    }
}

#[inline]
pub(super) fn on_elements(m: &TriggerMachine, p: Parts, state: &mut TriggerState, n: u64, context: &TriggerContext) {
    if let Some(active) = p.active(state) {
        m.elements(active, state, n, context);
    }
}

/// Past its end only if that is so in all parts, and for the new end too. Otherwise there are elements which have not
/// had their result on time, or there may be some.
pub(super) fn on_merge(
    m: &TriggerMachine,
    p: Parts,
    state: &mut TriggerState,
    parts: &[TriggerState],
    context: &TriggerContext,
) {
    if context.is_past_end() && parts.iter().all(|part| p.is_past_end(part)) {
        pass_end(m, p, state);
        if let Some(late) = p.late {
            m.merge(late, state, parts, context);
        }
    } else if let Some(early) = p.early {
        m.merge(early, state, parts, context);
        if m.has_finished(early, state) {
            // So it was left in all parts by their ends.
            m.reset(early, state);
        }
    }
}

#[inline]
pub(super) fn should_fire(m: &TriggerMachine, p: Parts, state: &TriggerState, context: &TriggerContext) -> bool {
    (context.is_past_end() && !p.is_past_end(state))
        || p.active(state).is_some_and(|active| m.is_ready(active, state, context))
}

#[inline]
pub(super) fn on_fire(m: &TriggerMachine, p: Parts, state: &mut TriggerState, context: &TriggerContext) {
    if context.is_past_end() && !p.is_past_end(state) {
        pass_end(m, p, state);
    } else if let Some(active) = p.active(state) {
        m.fire(active, state, context);
        m.reset(active, state);
    }
}

/// The late part takes over, from its beginning; without one this is all.
#[inline]
fn pass_end(m: &TriggerMachine, p: Parts, state: &mut TriggerState) {
    m.finish(p.node, state);
    if let Some(late) = p.late {
        m.reset(late, state);
    }
}
