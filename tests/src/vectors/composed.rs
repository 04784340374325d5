//! Scripts for a whole pipeline: a grouping, a program with state behind it, and a side input behind that.

use super::{Params, ProgramVector, Script, Trigger, WindowFn, Windowing};

/// A script for `window -> sum per key -> program with state -> look up in a windowed side input`. Its elements come to
/// the main input or to the side input.
#[derive(Clone, Debug)]
pub struct Composed {
    /// How the main input is windowed, and what happens.
    pub script: Script,
    /// Whether groups are summed up when they are whole, not element by element.
    pub from_groups: bool,
    /// Fixed windows of this size for the sums, for programs that take no sessions.
    pub again_ms: Option<i64>,
    /// The program.
    pub program: String,
    /// Its parameters.
    pub params: Params,
    /// The program that looks at the side input.
    pub side_program: String,
    /// How the side input is windowed.
    pub side_fn: WindowFn,
    /// How long after its end a window of the side input takes elements.
    pub side_lateness_ms: i64,
}

impl Composed {
    /// The program with state by itself.
    pub fn stateful(&self) -> ProgramVector {
        let again = self.again_ms.map(|size_ms| WindowFn::Fixed { size_ms, offset_ms: 0 });
        ProgramVector {
            name: "composed".to_owned(),
            tags: vec![],
            program: self.program.clone(),
            params: self.params.clone(),
            window_fn: again.unwrap_or_else(|| self.script.strategy.window_fn.clone()),
            allowed_lateness_ms: self.script.strategy.allowed_lateness_ms,
            events: vec![],
            expected: None,
            dropped: None,
            rejected: None,
            fails: None,
        }
    }
}

/// How the side input of a program is windowed.
pub fn side_strategy(program: &str, side_fn: &WindowFn, lateness_ms: i64) -> Windowing {
    let mut strategy = Windowing::of(side_fn.clone());
    strategy.allowed_lateness_ms = lateness_ms;
    strategy.accumulation = super::Accumulation::Accumulating;
    if program == "side_latest" {
        strategy.accumulation = super::Accumulation::Discarding;
        strategy.trigger = Trigger::Repeatedly { of: Box::new(Trigger::AfterCount { count: 1 }) };
    }
    strategy
}
