//! Triggers, read off the rules: each part keeps what it has seen, and is asked whether it is ready.

use crate::vectors::{Trigger, WindowFn, Windowing};

/// What a trigger may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// The watermark.
    pub(super) watermark: i64,
    /// Processing time.
    pub(super) processing: i64,
    /// The last timestamp of the window.
    pub(super) max: i64,
}

impl Now {
    fn is_past_end(&self) -> bool {
        self.watermark > self.max
    }
}

/// Where the trigger of one key and window stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    trigger: Trigger,
    /// Will not be ready again until it is reset.
    finished: bool,
    /// Elements since the last reset.
    count: u64,
    /// Processing time at the first element since the last reset.
    first_at: Option<i64>,
    /// Of `after_watermark`: fired past the end.
    is_late: bool,
    /// The parts; of `after_watermark` early and late, of `or_finally` the main one and `until`.
    parts: Vec<Standing>,
}

impl Standing {
    pub(super) fn start(trigger: &Trigger) -> Self {
        let never = || Box::new(Trigger::Never {});
        let parts: Vec<&Trigger> = match trigger {
            Trigger::AfterEach { of } | Trigger::AfterAll { of } | Trigger::AfterAny { of } => of.iter().collect(),
            Trigger::Repeatedly { of } => vec![of],
            Trigger::OrFinally { of, until } => vec![of, until],
            Trigger::AfterWatermark { early, late } => {
                let part = |t: &Option<Box<Trigger>>| t.clone().unwrap_or_else(never);
                let parts = [part(early), part(late)].iter().map(|t| Standing::start(t)).collect();
                return Standing { parts, ..Standing::alone(trigger) };
            }
            _ => vec![],
        };
        Standing { parts: parts.into_iter().map(Standing::start).collect(), ..Standing::alone(trigger) }
    }

    fn alone(trigger: &Trigger) -> Self {
        let trigger = trigger.clone();
        Standing { trigger, finished: false, count: 0, first_at: None, is_late: false, parts: vec![] }
    }

    fn reset(&mut self) {
        *self = Standing::start(&self.trigger);
    }

    /// What it and its parts have seen is done with, also if it is joined with one that is not finished.
    fn finish(&mut self) {
        self.reset();
        self.finished = true;
        self.is_late = true;
        self.parts.iter_mut().for_each(Standing::finish);
    }

    /// The part whose turn it is, of triggers that have their parts one after the other.
    fn turn(&mut self) -> Option<&mut Standing> {
        match self.trigger {
            Trigger::AfterWatermark { .. } => self.parts.get_mut(usize::from(self.is_late)),
            _ => self.parts.iter_mut().find(|p| !p.finished),
        }
    }

    /// An element comes. Returns whether a part whose turn it is waits for the end of the window.
    pub(super) fn element(&mut self, now: Now) -> bool {
        if self.finished {
            return false;
        }
        self.count += 1;
        self.first_at.get_or_insert(now.processing);
        match self.trigger {
            Trigger::AfterWatermark { .. } => {
                self.turn().into_iter().for_each(|p| _ = p.element(now));
                !now.is_past_end()
            }
            Trigger::Default {} => !now.is_past_end(),
            Trigger::AfterEach { .. } => self.turn().is_some_and(|p| p.element(now)),
            _ => self.parts.iter_mut().map(|p| p.element(now)).fold(false, |a, b| a | b),
        }
    }

    /// The processing times that parts wait for to be passed.
    pub(super) fn awaited(&self) -> Vec<i64> {
        if self.finished {
            return vec![];
        }
        let own = match (&self.trigger, self.first_at) {
            (Trigger::AfterProcessingTime { delay_ms }, Some(t)) => Some(t + delay_ms),
            _ => None,
        };
        own.into_iter().chain(self.parts.iter().flat_map(Standing::awaited)).collect()
    }

    pub(super) fn is_ready(&self, now: Now) -> bool {
        if self.finished {
            return false;
        }
        match &self.trigger {
            Trigger::Default {} => now.is_past_end(),
            Trigger::Never {} => false,
            Trigger::AfterCount { count } => self.count >= *count,
            Trigger::AfterProcessingTime { delay_ms } => self.first_at.is_some_and(|t| now.processing > t + delay_ms),
            Trigger::AfterWatermark { .. } if self.is_late => self.parts[1].is_ready(now),
            Trigger::AfterWatermark { .. } => now.is_past_end() || self.parts[0].is_ready(now),
            Trigger::AfterEach { .. } => self.parts.iter().find(|p| !p.finished).is_some_and(|p| p.is_ready(now)),
            Trigger::AfterAll { .. } => self.parts.iter().all(|p| p.finished || p.is_ready(now)),
            Trigger::Repeatedly { .. } | Trigger::AfterAny { .. } | Trigger::OrFinally { .. } => {
                self.parts.iter().any(|p| p.is_ready(now))
            }
        }
    }

    /// To be called when it is ready.
    pub(super) fn fire(&mut self, now: Now) {
        match &self.trigger {
            Trigger::Default {} | Trigger::Never {} => {}
            Trigger::AfterCount { .. }
            | Trigger::AfterProcessingTime { .. }
            | Trigger::AfterAll { .. }
            | Trigger::AfterAny { .. } => self.finish(),
            Trigger::AfterWatermark { .. } if self.is_late => {
                self.parts[1].fire(now);
                self.parts[1].reset();
            }
            Trigger::AfterWatermark { late, .. } => {
                if now.is_past_end() {
                    self.is_late = true;
                    self.finished = late.is_none();
                }
                self.parts.iter_mut().for_each(Standing::reset);
            }
            Trigger::AfterEach { .. } => {
                self.turn().into_iter().for_each(|p| p.fire(now));
                self.finished = self.parts.iter().all(|p| p.finished);
            }
            Trigger::Repeatedly { .. } => {
                self.parts[0].fire(now);
                if self.parts[0].finished {
                    self.parts[0].reset();
                }
            }
            Trigger::OrFinally { .. } => {
                if !self.parts[1].is_ready(now) {
                    self.parts[0].fire(now);
                    if !self.parts[0].finished {
                        return;
                    }
                }
                self.finish();
            }
        }
    }

    /// The trigger of a window that these windows have become.
    pub(super) fn merged(windows: &[Standing], now: Now) -> Standing {
        let mut merged = Standing::start(&windows[0].trigger);
        merged.finished = windows.iter().all(|w| w.finished);
        merged.count = windows.iter().map(|w| w.count).sum();
        merged.first_at = windows.iter().filter_map(|w| w.first_at).min();
        // Past its end only if that is so in all, and of the new window.
        merged.is_late = now.is_past_end() && windows.iter().all(|w| w.is_late);
        if let Trigger::AfterWatermark { .. } = merged.trigger {
            merged.finished &= merged.is_late;
        }
        for at in 0..merged.parts.len() {
            let parts: Vec<Standing> = windows.iter().map(|w| w.parts[at].clone()).collect();
            merged.parts[at] = Standing::merged(&parts, now);
        }
        match merged.trigger {
            Trigger::AfterWatermark { .. } if !merged.is_late => merged.parts[1].reset(),
            // What comes after the one whose turn it is has not begun.
            Trigger::AfterEach { .. } => {
                let turn = merged.parts.iter().position(|p| !p.finished).unwrap_or(merged.parts.len());
                merged.parts.iter_mut().skip(turn + 1).for_each(Standing::reset);
            }
            _ => {}
        }
        merged
    }
}

/// Whether a grouping of endless data with this strategy is refused, and why.
pub fn refused(strategy: &Windowing) -> Option<String> {
    let trigger = &strategy.trigger;
    if strategy.window_fn == (WindowFn::Global {}) && *trigger == (Trigger::Default {}) {
        return Some("the default trigger never fires in the global window".to_owned());
    }
    let is_excepted = match trigger {
        Trigger::Never {} => true,
        Trigger::AfterWatermark { .. } => strategy.allowed_lateness_ms == 0,
        _ => false,
    };
    (may_finish(trigger) && !is_excepted).then(|| "the trigger may finish before the window expires".to_owned())
}

fn may_finish(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::Default {} | Trigger::Repeatedly { .. } => false,
        Trigger::AfterWatermark { late, .. } => late.is_none(),
        Trigger::OrFinally { of, until } => may_finish(of) || may_finish(until),
        Trigger::AfterEach { of } => of.iter().all(may_finish),
        _ => true,
    }
}
