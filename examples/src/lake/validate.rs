//! From a line of JSON to a valid [`Event`], or to everything that is wrong with it.
//!
//! Two ways lead through here. The fast one assumes that the line is valid, borrows its strings and stops at the first
//! thing that is not as expected, without asking what it was. Only then the thorough one starts again from the bytes
//! and checks each rule by itself. Nothing is rejected but by the thorough one, so that the fast one may be as strict
//! as is convenient (it knows no escapes, say), but it must never accept what the thorough one would not.

use compact_str::CompactString;
use dataflow_windows::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

use super::event::{Action, Event, RawEvent};
use super::reason::{Reason, Reasons, Rejection};
use super::rfc3339;

/// The longest `event_id`, in bytes of UTF-8.
pub const MAX_EVENT_ID: usize = 64;

/// The largest `amount`.
pub const MAX_AMOUNT: f64 = 1e9;

/// The event times that are believed: from 1970-01-01 to before 2101-01-01, both UTC.
///
/// Times outside are well-formed but absurd, such as the years 0001 and 9999 that stand for "unknown" and "never":
/// one of them would hold back or push forward the watermark for good.
pub const TS_RANGE: Range<Timestamp> = Timestamp::from_seconds(0)..Timestamp::from_seconds(4_133_980_800);

/// The event that `line` holds, without its line feed.
///
/// # Errors
///
/// Every rule that the event violates:
///
/// - the line is UTF-8 and one complete JSON object, whose known fields come at most once (unknown ones are skipped);
/// - `event_id` is a string of 1 to [`MAX_EVENT_ID`] bytes;
/// - `ts` is a string in RFC 3339 with an offset ([`rfc3339::parse`]) and in [`TS_RANGE`];
/// - `user_id` is an integer from 1 to `u64::MAX`, neither `1.0` nor `"1"`;
/// - `action` is `click`, `view` or `purchase`;
/// - `amount` is a number from 0 to [`MAX_AMOUNT`], or null or missing;
/// - `session_id` is a string, or null or missing.
///
/// ```
/// use examples::lake::{reason::Reason, validate};
///
/// let line = br#"{"event_id":"e1","ts":"9999-12-31T00:00:00Z","user_id":1,"action":"view","amount":-1}"#;
/// let rejection = validate::parse(line).unwrap_err();
/// assert!(rejection.reasons().eq([Reason::TsOutOfRange, Reason::AmountNegative]));
/// ```
#[inline]
pub fn parse(line: &[u8]) -> Result<Event, Rejection> {
    match accept(line) {
        Some(event) => Ok(event),
        None => examine(line),
    }
}

/// The fast way: borrowed, unescaped strings only.
#[derive(Deserialize)]
struct Borrowed<'a> {
    event_id: &'a str,
    ts: &'a str,
    user_id: u64,
    // Not an `Action`: serde would also take the enum's other form, `{"click":null}`.
    action: &'a str,
    amount: Option<f64>,
    session_id: Option<&'a str>,
}

#[inline]
fn accept(line: &[u8]) -> Option<Event> {
    // A derived struct would also take an array of its fields.
    if line.first() != Some(&b'{') {
        return None;
    }
    // Of the whole line and not by string, since strings of unknown fields are skipped unseen.
    let text = std::str::from_utf8(line).ok()?;
    let fields: Borrowed<'_> = serde_json::from_str(text).ok()?;
    let ts = Timestamp::from_micros(rfc3339::parse(fields.ts.as_bytes())?);
    let amount_is_valid = fields.amount.is_none_or(|amount| (0.0..=MAX_AMOUNT).contains(&amount));
    let valid = (1..=MAX_EVENT_ID).contains(&fields.event_id.len())
        && TS_RANGE.contains(&ts)
        && fields.user_id > 0
        && amount_is_valid;
    if !valid {
        return None;
    }
    Some(Event {
        event_id: CompactString::new(fields.event_id),
        ts,
        user_id: fields.user_id,
        action: Action::from_name(fields.action)?,
        amount: fields.amount,
        session_id: fields.session_id.map(CompactString::new),
    })
}

/// The thorough way: checks every rule.
#[cold]
#[inline(never)]
fn examine(line: &[u8]) -> Result<Event, Rejection> {
    let mut reasons = Reasons::default();
    // What can still be read of a damaged line is checked too.
    let text = String::from_utf8_lossy(line);
    if let Cow::Owned(_) = text {
        let valid = std::str::from_utf8(line).map_or_else(|error| error.valid_up_to(), str::len);
        reasons.add_at(Reason::InvalidUtf8, valid + 1);
    }
    let text = finite(text, &mut reasons);
    let event = object(&text, &mut reasons).and_then(|raw| fields(&raw, &mut reasons));
    match (event, reasons.rejection()) {
        (Some(event), None) => Ok(event),
        (_, Some(rejection)) => Err(rejection),
        // A field is only ever left out with a reason; should that fail, the event is still accounted for.
        (None, None) => Err(Rejection::from(Reason::InvalidJson)),
    }
}

/// Puts null where `NaN`, `Infinity` or `-Infinity` stands, so that the rest of the line can be checked.
fn finite<'a>(text: Cow<'a, str>, reasons: &mut Reasons) -> Cow<'a, str> {
    let (mut quoted, mut escaped, mut copied, mut at) = (false, false, 0, 0);
    let mut result = String::new();
    while let Some(&byte) = text.as_bytes().get(at) {
        let rest = &text.as_bytes()[at..];
        let token = ["NaN", "-Infinity", "Infinity"].into_iter().find(|token| rest.starts_with(token.as_bytes()));
        if let (false, Some(token)) = (quoted, token) {
            reasons.add_at(Reason::NonFiniteNumber, at + 1);
            result.push_str(&text[copied..at]);
            result.push_str("null");
            at += token.len();
            copied = at;
            continue;
        }
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
        at += 1;
    }
    if copied == 0 {
        return text;
    }
    result.push_str(&text[copied..]);
    Cow::Owned(result)
}

fn object<'a>(text: &'a str, reasons: &mut Reasons) -> Option<RawEvent<'a>> {
    let raw: &RawValue = match serde_json::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            // A number that is cut off is an error of the number, not of the end.
            let cut_number = error.column() >= text.len() && text.ends_with(['.', 'e', 'E', '+', '-']);
            let truncated = error.is_eof() || cut_number;
            let reason = if truncated { Reason::TruncatedJson } else { Reason::InvalidJson };
            reasons.add_at(reason, error.column());
            return None;
        }
    };
    let event: Option<RawEvent<'a>> = serde_json::from_str(raw.get()).ok();
    match &event {
        None => reasons.add(Reason::NotAnObject),
        Some(event) if event.repeated => reasons.add(Reason::RepeatedField),
        Some(_) => {}
    }
    event
}

/// What a field violates if it is missing, null, or of another type than it must be.
struct Shape {
    missing: Reason,
    null: Reason,
    wrong: Reason,
}

fn fields(raw: &RawEvent<'_>, reasons: &mut Reasons) -> Option<Event> {
    let shape = Shape { missing: Reason::EventIdMissing, null: Reason::EventIdNull, wrong: Reason::EventIdNotString };
    let event_id = string(raw.event_id, shape, reasons);
    if let Some(id) = &event_id
        && !(1..=MAX_EVENT_ID).contains(&id.len())
    {
        reasons.add(if id.is_empty() { Reason::EventIdEmpty } else { Reason::EventIdTooLong });
    }

    let shape = Shape { missing: Reason::TsMissing, null: Reason::TsNull, wrong: Reason::TsNotString };
    let ts = string(raw.ts, shape, reasons).and_then(|text| {
        let ts = rfc3339::parse(text.as_bytes()).map(Timestamp::from_micros);
        match ts {
            None => reasons.add(Reason::TsNotRfc3339),
            Some(ts) if !TS_RANGE.contains(&ts) => reasons.add(Reason::TsOutOfRange),
            Some(_) => {}
        }
        ts
    });

    let user_id = user_id(raw.user_id, reasons);

    let shape = Shape { missing: Reason::ActionMissing, null: Reason::ActionNull, wrong: Reason::ActionNotString };
    let action = string(raw.action, shape, reasons).and_then(|name| {
        let action = Action::from_name(&name);
        if action.is_none() {
            reasons.add(Reason::ActionUnknown);
        }
        action
    });

    let amount = amount(raw.amount, reasons);

    let session_id = raw.session_id.filter(|raw| raw.get() != "null").and_then(|raw| {
        let wrong = Reason::SessionIdNotString;
        string(Some(raw), Shape { missing: wrong, null: wrong, wrong }, reasons)
    });

    Some(Event { event_id: event_id?, ts: ts?, user_id: user_id?, action: action?, amount, session_id })
}

fn string(raw: Option<&RawValue>, shape: Shape, reasons: &mut Reasons) -> Option<CompactString> {
    let text = present(raw, shape.missing, shape.null, reasons)?;
    if !text.starts_with('"') {
        reasons.add(shape.wrong);
        return None;
    }
    let string = serde_json::from_str(text).ok();
    if string.is_none() {
        // The text is known to be JSON, so it is the escape of half a surrogate pair, `\ud800`.
        reasons.add(Reason::InvalidUtf8);
    }
    string
}

fn user_id(raw: Option<&RawValue>, reasons: &mut Reasons) -> Option<u64> {
    let text = present(raw, Reason::UserIdMissing, Reason::UserIdNull, reasons)?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        reasons.add(Reason::UserIdNotInteger);
        return None;
    }
    let user_id = text.parse().ok().filter(|&user_id| user_id > 0);
    if user_id.is_none() {
        reasons.add(Reason::UserIdOutOfRange);
    }
    user_id
}

fn amount(raw: Option<&RawValue>, reasons: &mut Reasons) -> Option<f64> {
    let text = raw.map(RawValue::get).filter(|&text| text != "null")?;
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        reasons.add(Reason::AmountNotNumber);
        return None;
    }
    // Where a number exceeds an f64, only its sign still matters.
    let infinite = if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    let amount = serde_json::from_str(text).unwrap_or(infinite);
    if amount < 0.0 {
        reasons.add(Reason::AmountNegative);
    } else if amount > MAX_AMOUNT {
        reasons.add(Reason::AmountTooLarge);
    }
    Some(amount)
}

fn present<'a>(raw: Option<&'a RawValue>, missing: Reason, null: Reason, reasons: &mut Reasons) -> Option<&'a str> {
    match raw.map(RawValue::get) {
        None => reasons.add(missing),
        Some("null") => reasons.add(null),
        text => return text,
    }
    None
}

#[cfg(test)]
mod tests;
