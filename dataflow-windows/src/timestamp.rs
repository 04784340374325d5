//! Points in event time.

use crate::Duration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// A point in event time: microseconds since 1970-01-01T00:00:00Z.
///
/// The range is Beam's (`BoundedWindow.TIMESTAMP_MIN_VALUE` and `TIMESTAMP_MAX_VALUE`): all `i64` microseconds that are
/// whole milliseconds, so that values survive a trip through Beam's coders. Arithmetic saturates at its ends.
///
/// ```
/// use dataflow_windows::{Duration, Timestamp};
/// let t = Timestamp::from_millis(1_000) + Duration::millis(500);
/// assert_eq!(t.to_string(), "1970-01-01T00:00:01.500Z");
/// assert_eq!(Timestamp::MAX + Duration::days(1), Timestamp::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The beginning of time; also the watermark before anything is known.
    pub const MIN: Timestamp = Timestamp(-9_223_372_036_854_775_000);
    /// The end of time; also the watermark when nothing more will come.
    pub const MAX: Timestamp = Timestamp(9_223_372_036_854_775_000);

    /// From microseconds since 1970; cut to `MIN..=MAX`.
    #[inline]
    pub const fn from_micros(us: i64) -> Self {
        if us < Self::MIN.0 {
            Self::MIN
        } else if us > Self::MAX.0 {
            Self::MAX
        } else {
            Timestamp(us)
        }
    }

    /// From milliseconds since 1970; cut to `MIN..=MAX`.
    #[inline]
    pub const fn from_millis(ms: i64) -> Self {
        Self::from_micros(ms.saturating_mul(1_000))
    }

    /// From seconds since 1970; cut to `MIN..=MAX`.
    #[inline]
    pub const fn from_seconds(s: i64) -> Self {
        Self::from_micros(s.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    #[inline]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down (toward the past, also before 1970).
    #[inline]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    #[inline]
    fn add(self, d: Duration) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_add(d.as_micros()))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    #[inline]
    fn sub(self, d: Duration) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_sub(d.as_micros()))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    #[inline]
    fn sub(self, earlier: Timestamp) -> Duration {
        Duration::micros(self.0.saturating_sub(earlier.0))
    }
}

/// Year, month and day of `days` since 1970-01-01, in the proleptic Gregorian calendar.
///
/// ```
/// assert_eq!(dataflow_windows::civil_from_days(-1), (1969, 12, 31));
/// ```
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// RFC 3339 in UTC, with as many digits of the second as needed (0, 3 or 6); the ends of the range by name.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Timestamp::MIN => return f.write_str("the beginning of time"),
            Timestamp::MAX => return f.write_str("the end of time"),
            _ => {}
        }
        let (seconds, micros) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match micros {
            0 => {}
            _ if micros % 1_000 == 0 => write!(f, ".{:03}", micros / 1_000)?,
            _ => write!(f, ".{micros:06}")?,
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_also_before_1970() {
        assert_eq!(Timestamp::from_seconds(1_769_896_800).to_string(), "2026-01-31T22:00:00Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::from_seconds(951_782_400).to_string(), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn milliseconds_round_toward_the_past() {
        assert_eq!(Timestamp::from_micros(-1).as_millis(), -1);
        assert_eq!(Timestamp::from_micros(1_999).as_millis(), 1);
        assert_eq!(Timestamp::MIN.as_millis(), -9_223_372_036_854_775);
        assert_eq!(Timestamp::MAX.as_millis(), 9_223_372_036_854_775);
    }

    #[test]
    fn arithmetic_saturates_at_the_ends_of_time() {
        assert_eq!(Timestamp::MIN - Duration::days(1), Timestamp::MIN);
        assert_eq!(Timestamp::MAX + Duration::micros(i64::MAX), Timestamp::MAX);
    }
}
