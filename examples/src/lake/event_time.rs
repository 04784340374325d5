//! The event time of a line before the line is parsed, for the source's watermark.

use dataflow_windows::Timestamp;

use super::rfc3339;
use super::validate::{self, TS_RANGE};

const KEY: &[u8] = b"\"ts\"";

/// The event time that `line` tells: exactly that of [`validate::parse`] where the line is a valid event.
///
/// A line that is rejected may have one or not, but none outside of [`TS_RANGE`]: an absurd time would take the
/// watermark with it.
///
/// Most lines are searched only. Where there is no escape and `"ts"` stands once, it is the field, or there is none and
/// the line is no event. All others are parsed, at the price of doing so twice.
///
/// ```
/// use dataflow_windows::Timestamp;
/// use examples::lake::event_time;
///
/// assert_eq!(event_time::find(br#"{"ts": "1970-01-01T00:01:00Z", "user_id": 1}"#), Some(Timestamp::from_seconds(60)));
/// assert_eq!(event_time::find(br#"{"ts": "9999-12-31T00:00:00Z", "user_id": 1}"#), None);
/// ```
#[inline]
pub fn find(line: &[u8]) -> Option<Timestamp> {
    let mut places = line.windows(KEY.len()).enumerate().filter(|(_, text)| *text == KEY);
    match (places.next(), places.next(), line.contains(&b'\\')) {
        (None, _, false) => None,
        (Some((at, _)), None, false) => value(&line[at + KEY.len()..]),
        _ => validate::parse(line).ok().map(|event| event.ts),
    }
}

/// The time in what follows the key.
#[inline]
fn value(rest: &[u8]) -> Option<Timestamp> {
    let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    rfc3339::parse(&value[..end]).map(Timestamp::from_micros).filter(|ts| TS_RANGE.contains(ts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::simulate::Simulation;

    const ONE: &str = r#""ts":"1970-01-01T00:00:01Z""#;
    const TWO: &str = r#""ts":"1970-01-01T00:00:02Z""#;
    const REST: &str = r#""event_id":"e","user_id":1,"action":"view""#;

    #[test]
    fn valid_events_have_the_time_that_validation_finds() {
        for fields in [
            format!("{ONE},{REST}"),
            format!("{REST} , {} ", ONE.replace(':', " : ").replace("00 : 00 : 01", "00:00:01")),
            format!(r#"{REST},"other":{{{TWO}}},{ONE}"#),
            format!(r#"{ONE},{REST},"session_id":"ts""#),
            format!(r#"{REST},"x\"ts":"1970-01-01T00:00:02Z",{ONE}"#),
            format!(r#"{REST},{}"#, ONE.replace("ts", r"\u0074s")),
            format!(r#"{REST},{}"#, ONE.replace("Z", r"\u005a")),
        ] {
            let line = format!("{{{fields}}}");
            assert_eq!(validate::parse(line.as_bytes()).unwrap().ts, Timestamp::from_seconds(1), "{line}");
            assert_eq!(find(line.as_bytes()), Some(Timestamp::from_seconds(1)), "{line}");
        }
        let simulation = Simulation::new(20_000, 5);
        let mut line = Vec::new();
        for number in 0..simulation.len() {
            line.clear();
            simulation.line(number, &mut line);
            match validate::parse(&line) {
                Ok(event) => assert_eq!(find(&line), Some(event.ts)),
                Err(_) => assert!(find(&line).is_none_or(|ts| TS_RANGE.contains(&ts))),
            }
        }
    }

    #[test]
    fn what_tells_no_believable_time_has_none() {
        for line in [
            "",
            "\"ts\"",
            r#"{"ts":1}"#,
            r#"{"ts":"yesterday"}"#,
            r#"{"ts":"0001-01-01T00:00:00Z"}"#,
            r#"{"ts":"9999-12-31T23:59:59Z"}"#,
            r#"{"ts":"1970-01-01T00:00:01Z"#,
            r#"{"ts":"1970-01-01T00:00:01Z","ts":"1970-01-01T00:00:02Z"}"#,
        ] {
            assert_eq!(find(line.as_bytes()), None, "{line}");
        }
    }
}
