//! The ways in which simulated events are invalid.

use std::fmt::Write;

use super::line::hex;
use super::{Amount, Content};
use crate::lake::reason::Reason;
use crate::lake::rfc3339;

/// What is wrong with an invalid event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is spelt out by its reasons and its text below")]
pub enum Defect {
    TruncatedJson,
    InvalidUtf8,
    NotJson,
    NotAnObject,
    RepeatedField,
    AmountNaN,
    AmountInfinity,
    AmountNegative,
    AmountAbsurd,
    AmountString,
    EventIdMissing,
    EventIdNull,
    EventIdNumber,
    EventIdEmpty,
    EventIdLong,
    TsMissing,
    TsNull,
    TsNumber,
    TsWithoutOffset,
    TsWord,
    TsYear1,
    TsYear9999,
    UserIdMissing,
    UserIdNull,
    UserIdFloat,
    UserIdString,
    UserIdZero,
    ActionMissing,
    ActionNull,
    ActionNumber,
    ActionUnknown,
    SessionIdNumber,
    TwoRules,
    AllRules,
}

impl Defect {
    /// All defects; invalid events have them with equal shares.
    pub const ALL: [Defect; 34] = {
        use Defect::*;
        [
            TruncatedJson,
            InvalidUtf8,
            NotJson,
            NotAnObject,
            RepeatedField,
            AmountNaN,
            AmountInfinity,
            AmountNegative,
            AmountAbsurd,
            AmountString,
            EventIdMissing,
            EventIdNull,
            EventIdNumber,
            EventIdEmpty,
            EventIdLong,
            TsMissing,
            TsNull,
            TsNumber,
            TsWithoutOffset,
            TsWord,
            TsYear1,
            TsYear9999,
            UserIdMissing,
            UserIdNull,
            UserIdFloat,
            UserIdString,
            UserIdZero,
            ActionMissing,
            ActionNull,
            ActionNumber,
            ActionUnknown,
            SessionIdNumber,
            TwoRules,
            AllRules,
        ]
    };

    /// The rules that an event with this defect violates.
    pub fn reasons(self) -> &'static [Reason] {
        match self {
            Defect::TruncatedJson => &[Reason::TruncatedJson],
            Defect::InvalidUtf8 => &[Reason::InvalidUtf8],
            Defect::NotJson => &[Reason::InvalidJson],
            Defect::NotAnObject => &[Reason::NotAnObject],
            Defect::RepeatedField => &[Reason::RepeatedField],
            Defect::AmountNaN | Defect::AmountInfinity => &[Reason::NonFiniteNumber],
            Defect::AmountNegative => &[Reason::AmountNegative],
            Defect::AmountAbsurd => &[Reason::AmountTooLarge],
            Defect::AmountString => &[Reason::AmountNotNumber],
            Defect::EventIdMissing => &[Reason::EventIdMissing],
            Defect::EventIdNull => &[Reason::EventIdNull],
            Defect::EventIdNumber => &[Reason::EventIdNotString],
            Defect::EventIdEmpty => &[Reason::EventIdEmpty],
            Defect::EventIdLong => &[Reason::EventIdTooLong],
            Defect::TsMissing => &[Reason::TsMissing],
            Defect::TsNull => &[Reason::TsNull],
            Defect::TsNumber => &[Reason::TsNotString],
            Defect::TsWithoutOffset | Defect::TsWord => &[Reason::TsNotRfc3339],
            Defect::TsYear1 | Defect::TsYear9999 => &[Reason::TsOutOfRange],
            Defect::UserIdMissing => &[Reason::UserIdMissing],
            Defect::UserIdNull => &[Reason::UserIdNull],
            Defect::UserIdFloat | Defect::UserIdString => &[Reason::UserIdNotInteger],
            Defect::UserIdZero => &[Reason::UserIdOutOfRange],
            Defect::ActionMissing => &[Reason::ActionMissing],
            Defect::ActionNull => &[Reason::ActionNull],
            Defect::ActionNumber => &[Reason::ActionNotString],
            Defect::ActionUnknown => &[Reason::ActionUnknown],
            Defect::SessionIdNumber => &[Reason::SessionIdNotString],
            Defect::TwoRules => &[Reason::ActionUnknown, Reason::AmountNegative],
            Defect::AllRules => &[
                Reason::NonFiniteNumber,
                Reason::EventIdNull,
                Reason::TsOutOfRange,
                Reason::UserIdNotInteger,
                Reason::ActionNull,
                Reason::SessionIdNotString,
            ],
        }
    }

    /// Appends the line of an event that has `content` but for this defect.
    #[cold]
    #[inline(never)]
    pub(super) fn write(self, content: &Content, out: &mut Vec<u8>) {
        let mut fields = Fields::of(content);
        match self {
            Defect::TruncatedJson | Defect::InvalidUtf8 => {}
            Defect::NotJson => return out.extend_from_slice(b"GET /collect?action=click HTTP/1.1"),
            Defect::NotAnObject => return out.extend_from_slice(b"[\"click\",1]"),
            Defect::RepeatedField => fields.amount.push_str(",\"amount\":null"),
            Defect::AmountNaN => fields.amount = "NaN".into(),
            Defect::AmountInfinity => fields.amount = "-Infinity".into(),
            Defect::AmountNegative => fields.amount = "-12.5".into(),
            Defect::AmountAbsurd => fields.amount = "1e12".into(),
            Defect::AmountString => fields.amount = "\"12.50\"".into(),
            Defect::EventIdMissing => fields.event_id.clear(),
            Defect::EventIdNull => fields.event_id = "null".into(),
            Defect::EventIdNumber => fields.event_id = "17".into(),
            Defect::EventIdEmpty => fields.event_id = "\"\"".into(),
            Defect::EventIdLong => fields.event_id.insert_str(1, &"x".repeat(60)),
            Defect::TsMissing => fields.ts.clear(),
            Defect::TsNull => fields.ts = "null".into(),
            Defect::TsNumber => fields.ts = content.ts.to_string(),
            Defect::TsWithoutOffset => fields.ts = fields.ts.replace('Z', ""),
            Defect::TsWord => fields.ts = "\"yesterday\"".into(),
            Defect::TsYear1 => fields.ts = "\"0001-01-01T00:00:00Z\"".into(),
            Defect::TsYear9999 => fields.ts = "\"9999-12-31T23:59:59Z\"".into(),
            Defect::UserIdMissing => fields.user_id.clear(),
            Defect::UserIdNull => fields.user_id = "null".into(),
            Defect::UserIdFloat => fields.user_id.push_str(".0"),
            Defect::UserIdString => fields.user_id = format!("\"{}\"", content.user_id),
            Defect::UserIdZero => fields.user_id = "0".into(),
            Defect::ActionMissing => fields.action.clear(),
            Defect::ActionNull => fields.action = "null".into(),
            Defect::ActionNumber => fields.action = "3".into(),
            Defect::ActionUnknown => fields.action = "\"hover\"".into(),
            Defect::SessionIdNumber => fields.session_id = "31".into(),
            Defect::TwoRules => {
                fields.action = "\"hover\"".into();
                fields.amount = "-0.01".into();
            }
            Defect::AllRules => {
                fields = Fields {
                    event_id: "null".into(),
                    ts: "\"0001-01-01T00:00:00Z\"".into(),
                    user_id: "1.5".into(),
                    action: "null".into(),
                    amount: "NaN".into(),
                    session_id: "false".into(),
                };
            }
        }
        let start = out.len();
        fields.write(out);
        match self {
            // Anywhere, but not before the first byte and so that at least one byte is missing.
            Defect::TruncatedJson => {
                let length = (out.len() - start) as u64;
                out.truncate(start + 1 + (content.id % (length - 1)) as usize);
            }
            // The first character of the id.
            Defect::InvalidUtf8 => out[start + 13] = 0xff,
            _ => {}
        }
    }
}

/// The JSON text of each field; empty is missing.
struct Fields {
    event_id: String,
    ts: String,
    user_id: String,
    action: String,
    amount: String,
    session_id: String,
}

impl Fields {
    fn of(content: &Content) -> Fields {
        let ascii = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Fields {
            event_id: format!("\"{}\"", ascii(&hex(content.id))),
            ts: format!("\"{}Z\"", ascii(&rfc3339::date_time(content.ts))),
            user_id: content.user_id.to_string(),
            action: format!("\"{}\"", content.action.name()),
            amount: match content.amount {
                Amount::Missing | Amount::Null => "null".into(),
                Amount::Cents(cents) => format!("{}.{:02}", cents / 100, cents % 100),
            },
            session_id: String::new(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut line = String::new();
        for (name, text) in [
            ("event_id", &self.event_id),
            ("ts", &self.ts),
            ("user_id", &self.user_id),
            ("action", &self.action),
            ("amount", &self.amount),
            ("session_id", &self.session_id),
        ] {
            if !text.is_empty() {
                // Writing to a string does not fail.
                let _ = write!(line, "{}\"{name}\":{text}", if line.is_empty() { '{' } else { ',' });
            }
        }
        line.push('}');
        out.extend_from_slice(line.as_bytes());
    }
}
