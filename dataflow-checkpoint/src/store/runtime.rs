//! Waits for what object stores do asynchronously.

use std::sync::LazyLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// One for the whole process, as connections that are kept belong to the one they were opened in.
static RUNTIME: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build());

/// Waits on this thread for the end of `work`.
pub(crate) fn wait<T: Send>(work: impl Future<Output = object_store::Result<T>> + Send) -> object_store::Result<T> {
    let runtime = RUNTIME
        .as_ref()
        .map_err(|e| object_store::Error::Generic { store: "runtime", source: e.to_string().into() })?;
    if Handle::try_current().is_err() {
        return runtime.block_on(work);
    }
    // Somebody else's runtime is on this thread, and must not be blocked by another one.
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(work)).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
