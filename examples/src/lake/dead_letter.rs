//! Rejected events as they are kept: whole, with all reasons, so that they can be corrected and fed back.

use dataflow_windows::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use super::reason::{Reason, Rejection};
use super::rfc3339;

/// A rejected line: one line of the `dead-letters/` files.
///
/// The line is kept to the byte. Where it is UTF-8 it is `raw`, readable and easily corrected; where it is not, it is
/// `raw_hex`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter<'a> {
    /// The rejected line, if it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Cow<'a, str>>,
    /// The rejected line in hexadecimal digits, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_hex: Option<String>,
    /// Every violated rule.
    pub reasons: Vec<Reason>,
    /// What is wrong, for people: the reasons' messages.
    pub message: Cow<'a, str>,
    /// Where the line came from, as its source says: a file and line, or an event's number.
    pub position: Cow<'a, str>,
    /// When it was rejected: RFC 3339, UTC, microseconds.
    pub rejected_at: Cow<'a, str>,
}

impl<'a> DeadLetter<'a> {
    /// The dead letter of `line`, which came from `position` and was rejected at `rejected_at`.
    pub fn new(line: &'a [u8], rejection: Rejection, position: &'a str, rejected_at: Timestamp) -> DeadLetter<'a> {
        let mut time = String::from_utf8_lossy(&rfc3339::date_time(rejected_at.as_micros())).into_owned();
        time.push('Z');
        let raw = std::str::from_utf8(line).ok();
        DeadLetter {
            raw: raw.map(Cow::Borrowed),
            raw_hex: raw.is_none().then(|| hex(line)),
            reasons: rejection.reasons().collect(),
            message: rejection.to_string().into(),
            position: position.into(),
            rejected_at: time.into(),
        }
    }

    /// The rejected line; `None` if somebody spoilt its hexadecimal digits or removed it.
    pub fn line(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.raw, &self.raw_hex) {
            (Some(raw), _) => Some(raw.as_bytes().into()),
            (None, Some(hex)) => bytes(hex).map(Cow::Owned),
            (None, None) => None,
        }
    }

    /// Appends the dead letter as one line of JSON, with its line feed.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing strings and lists to memory does not fail.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::validate;
    use proptest::prelude::*;

    #[test]
    fn a_dead_letter_is_one_readable_line() {
        let line = br#"{"event_id":"e1","ts":"2026-01-31T22:00:00Z","user_id":0,"action":"fly"}"#;
        let mut out = Vec::new();
        let rejection = validate::parse(line).unwrap_err();
        DeadLetter::new(line, rejection, "in.ndjson:3", Timestamp::from_seconds(1_769_896_800)).write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"raw":"{\"event_id\":\"e1\",\"ts\":\"2026-01-31T22:00:00Z\",\"user_id\":0,\"action\":\"fly\"}","#,
                r#""reasons":["user_id_out_of_range","action_unknown"],"#,
                r#""message":"user_id must be from 1 to 18446744073709551615; "#,
                r#"action must be click, view or purchase","#,
                r#""position":"in.ndjson:3","rejected_at":"2026-01-31T22:00:00.000000Z"}"#,
                "\n"
            )
        );
    }

    proptest! {
        #[test]
        fn the_line_comes_back_to_the_byte(line in prop::collection::vec(any::<u8>(), 0..80), ascii in any::<bool>()) {
            let line: Vec<u8> = if ascii { line.iter().map(|byte| byte & 0x7f).collect() } else { line };
            let mut out = Vec::new();
            DeadLetter::new(&line, Reason::InvalidJson.into(), "p", Timestamp::MIN).write(&mut out);
            prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
            let letter: DeadLetter<'_> = serde_json::from_slice(&out).unwrap();
            let back = letter.line().unwrap();
            prop_assert_eq!(back.as_ref(), &line[..]);
        }
    }
}
