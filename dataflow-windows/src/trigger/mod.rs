//! Triggers: when the elements of a window are given out.

use crate::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// When a pane of a window is given out.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Trigger {
    /// Whenever the watermark has passed the end of the window and there is something new.
    #[default]
    Default,
    /// Never: everything comes out when the window expires.
    Never,
    /// When so many elements have come.
    AfterCount(u64),
    /// Some time after the first element of a pane.
    AfterProcessingTime {
        /// How long after it.
        delay: Duration,
        /// The time is put off to the next multiple of this period.
        align_to: Option<Duration>,
    },
    /// When the watermark passes the end of the window, and by other triggers before and after that.
    AfterWatermark {
        /// Before the end, again and again.
        early: Option<Box<Trigger>>,
        /// After the end, again and again.
        late: Option<Box<Trigger>>,
    },
    /// Starts over when the inner one is finished.
    Repeatedly(Box<Trigger>),
    /// One after the other.
    AfterEach(Vec<Trigger>),
    /// When all are ready.
    AfterAll(Vec<Trigger>),
    /// When one is ready.
    AfterAny(Vec<Trigger>),
    /// The first one, until the second is ready, which ends it.
    OrFinally(Box<Trigger>, Box<Trigger>),
}

/// What a trigger may look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TriggerContext {
    /// The watermark.
    pub watermark: Timestamp,
    /// Processing time.
    pub now: Timestamp,
    /// The end of the window.
    pub end: Timestamp,
}

/// A trigger made ready to run: shared by all windows and keys, which have a [`TriggerState`] each.
#[derive(Clone, Debug)]
pub struct TriggerMachine;

/// How far the trigger of one key and window is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TriggerState;

impl TriggerMachine {
    /// A machine that runs `trigger`.
    pub fn new(_trigger: &Trigger) -> Self {
        todo!()
    }

    /// The state before the first element.
    pub fn start(&self) -> TriggerState {
        todo!()
    }

    /// So many elements have come in one bundle.
    pub fn on_elements(&self, _state: &mut TriggerState, _elements: u64, _context: &TriggerContext) {
        todo!()
    }

    /// Windows have been joined to the one of the context: the state of all of them.
    pub fn on_merge(&self, _parts: &[TriggerState], _context: &TriggerContext) -> TriggerState {
        todo!()
    }

    /// Whether a pane is to be given out now.
    pub fn should_fire(&self, _state: &TriggerState, _context: &TriggerContext) -> bool {
        todo!()
    }

    /// A pane is given out, as [`should_fire`](Self::should_fire) said.
    pub fn on_fire(&self, _state: &mut TriggerState, _context: &TriggerContext) {
        todo!()
    }

    /// Whether it will never fire again.
    pub fn is_finished(&self, _state: &TriggerState) -> bool {
        todo!()
    }

    /// Whether it is to be asked when the watermark reaches the end of the window.
    pub fn waits_for_end_of_window(&self, _state: &TriggerState) -> bool {
        todo!()
    }

    /// The earliest processing time after which (strictly) it may be ready, if it waits for one.
    pub fn next_processing_time(&self, _state: &TriggerState, _now: Timestamp) -> Option<Timestamp> {
        todo!()
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
