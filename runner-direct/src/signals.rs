//! Ctrl-C and SIGTERM.

use crate::shared::Control;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::sync::{Arc, Mutex, PoisonError};

/// The runs that signals are for. Handlers stay installed once they are, so without a run the signals' defaults are
/// carried out by hand.
static RUNS: Mutex<Runs> = Mutex::new(Runs { installed: false, live: Vec::new() });

struct Runs {
    installed: bool,
    live: Vec<Arc<Control>>,
}

/// While it lives, the first signal drains the run (SIGTERM has one with checkpoints take one and end) and the second one
/// ends it at once.
pub(crate) struct SignalGuard(Arc<Control>);

impl SignalGuard {
    pub(crate) fn install(control: Arc<Control>) -> std::io::Result<Self> {
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        if !runs.installed {
            let mut signals = Signals::new([SIGINT, SIGTERM])?;
            let handle = move || signals.forever().for_each(on_signal);
            std::thread::Builder::new().name("dataflow-signals".to_owned()).spawn(handle)?;
            runs.installed = true;
        }
        runs.live.push(control.clone());
        Ok(SignalGuard(control))
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        runs.live.retain(|control| !Arc::ptr_eq(control, &self.0));
    }
}

fn on_signal(signal: i32) {
    let runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    if runs.live.is_empty() {
        _ = emulate_default_handler(signal);
    }
    for control in &runs.live {
        if control.is_draining() || control.is_stopping() {
            tracing::warn!("stopping at once");
            control.cancel();
        } else if signal == SIGTERM && control.is_durable() {
            tracing::warn!("stopping after a checkpoint; once more to stop at once");
            control.stop();
        } else {
            tracing::warn!("stopping: what was read is worked off first; once more to stop at once");
            control.drain();
        }
    }
}
