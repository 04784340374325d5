//! The events of the main job: as they come ([`RawEvent`]), valid ([`Event`]), and as they land ([`EnrichedEvent`]).
//!
//! Valid events own no heap memory as long as their ids are at most 24 bytes long, which [`CompactString`] keeps
//! inline: millions of them are made, moved and dropped without the allocator.

use compact_str::CompactString;
use dataflow::parquet::{ArrowEnum, ArrowRow};
use dataflow::prelude::Key;
use dataflow_windows::Timestamp;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

use super::users::{Country, Tier, User};

/// What a user did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key, ArrowEnum)]
#[serde(rename_all = "lowercase")]
#[arrow(rename_all = "lowercase")]
pub enum Action {
    /// Followed a link.
    Click,
    /// Looked at a page.
    View,
    /// Bought something.
    Purchase,
}

impl Action {
    /// All actions, in the order of their discriminants.
    pub const ALL: [Action; 3] = [Action::Click, Action::View, Action::Purchase];

    /// The action's name in events and in the lake.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Click => "click",
            Action::View => "view",
            Action::Purchase => "purchase",
        }
    }

    /// The action of that name, which must match exactly.
    pub fn from_name(name: &str) -> Option<Action> {
        match name {
            "click" => Some(Action::Click),
            "view" => Some(Action::View),
            "purchase" => Some(Action::Purchase),
            _ => None,
        }
    }
}

/// A valid event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Identifies the event: two events with the same id are one event, delivered twice. 1 to 64 bytes.
    pub event_id: CompactString,
    /// Event time.
    pub ts: Timestamp,
    /// Who did it; at least 1.
    pub user_id: u64,
    /// What was done.
    pub action: Action,
    /// What it was worth: 0 to 1e9, or none.
    pub amount: Option<f64>,
    /// The session it belongs to; only later producers say.
    pub session_id: Option<CompactString>,
}

/// A row of the lake: an event with what the users table knows and with its processing time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ArrowRow)]
pub struct EnrichedEvent {
    /// See [`Event::event_id`].
    pub event_id: CompactString,
    /// Event time.
    pub ts: Timestamp,
    /// See [`Event::user_id`].
    pub user_id: u64,
    /// See [`Event::action`].
    pub action: Action,
    /// What it was worth; 0.0 where the event said nothing.
    pub amount: f64,
    /// The user's country, if the user is known.
    pub country: Option<Country>,
    /// The user's tier, if the user is known.
    pub tier: Option<Tier>,
    /// See [`Event::session_id`].
    pub session_id: Option<CompactString>,
    /// Processing time: when the row was made.
    pub ingested_at: Timestamp,
}

impl EnrichedEvent {
    /// Joins `event` with its `user`, if known; `ingested_at` is the processing time.
    #[inline]
    pub fn new(event: Event, user: Option<User>, ingested_at: Timestamp) -> EnrichedEvent {
        EnrichedEvent {
            event_id: event.event_id,
            ts: event.ts,
            user_id: event.user_id,
            action: event.action,
            amount: event.amount.unwrap_or(0.0),
            country: user.map(|user| user.country),
            tier: user.map(|user| user.tier),
            session_id: event.session_id,
            ingested_at,
        }
    }

    /// The amount in millionths: a whole number, so that sums are exact and do not depend on the order.
    #[inline]
    pub fn amount_millionths(&self) -> i64 {
        (self.amount * 1e6).round() as i64 // at most 1e15, see `validate::MAX_AMOUNT`
    }
}

/// An event as it comes: the text of each known field, not yet looked at, so that every rule can be checked.
///
/// Unknown fields are allowed and skipped. A field that comes more than once keeps its first text, and
/// [`repeated`](RawEvent::repeated) says so. `None` is a field that is missing; a null has the text `null`.
#[derive(Clone, Debug, Default)]
pub struct RawEvent<'a> {
    /// Text of `event_id`.
    pub event_id: Option<&'a RawValue>,
    /// Text of `ts`.
    pub ts: Option<&'a RawValue>,
    /// Text of `user_id`.
    pub user_id: Option<&'a RawValue>,
    /// Text of `action`.
    pub action: Option<&'a RawValue>,
    /// Text of `amount`.
    pub amount: Option<&'a RawValue>,
    /// Text of `session_id`.
    pub session_id: Option<&'a RawValue>,
    /// Whether a known field came more than once.
    pub repeated: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    EventId,
    Ts,
    UserId,
    Action,
    Amount,
    SessionId,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for RawEvent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not derived: a derived struct stops at the first repeated field, and takes a JSON array for an object.
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawEvent<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event, which is a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEvent<'de>, A::Error> {
                let mut raw = RawEvent::default();
                while let Some(field) = map.next_key()? {
                    let slot = match field {
                        Field::EventId => &mut raw.event_id,
                        Field::Ts => &mut raw.ts,
                        Field::UserId => &mut raw.user_id,
                        Field::Action => &mut raw.action,
                        Field::Amount => &mut raw.amount,
                        Field::SessionId => &mut raw.session_id,
                        Field::Unknown => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    let value = map.next_value()?;
                    if slot.is_none() {
                        *slot = Some(value);
                    } else {
                        raw.repeated = true;
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_names_round_trip() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(action));
            assert_eq!(serde_json::to_string(&action).unwrap(), format!("{:?}", action.name()));
        }
        assert_eq!(Action::from_name("Click"), None);
    }

    #[test]
    fn valid_events_survive_json_and_bincode() {
        let event = Event {
            event_id: "e1".into(),
            ts: Timestamp::from_seconds(1_769_896_800),
            user_id: u64::MAX,
            action: Action::Purchase,
            amount: Some(0.1),
            session_id: None,
        };
        let user = User { country: Country::new(*b"DE").unwrap(), tier: Tier::Pro };
        let row = EnrichedEvent::new(event.clone(), Some(user), Timestamp::from_micros(5));
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);

        let config = bincode::config::legacy();
        let bytes = bincode::serde::encode_to_vec(&row, config).unwrap();
        assert_eq!(bincode::serde::decode_from_slice::<EnrichedEvent, _>(&bytes, config).unwrap().0, row);
    }

    #[test]
    fn rows_without_amount_and_user_have_zero_and_none() {
        let event = Event {
            event_id: "e1".into(),
            ts: Timestamp::MIN,
            user_id: 1,
            action: Action::View,
            amount: None,
            session_id: Some("s".into()),
        };
        let row = EnrichedEvent::new(event, None, Timestamp::MAX);
        assert_eq!((row.amount, row.country, row.tier, row.ingested_at), (0.0, None, None, Timestamp::MAX));
    }

    #[test]
    fn raw_events_tell_missing_from_null_and_skip_unknown_fields() {
        let raw: RawEvent<'_> = serde_json::from_str(r#"{"x":[1e999,{}],"event_id":null,"ts":1,"ts":2}"#).unwrap();
        assert_eq!(raw.event_id.unwrap().get(), "null");
        assert!(raw.user_id.is_none());
        assert_eq!(raw.ts.unwrap().get(), "1");
        assert!(raw.repeated);
    }
}
