//! Why events are rejected: [`Reason`] is one violated rule, [`Rejection`] all that one event violates.

use dataflow_core::{Counter, Metrics, Pipeline};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $name:literal $message:literal;)+) => {
        /// A rule that an event violates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl Reason {
            /// All reasons, in the order of their discriminants.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            /// The stable name, as in the summary's `rejected_by_reason` and in dead letters.
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name,)+ }
            }

            /// What is wrong, for people.
            pub const fn message(self) -> &'static str {
                match self { $(Reason::$variant => $message,)+ }
            }
        }
    };
}

reasons! {
    /// The line exceeds the reader's limit; its content was not looked at.
    LineTooLong "line_too_long" "the line is longer than the limit (--max-line)";
    /// The compressed file ends before the line does, or right before it.
    FileTruncated "file_truncated" "the compressed file is cut off in this line: fetch the file again";
    /// The bytes are not UTF-8.
    InvalidUtf8 "invalid_utf8" "the line is not valid UTF-8 or escapes what is no Unicode character";
    /// The line ends before the JSON value does.
    TruncatedJson "truncated_json" "the JSON ends too early: the line seems to be cut off";
    /// The line is not JSON for any other cause.
    InvalidJson "invalid_json" "the line is not valid JSON";
    /// `NaN`, `Infinity` or `-Infinity` stands where a value is expected.
    NonFiniteNumber "non_finite_number" "NaN and Infinity are not JSON: write null or a finite number";
    /// The line is JSON, but not an object.
    NotAnObject "not_an_object" "the line is JSON but not an object";
    /// A known field comes more than once.
    RepeatedField "repeated_field" "a field comes more than once, so that its value is ambiguous";
    /// `event_id` is missing.
    EventIdMissing "event_id_missing" "event_id is missing";
    /// `event_id` is null.
    EventIdNull "event_id_null" "event_id is null";
    /// `event_id` is no string.
    EventIdNotString "event_id_not_string" "event_id must be a string";
    /// `event_id` is empty.
    EventIdEmpty "event_id_empty" "event_id is empty";
    /// `event_id` is longer than [`MAX_EVENT_ID`](super::validate::MAX_EVENT_ID) bytes.
    EventIdTooLong "event_id_too_long" "event_id is longer than 64 bytes";
    /// `ts` is missing.
    TsMissing "ts_missing" "ts is missing";
    /// `ts` is null.
    TsNull "ts_null" "ts is null";
    /// `ts` is no string.
    TsNotString "ts_not_string" "ts must be a string, an RFC 3339 date and time";
    /// `ts` is not RFC 3339, or has no offset.
    TsNotRfc3339 "ts_not_rfc3339" "ts must be RFC 3339 with an offset, like 2026-01-31T22:00:00Z";
    /// `ts` is outside of [`TS_RANGE`](super::validate::TS_RANGE).
    TsOutOfRange "ts_out_of_range" "ts is outside of the years 1970 to 2100 (UTC)";
    /// `user_id` is missing.
    UserIdMissing "user_id_missing" "user_id is missing";
    /// `user_id` is null.
    UserIdNull "user_id_null" "user_id is null";
    /// `user_id` is no integer.
    UserIdNotInteger "user_id_not_integer" "user_id must be an integer, without quotes, fraction or exponent";
    /// `user_id` is below 1 or above the largest 64-bit number.
    UserIdOutOfRange "user_id_out_of_range" "user_id must be from 1 to 18446744073709551615";
    /// `action` is missing.
    ActionMissing "action_missing" "action is missing";
    /// `action` is null.
    ActionNull "action_null" "action is null";
    /// `action` is no string.
    ActionNotString "action_not_string" "action must be a string";
    /// `action` is not one of [`Action`](super::event::Action).
    ActionUnknown "action_unknown" "action must be click, view or purchase";
    /// `amount` is neither number nor null.
    AmountNotNumber "amount_not_number" "amount must be a number, without quotes, or null";
    /// `amount` is below 0.
    AmountNegative "amount_negative" "amount is negative";
    /// `amount` is above [`MAX_AMOUNT`](super::validate::MAX_AMOUNT).
    AmountTooLarge "amount_too_large" "amount is larger than 1e9";
    /// `session_id` is neither string nor null.
    SessionIdNotString "session_id_not_string" "session_id must be a string or null";
}

/// Every rule that an event violates, at least one, and where the line stopped being JSON if it did.
///
/// A set of bits, so that rejecting costs no heap memory either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Rejection {
    bits: u32,
    column: u32,
}

/// The form in which a [`Rejection`] is stored: with names instead of bits, which depend on the reasons' order.
#[derive(Serialize, Deserialize)]
struct Listed {
    reasons: Vec<Reason>,
    column: Option<u32>,
}

impl From<Rejection> for Listed {
    fn from(rejection: Rejection) -> Listed {
        Listed { reasons: rejection.reasons().collect(), column: rejection.column() }
    }
}

impl From<Listed> for Rejection {
    fn from(listed: Listed) -> Rejection {
        let bits = listed.reasons.into_iter().fold(0, |bits, reason| bits | 1 << reason as u32);
        Rejection { bits, column: listed.column.unwrap_or(0) }
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Rejection {
        Rejection { bits: 1 << reason as u32, column: 0 }
    }
}

impl Rejection {
    /// The violated rules, each once, in the order of [`Reason::ALL`].
    pub fn reasons(&self) -> impl Iterator<Item = Reason> + use<> {
        let bits = self.bits;
        Reason::ALL.iter().copied().filter(move |&reason| bits & (1 << reason as u32) != 0)
    }

    /// Whether `reason` is among them.
    pub fn contains(&self, reason: Reason) -> bool {
        self.bits & (1 << reason as u32) != 0
    }

    /// The byte of the line, counted from 1, at which it stopped being UTF-8 or JSON; none where it is both.
    pub fn column(&self) -> Option<u32> {
        (self.column > 0).then_some(self.column)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.reasons().enumerate() {
            write!(f, "{}{}", if i > 0 { "; " } else { "" }, reason.message())?;
        }
        self.column().map_or(Ok(()), |column| write!(f, " (at byte {column})"))
    }
}

impl std::error::Error for Rejection {}

/// Counts for each reason how many events were rejected for it.
#[derive(Clone, Debug)]
pub struct ReasonCounters(Vec<Counter>);

impl ReasonCounters {
    /// Counters of `step`, which are called `rejected_` and the reason's name.
    pub fn new(pipeline: &Pipeline, step: &str) -> ReasonCounters {
        ReasonCounters(Reason::ALL.iter().map(|reason| pipeline.counter(step, &counter_name(*reason))).collect())
    }

    /// Counts all reasons of `rejection`.
    pub fn count(&self, rejection: &Rejection) {
        for reason in rejection.reasons() {
            self.0[reason as usize].inc();
        }
    }

    /// What was counted by the step, whose full name this is; reasons that did not come are left out.
    pub fn read(metrics: &Metrics, step: &str) -> BTreeMap<Reason, u64> {
        let counted = Reason::ALL.iter().map(|reason| (*reason, metrics.get(step, &counter_name(*reason))));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

fn counter_name(reason: Reason) -> String {
    format!("rejected_{}", reason.name())
}

/// Collects the violated rules of one event; none is no rejection.
#[derive(Default)]
pub(super) struct Reasons {
    bits: u32,
    column: u32,
}

impl Reasons {
    pub(super) fn add(&mut self, reason: Reason) {
        self.bits |= 1 << reason as u32;
    }

    /// Adds `reason`, found at the byte `column` of the line, counted from 1; the first place is kept.
    pub(super) fn add_at(&mut self, reason: Reason, column: usize) {
        self.add(reason);
        if self.column == 0 {
            self.column = u32::try_from(column).unwrap_or(u32::MAX);
        }
    }

    pub(super) fn rejection(&self) -> Option<Rejection> {
        (self.bits != 0).then_some(Rejection { bits: self.bits, column: self.column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_in_the_bits_and_have_distinct_names() {
        assert!(Reason::ALL.len() <= 32);
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for (i, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, i);
            assert_eq!(serde_json::to_string(reason).unwrap(), format!("{:?}", reason.name()));
        }
    }

    #[test]
    fn rejections_are_stored_by_name() {
        let mut reasons = Reasons::default();
        assert_eq!(reasons.rejection(), None);
        reasons.add(Reason::AmountNegative);
        reasons.add_at(Reason::InvalidUtf8, 3);
        reasons.add_at(Reason::InvalidJson, 9);
        let rejection = reasons.rejection().unwrap();
        let json = serde_json::to_string(&rejection).unwrap();
        assert_eq!(json, r#"{"reasons":["invalid_utf8","invalid_json","amount_negative"],"column":3}"#);
        assert_eq!(serde_json::from_str::<Rejection>(&json).unwrap(), rejection);
        assert!(rejection.to_string().ends_with("; amount is negative (at byte 3)"));
    }
}
