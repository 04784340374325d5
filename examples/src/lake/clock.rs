//! The time of day, cheaply.

use dataflow_windows::Timestamp;

/// The time of day, to a few milliseconds: what events are stamped with when they are processed.
#[cfg(target_os = "linux")]
#[inline]
pub fn now() -> Timestamp {
    // The time of the last timer tick: no instruction that waits for the clock's hardware.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Timestamp::from_micros(now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000))
}

/// The time of day.
#[cfg(not(target_os = "linux"))]
pub fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clock_is_right_to_a_tenth_of_a_second() {
        let exact = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
        assert!((super::now().as_micros() - exact).abs() < 100_000);
    }
}
