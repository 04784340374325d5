//! SQL over the lake.

use anyhow::{Result, bail};

use super::options::QueryOptions;

/// Runs a query and prints its result.
///
/// # Errors
///
/// Always: this program is built without SQL.
#[cfg(not(feature = "sql"))]
pub fn query(_: &QueryOptions) -> Result<()> {
    bail!(
        "this program was built without SQL; build it with:\n  cargo run --release --features sql --bin lake -- query \
         \"SELECT ...\""
    )
}
