//! Dates and times of RFC 3339, to and from microseconds since 1970-01-01T00:00:00Z.
//!
//! Written by hand because every event passes here: the whole grammar in one pass over the bytes, no allocation, and
//! a few nanoseconds where a general date library takes a hundred.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// The instant that `text` names, in microseconds since 1970-01-01T00:00:00Z; `None` if it is not RFC 3339.
///
/// The form is `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`; the offset is required. As the RFC allows, `t` and `z` may
/// be small, a space may stand for the `T`, and a second may be 60 (a leap second is the instant after it). Digits
/// beyond microseconds are cut off.
#[inline]
pub fn parse(text: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_first_chunk::<19>()?;
    let shape = head[4] == b'-' && head[7] == b'-' && head[13] == b':' && head[16] == b':';
    if !shape || !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = two(head[0], head[1])? * 100 + two(head[2], head[3])?;
    let month = two(head[5], head[6])?;
    let day = two(head[8], head[9])?;
    let hour = two(head[11], head[12])?;
    let minute = two(head[14], head[15])?;
    let second = two(head[17], head[18])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, tail) = fraction(tail)?;
    let offset = offset(tail)?;
    let days = i64::from(days_from_civil(year, month, day));
    let seconds = days * DAY + i64::from(hour * 3600 + minute * 60 + second) - i64::from(offset);
    Some(seconds * SECOND + i64::from(micros))
}

/// The number that two ASCII digits write.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(i32::from(tens) * 10 + i32::from(ones))
}

/// Microseconds of the fraction of a second at the head of `text`, and what follows it.
#[inline]
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else { return Some((0, text)) };
    if let Some((&[a, b, c, d, e, f], tail)) = digits.split_first_chunk()
        && tail.first().is_none_or(|byte| !byte.is_ascii_digit())
        && let (Some(ab), Some(cd), Some(ef)) = (two(a, b), two(c, d), two(e, f))
    {
        return Some((ab * 10_000 + cd * 100 + ef, tail));
    }
    let (mut micros, mut unit, mut length) = (0, 100_000, 0);
    for digit in digits.iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|&digit| digit < 10) {
        micros += i32::from(digit) * unit;
        unit /= 10;
        length += 1;
    }
    (length > 0).then(|| (micros, &digits[length..]))
}

/// Seconds east of UTC.
#[inline]
fn offset(text: &[u8]) -> Option<i32> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let seconds = hours * 3600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_of_month(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; `year` is at least 0.
///
/// The year is taken to begin in March, so that the leap day comes last and the lengths of the months before it
/// follow one straight line (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    // One 400-year cycle is added so that March-based year -1 (January of year 0) stays positive.
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468 - 146_097
}

/// Year, month and day of `days` since 1970-01-01, for instants of the years 0 to 9999.
pub fn civil_from_days(days: i64) -> (u16, u8, u8) {
    let days = (days + 719_468).max(0) as u32;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    ((cycle * 400 + year + carry) as u16, month as u8, day as u8)
}

/// Writes the date `YYYY-MM-DD` of `days` since 1970-01-01, for dates from March of year 0 to 9999.
#[inline]
pub fn date(days: i64) -> [u8; 10] {
    let (year, month, day) = civil_from_days(days);
    let ([a, b], [c, d]) = (digits(u32::from(year / 100)), digits(u32::from(year % 100)));
    let ([e, f], [g, h]) = (digits(u32::from(month)), digits(u32::from(day)));
    [a, b, c, d, b'-', e, f, b'-', g, h]
}

/// Writes `YYYY-MM-DDTHH:MM:SS.ffffff` (without an offset) of `micros` since 1970-01-01T00:00:00, for instants from
/// March of year 0 to 9999.
#[inline]
pub fn date_time(micros: i64) -> [u8; 26] {
    let (days, rest) = (micros.div_euclid(DAY * SECOND), micros.rem_euclid(DAY * SECOND));
    let (second, micros) = ((rest / SECOND) as u32, (rest % SECOND) as u32);
    let mut text = *b"YYYY-MM-DDTHH:MM:SS.ffffff";
    text[..10].copy_from_slice(&date(days));
    text[11..13].copy_from_slice(&digits(second / 3600));
    text[14..16].copy_from_slice(&digits(second / 60 % 60));
    text[17..19].copy_from_slice(&digits(second % 60));
    text[20..22].copy_from_slice(&digits(micros / 10_000));
    text[22..24].copy_from_slice(&digits(micros / 100 % 100));
    text[24..26].copy_from_slice(&digits(micros % 100));
    text
}

/// The two digits of a number below 100.
#[inline]
pub(super) fn digits(number: u32) -> [u8; 2] {
    let tens = number / 10 % 10;
    [b'0' + tens as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
    use proptest::prelude::*;

    fn oracle(text: &str) -> Option<i64> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(time.timestamp() * SECOND + i64::from(time.timestamp_subsec_nanos() / 1000))
    }

    #[test]
    fn forms_are_parsed_like_chrono_does() {
        for text in [
            "2026-01-31T22:00:00Z",
            "2026-01-31T22:00:00.5Z",
            "2026-01-31t22:00:00.123456789z",
            "2026-01-31 22:00:00.999999+23:59",
            "2026-01-31T22:00:00-00:00",
            "2016-12-31T23:59:60.25Z",
            "0000-01-01T00:00:00+00:01",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999-12:00",
            "2024-02-29T00:00:00Z",
        ] {
            let expected = oracle(text);
            assert!(expected.is_some(), "{text}");
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-31",
            "2026-01-31T22:00:00",
            "2026-01-31T22:00:00.Z",
            "2026-01-31T22:00:00,5Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T22:60:00Z",
            "2026-01-31T22:00:61Z",
            "2026-01-31T22:00:00+0100",
            "2026-01-31T22:00:00+24:00",
            "2026-01-31T22:00:00+01:60",
            "2026-01-31T22:00:00Z ",
            "12026-01-31T22:00:00Z",
            "-026-01-31T22:00:00Z",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
            assert_eq!(oracle(text), None, "chrono accepts {text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_has_its_date() {
        let mut day = NaiveDate::from_ymd_opt(1800, 1, 1).unwrap();
        while day.year() < 2201 {
            let days = (day - NaiveDate::default()).num_days();
            assert_eq!(date(days), day.to_string().as_bytes());
            assert_eq!(i64::from(days_from_civil(day.year(), day.month() as i32, day.day() as i32)), days);
            day += TimeDelta::days(1);
        }
    }

    proptest! {
        #[test]
        fn well_formed_text_gives_what_chrono_gives(
            year in 0u32..10_000, month in 0u32..14, day in 0u32..33, hour in 0u32..25, minute in 0u32..61,
            second in 0u32..62, fraction in "(\\.[0-9]{0,12})?",
            offset in "Z|z|[+-][0-2][0-9]:[0-6][0-9]", t in "[Tt ]",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}{t}{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            prop_assert_eq!(parse(text.as_bytes()), oracle(&text), "{}", text);
        }

        #[test]
        fn damaged_text_gives_what_chrono_gives(at in 0usize..25, byte in 0x20u8..0x7f) {
            let mut text = *b"2026-01-31T22:00:00+01:30";
            text[at] = byte;
            let text = std::str::from_utf8(&text).unwrap();
            prop_assert_eq!(parse(text.as_bytes()), oracle(text), "{}", text);
        }

        #[test]
        fn written_text_is_parsed_to_the_same_instant(micros in -62_000_000_000_000_000i64..253_402_300_800_000_000) {
            let mut text = date_time(micros).to_vec();
            text.push(b'Z');
            prop_assert_eq!(parse(&text), Some(micros));
            prop_assert_eq!(oracle(std::str::from_utf8(&text).unwrap()), Some(micros));
        }
    }
}
