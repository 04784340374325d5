//! Windows and panes that an assertion is about.

use dataflow_core::Element;
use dataflow_windows::{Timing, Window};

/// Which elements an assertion is about.
#[derive(Clone, Copy)]
pub(super) enum Part {
    All,
    Window(Window),
    Timing(Window, Timing),
    Final(Window),
    Only(Window),
    NonLate(Window),
}

impl Part {
    pub(super) fn has<T>(self, element: &Element<T>) -> bool {
        match self {
            Part::All => true,
            Part::Window(w) | Part::Only(w) => element.window() == w,
            Part::Timing(w, timing) => element.window() == w && element.pane.timing == timing,
            Part::Final(w) => element.window() == w && element.pane.is_last,
            Part::NonLate(w) => element.window() == w && element.pane.timing != Timing::Late,
        }
    }

    pub(super) fn describe(self) -> String {
        match self {
            Part::All => String::new(),
            Part::Window(w) => format!(", in {w}"),
            Part::Timing(w, Timing::Early) => format!(", in the early panes of {w}"),
            Part::Timing(w, Timing::Late) => format!(", in the late panes of {w}"),
            Part::Timing(w, _) => format!(", in the on-time pane of {w}"),
            Part::Final(w) => format!(", in the final pane of {w}"),
            Part::Only(w) => format!(", in the only pane of {w}"),
            Part::NonLate(w) => format!(", in the panes of {w} that are not late"),
        }
    }

    /// What is wrong with the panes, whatever is in them.
    pub(super) fn wrong_panes<T>(self, of_part: &[Element<T>]) -> Option<String> {
        let further = of_part.iter().filter(|e| !e.pane.is_first).count();
        match self {
            Part::Only(_) if further > 0 => {
                Some(format!("it has more than one pane: {further} of {} came after the first", of_part.len()))
            }
            _ => None,
        }
    }

    /// What explains that nothing is where it was looked for.
    pub(super) fn hint<T>(self, all: &[Element<T>]) -> &'static str {
        match self {
            Part::Final(w) if all.iter().any(|e| e.window() == w) && !all.iter().any(|e| self.has(e)) => {
                "\n  no pane of the window is known to be the last: with `.closing(ClosingBehavior::FireAlways)` in its \
                 windowing there is always one"
            }
            _ => "",
        }
    }
}
