//! How much memory the process has had.

use std::fs;

/// Forgets how much memory the process has had so far, as far as the system lets it (Linux).
pub fn reset_peak() {
    _ = fs::write("/proc/self/clear_refs", "5");
}

/// How much resident memory the process has had at most since [`reset_peak`], in megabytes, where the system tells
/// (Linux).
pub fn peak_megabytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0 / 1e6)
}
