//! Lengths of time.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// A length of time in microseconds. It may be negative, as the difference of two timestamps can be.
///
/// ```
/// use dataflow_windows::Duration;
/// assert_eq!(Duration::minutes(2), Duration::seconds(120));
/// assert_eq!(Duration::millis(1500).to_string(), "1.5s");
/// assert_eq!(Duration::hours(1) - Duration::minutes(15), Duration::minutes(45));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// `n` microseconds.
    pub const fn micros(n: i64) -> Self {
        Duration(n)
    }

    /// `n` milliseconds; saturates at the ends of the range, as all constructors here do.
    pub const fn millis(n: i64) -> Self {
        Duration(n.saturating_mul(1_000))
    }

    /// `n` seconds.
    pub const fn seconds(n: i64) -> Self {
        Duration(n.saturating_mul(1_000_000))
    }

    /// `n` minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// `n` hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// `n` times 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(n.saturating_mul(24))
    }

    /// The length in microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl From<std::time::Duration> for Duration {
    fn from(d: std::time::Duration) -> Self {
        Duration(i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Saturates at the ends of the range.
impl Add for Duration {
    type Output = Duration;

    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

/// Saturates at the ends of the range.
impl Sub for Duration {
    type Output = Duration;

    fn sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0;
        for (unit, name) in [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m")] {
            if us != 0 && us % unit == 0 {
                return write!(f, "{}{name}", us / unit);
            }
        }
        if us % 1_000 != 0 && us.abs() < 1_000_000 {
            return write!(f, "{us}us");
        }
        write!(f, "{}s", us as f64 / 1e6)
    }
}

/// Why a text is not a [`Duration`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDurationError(String);

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a duration: write a whole number and a unit (us, ms, s, m, h, d), such as 10m", self.0)
    }
}

impl std::error::Error for ParseDurationError {}

/// Reads what options use: a whole number and a unit.
///
/// ```
/// use dataflow_windows::Duration;
/// assert_eq!("7d".parse(), Ok(Duration::days(7)));
/// assert!("7 weeks".parse::<Duration>().is_err());
/// ```
impl std::str::FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let wrong = || ParseDurationError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let unit = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(Duration).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_parse_agree() {
        for d in [Duration::days(7), Duration::hours(5), Duration::minutes(90), Duration::seconds(7)] {
            assert_eq!(d.to_string().parse(), Ok(d));
        }
    }

    #[test]
    fn a_duration_beyond_the_range_is_refused() {
        assert!("9999999999999d".parse::<Duration>().is_err());
        assert!("".parse::<Duration>().is_err());
        assert!("12".parse::<Duration>().is_err());
    }
}
