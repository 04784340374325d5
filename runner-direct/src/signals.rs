//! Ctrl-C and SIGTERM.

use crate::shared::Control;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::sync::Arc;

/// While it lives, the first signal drains the run and the second one ends it at once.
pub(crate) struct SignalGuard(Handle);

impl SignalGuard {
    pub(crate) fn install(control: Arc<Control>) -> std::io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        std::thread::Builder::new().name("dataflow-signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if control.is_draining() {
                    tracing::warn!("stopping at once");
                    control.cancel();
                } else {
                    tracing::warn!("stopping: what was read is worked off first; once more to stop at once");
                    control.drain();
                }
            }
        })?;
        Ok(SignalGuard(handle))
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}
