//! Windows of the calendar.

use super::WindowFn;
use crate::{Timestamp, Window, civil_from_days};
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Windows of whole days, weeks, months or years of a time zone, side by side.
///
/// They begin and end at midnight there, so that a day may have 23 or 25 hours. Where a clock change skips midnight,
/// the day begins right after it; where midnight comes twice, at the first one.
///
/// ```
/// use dataflow_windows::{CalendarWindows, Duration, Timestamp, Tz};
/// let days = CalendarWindows::days(1).in_time_zone(Tz::Europe__Berlin);
/// assert_eq!(days.to_string(), "calendar windows of 1 day in Europe/Berlin");
///
/// let day_of_the_clock_change = days.assign(Timestamp::from_seconds(1_774_785_600));
/// assert_eq!(day_of_the_clock_change.start().to_string(), "2026-03-28T23:00:00Z");
/// assert_eq!(day_of_the_clock_change.end() - day_of_the_clock_change.start(), Duration::hours(23));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct CalendarWindows {
    unit: Unit,
    count: u32,
    zone: Tz,
    start: Date,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
struct Date {
    year: i32,
    month: u8,
    day: u8,
}

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Weekday {
    /// The first one, of ISO 8601.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

impl CalendarWindows {
    /// Windows of `n` days in UTC, one of which begins on 1970-01-01.
    pub const fn days(n: u32) -> Self {
        Self::of(n, Unit::Day, 1)
    }

    /// Windows of `n` weeks in UTC, from Monday; one of them begins on 1970-01-05.
    pub const fn weeks(n: u32) -> Self {
        Self::weeks_from(n, Weekday::Monday)
    }

    /// Windows of `n` weeks in UTC that begin with another day; one of them in the week from 1970-01-05.
    pub const fn weeks_from(n: u32, first: Weekday) -> Self {
        Self::of(n, Unit::Week, 5 + first as u8)
    }

    /// Windows of `n` months in UTC, one of which begins on 1970-01-01.
    pub const fn months(n: u32) -> Self {
        Self::of(n, Unit::Month, 1)
    }

    /// Windows of `n` years in UTC, one of which begins on 1970-01-01.
    pub const fn years(n: u32) -> Self {
        Self::of(n, Unit::Year, 1)
    }

    const fn of(count: u32, unit: Unit, day_of_january_1970: u8) -> Self {
        CalendarWindows { unit, count, zone: Tz::UTC, start: Date { year: 1970, month: 1, day: day_of_january_1970 } }
    }

    /// The windows of another time zone.
    #[must_use]
    pub const fn in_time_zone(self, zone: Tz) -> Self {
        CalendarWindows { zone, ..self }
    }

    /// The windows of which one begins on this day; there are windows before it too. Months that do not have the day
    /// begin with their last one.
    ///
    /// ```
    /// use dataflow_windows::{CalendarWindows, Timestamp};
    /// let fiscal_years = CalendarWindows::years(1).starting_on(2025, 10, 1);
    /// assert_eq!(fiscal_years.assign(Timestamp::from_seconds(0)).start().to_string(), "1969-10-01T00:00:00Z");
    /// ```
    #[must_use]
    pub const fn starting_on(self, year: i32, month: u8, day: u8) -> Self {
        CalendarWindows { start: Date { year, month, day }, ..self }
    }

    /// The window that holds `t`. At the ends of time the window is cut to the range of [`Timestamp`].
    pub fn assign(self, t: Timestamp) -> Window {
        let second = t.as_micros().div_euclid(1_000_000);
        let day = (second + offset_at(self.zone, second)).div_euclid(SECONDS_A_DAY);
        let mut number = self.number_near(day);
        let (mut start, mut end) = (self.begin(number), self.begin(number + 1));
        // The guess is one off if the window begins within a month, or by a clock change at midnight.
        while second < start {
            number -= 1;
            (start, end) = (self.begin(number), start);
        }
        while second >= end {
            number += 1;
            (start, end) = (end, self.begin(number + 1));
        }
        Window::new(Timestamp::from_seconds(start), Timestamp::from_seconds(end))
    }

    /// The number of the window, from the one at the start, that has this day or is next to it.
    fn number_near(self, day: i64) -> i64 {
        match self.unit {
            Unit::Day | Unit::Week => (day - self.start.days()).div_euclid(self.step()),
            Unit::Month | Unit::Year => {
                let (year, month, _) = civil_from_days(day);
                (months(year, month) - self.start.months()).div_euclid(self.step())
            }
        }
    }

    /// The second (UTC) with which a window begins.
    fn begin(self, number: i64) -> i64 {
        let days = match self.unit {
            Unit::Day | Unit::Week => self.start.days() + number * self.step(),
            Unit::Month | Unit::Year => {
                days_of_month(self.start.months() + number * self.step(), i64::from(self.start.day))
            }
        };
        midnight(self.zone, days)
    }

    /// In days or months.
    fn step(self) -> i64 {
        let count = i64::from(self.count.max(1));
        match self.unit {
            Unit::Day | Unit::Month => count,
            Unit::Week => count * 7,
            Unit::Year => count * 12,
        }
    }

    pub(super) fn check(self) -> Result<(), String> {
        if self.count == 0 {
            return Err(format!("{self} are empty: give a number of at least 1"));
        }
        let Date { year, month, day } = self.start;
        let (y, m, d) = civil_from_days(self.start.days());
        if (y, m, d) != (year.into(), month.into(), day.into()) {
            return Err(format!("{self}: {} is no date: give a day of the calendar", self.start));
        }
        Ok(())
    }
}

const SECONDS_A_DAY: i64 = 86_400;

impl Date {
    fn months(self) -> i64 {
        months(self.year.into(), i64::from(self.month.clamp(1, 12)))
    }

    /// Days since 1970.
    fn days(self) -> i64 {
        days_of_month(self.months(), self.day.into())
    }
}

/// Months since the beginning of year 0.
fn months(year: i64, month: i64) -> i64 {
    year * 12 + month - 1
}

/// Days from 1970 to a day of a month, or to its last one.
fn days_of_month(months: i64, day: i64) -> i64 {
    let first = |months: i64| days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1);
    let length = first(months + 1) - first(months);
    first(months) + day.clamp(1, length) - 1
}

/// Days from 1970 to the first one of a month.
fn days_from_civil(year: i64, month: i64) -> i64 {
    // Years are taken to begin with March, so that the day that may be missing is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The second (UTC) at which a day, as days since 1970, begins in a time zone.
fn midnight(zone: Tz, days: i64) -> i64 {
    let local = days * SECONDS_A_DAY;
    // No offset is as large as a day: these are the seconds surely before and after it.
    let (before, after) = (local - SECONDS_A_DAY, local + SECONDS_A_DAY);
    let (earlier, later) = (offset_at(zone, before), offset_at(zone, after));
    if earlier == later {
        return local - earlier;
    }
    let exists = |offset: &i64| offset_at(zone, local - offset) == *offset;
    if let Some(offset) = [earlier, later].into_iter().filter(exists).max() {
        return local - offset;
    }
    // It is skipped: the change of the clock is where local time gets past it.
    let (mut before, mut after) = (before, after);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if middle + offset_at(zone, middle) < local {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// How many seconds a time zone is ahead of UTC.
fn offset_at(zone: Tz, second: i64) -> i64 {
    // The range of `chrono` is a little smaller than ours; no clock is known to change out there.
    let known = second.clamp(NaiveDateTime::MIN.and_utc().timestamp(), NaiveDateTime::MAX.and_utc().timestamp());
    let Some(utc) = DateTime::from_timestamp(known, 0) else { return 0 };
    zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc().into()
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for CalendarWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        let s = if self.count == 1 { "" } else { "s" };
        write!(f, "calendar windows of {} {unit}{s} in {}", self.count, self.zone)?;
        let default = Date { year: 1970, month: 1, day: 1 };
        match self.start {
            Date { year: 1970, month: 1, day: day @ 5..=11 } if self.unit == Unit::Week => match WEEK[day as usize - 5]
            {
                Weekday::Monday => Ok(()),
                first => write!(f, " from {first:?}"),
            },
            start if start == default && self.unit != Unit::Week => Ok(()),
            start => write!(f, ", starting on {start}"),
        }
    }
}

impl From<CalendarWindows> for WindowFn {
    fn from(calendar: CalendarWindows) -> Self {
        WindowFn::Calendar(calendar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Duration;
    use proptest::prelude::*;

    fn any_windows() -> impl Strategy<Value = CalendarWindows> {
        (
            prop::sample::select(&[Unit::Day, Unit::Week, Unit::Month, Unit::Year]),
            1..40_u32,
            prop::sample::select(&chrono_tz::TZ_VARIANTS),
            (1800..2200, 1..=12_u8, 1..=31_u8),
        )
            .prop_map(|(unit, count, zone, (year, month, day))| CalendarWindows {
                unit,
                count,
                zone,
                start: Date { year, month, day },
            })
    }

    /// Mostly of the centuries in which clocks change.
    fn any_time() -> impl Strategy<Value = Timestamp> {
        prop_oneof![
            8 => (-5_000_000_000_000_000..8_000_000_000_000_000_i64).prop_map(Timestamp::from_micros),
            1 => any::<i64>().prop_map(Timestamp::from_micros),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn windows_hold_their_element_and_lie_side_by_side(windows in any_windows(), t in any_time()) {
            let w = windows.assign(t);
            prop_assert!(w.start() < w.end());
            prop_assert!(w.contains(t) || w.end() == Timestamp::MAX);
            for other in [w.start(), w.max_timestamp()] {
                prop_assert_eq!(windows.assign(other), w);
            }
            if w.start() > Timestamp::MIN {
                prop_assert_eq!(windows.assign(w.start() - Duration::micros(1)).end(), w.start());
            }
            if w.end() < Timestamp::MAX {
                prop_assert_eq!(windows.assign(w.end()).start(), w.end());
            }
        }

        #[test]
        fn days_begin_when_the_date_of_the_zone_changes(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS),
            second in -5_000_000_000..8_000_000_000_i64,
        ) {
            let start = CalendarWindows::days(1).in_time_zone(zone).assign(Timestamp::from_seconds(second)).start();
            let start = start.as_micros() / 1_000_000;
            let local = |second| zone.from_utc_datetime(&DateTime::from_timestamp(second, 0).unwrap().naive_utc());
            prop_assert!(local(start).date_naive() > local(start - 1).date_naive());
        }

        #[test]
        fn months_are_counted_as_the_calendar_does(months in -1_000_000..1_000_000_i64, day in 1..=31_i64) {
            let (year, month, found) = civil_from_days(days_of_month(months, day));
            prop_assert_eq!(super::months(year, month), months);
            prop_assert!(found == day || found < day && found >= 28);
        }
    }

    #[test]
    fn the_ends_of_time_are_in_windows_that_are_cut() {
        for windows in [
            CalendarWindows::days(1),
            CalendarWindows::weeks(u32::MAX),
            CalendarWindows::months(3),
            CalendarWindows::years(u32::MAX).starting_on(i32::MIN, 1, 1),
            CalendarWindows::years(1).starting_on(i32::MAX, 99, 99),
        ] {
            let windows = windows.in_time_zone(Tz::Pacific__Apia);
            assert_eq!(windows.assign(Timestamp::MIN).start(), Timestamp::MIN, "{windows}");
            assert_eq!(windows.assign(Timestamp::MAX).end(), Timestamp::MAX, "{windows}");
        }
    }

    #[test]
    fn they_print_what_is_not_as_by_default() {
        for (windows, expected) in [
            (CalendarWindows::days(2), "calendar windows of 2 days in UTC"),
            (CalendarWindows::weeks(1), "calendar windows of 1 week in UTC"),
            (CalendarWindows::weeks_from(1, Weekday::Sunday), "calendar windows of 1 week in UTC from Sunday"),
            (
                CalendarWindows::months(3).in_time_zone(Tz::Asia__Tokyo).starting_on(2026, 2, 15),
                "calendar windows of 3 months in Asia/Tokyo, starting on 2026-02-15",
            ),
        ] {
            assert_eq!(windows.to_string(), expected);
            assert_eq!(windows.check(), Ok(()));
        }
    }

    #[test]
    fn wrong_parameters_are_refused() {
        assert_eq!(
            CalendarWindows::days(0).check().unwrap_err(),
            "calendar windows of 0 days in UTC are empty: give a number of at least 1"
        );
        for (month, day) in [(2, 29), (13, 1), (0, 1), (4, 31), (1, 0)] {
            assert!(CalendarWindows::days(1).starting_on(2026, month, day).check().is_err(), "{month} {day}");
        }
        assert_eq!(
            CalendarWindows::months(1).starting_on(2026, 2, 30).check().unwrap_err(),
            "calendar windows of 1 month in UTC, starting on 2026-02-30: 2026-02-30 is no date: give a day of the \
             calendar"
        );
    }
}
