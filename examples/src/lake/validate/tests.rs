//! Each rule by itself, several at once, and the fast way against the thorough one.

use super::*;
use proptest::prelude::*;

const VALID: &str = r#"{"event_id":"e1","ts":"2026-01-31T22:00:00.5Z","user_id":7,"action":"click","amount":19.99}"#;

fn reasons(line: impl AsRef<[u8]>) -> Vec<Reason> {
    parse(line.as_ref()).map_or_else(|rejection| rejection.reasons().collect(), |_| Vec::new())
}

/// The valid line with the text of one field replaced.
fn with(field: &str, text: &str) -> String {
    let mut line = String::from("{");
    let fields = [
        ("event_id", "\"e1\""),
        ("ts", "\"2026-01-31T22:00:00Z\""),
        ("user_id", "7"),
        ("action", "\"click\""),
        ("amount", "19.99"),
        ("session_id", "null"),
    ];
    for (name, valid) in fields {
        let text = if name == field { text } else { valid };
        if !text.is_empty() {
            line += &format!("\"{name}\":{text},");
        }
    }
    line + "\"extra\":[{}]}"
}

#[test]
fn a_valid_line_takes_the_fast_way() {
    let event = accept(VALID.as_bytes()).unwrap();
    assert_eq!(event.event_id, "e1");
    assert_eq!(event.ts, Timestamp::from_millis(1_769_896_800_500));
    assert_eq!((event.user_id, event.action, event.amount), (7, Action::Click, Some(19.99)));
    assert_eq!(event.session_id, None);
    assert_eq!(examine(VALID.as_bytes()), Ok(event));
}

#[test]
fn white_space_escapes_and_unknown_fields_are_allowed() {
    let line = " { \"event\\u005fid\" : \"\\u00e9\\\"\", \"ts\":\"2026-01-31T22:00:00+00:00\",\"user_id\":1,\t\
                \"action\":\"vi\\u0065w\",\"x\":{\"y\":[1e999,null]},\"session_id\":\"s\\n\" }\r\n";
    let event = parse(line.as_bytes()).unwrap();
    assert_eq!((event.event_id.as_str(), event.action), ("é\"", Action::View));
    assert_eq!((event.amount, event.session_id.as_deref()), (None, Some("s\n")));
}

#[test]
fn limits_are_inclusive() {
    for (field, text) in [
        ("event_id", format!("{:?}", "x".repeat(MAX_EVENT_ID))),
        ("ts", "\"1970-01-01T00:00:00Z\"".into()),
        ("ts", "\"2100-12-31T23:59:59.999999Z\"".into()),
        ("user_id", "1".into()),
        ("user_id", u64::MAX.to_string()),
        ("amount", "0".into()),
        ("amount", "-0.0".into()),
        ("amount", "1e9".into()),
        ("amount", "null".into()),
        ("amount", "".into()),
        ("session_id", "\"\"".into()),
    ] {
        assert_eq!(reasons(with(field, &text)), [], "{field}: {text}");
    }
}

#[test]
fn each_violated_rule_of_a_field_has_its_reason() {
    use Reason::*;
    for (field, text, reason) in [
        ("event_id", "", EventIdMissing),
        ("event_id", "null", EventIdNull),
        ("event_id", "17", EventIdNotString),
        ("event_id", "{\"a\":1}", EventIdNotString),
        ("event_id", "\"\"", EventIdEmpty),
        ("event_id", &format!("{:?}", "x".repeat(MAX_EVENT_ID + 1)), EventIdTooLong),
        ("event_id", "\"\\ud800\"", InvalidUtf8),
        ("ts", "", TsMissing),
        ("ts", "null", TsNull),
        ("ts", "1769896800", TsNotString),
        ("ts", "\"2026-01-31T22:00:00\"", TsNotRfc3339),
        ("ts", "\"0001-01-01T00:00:00Z\"", TsOutOfRange),
        ("ts", "\"1970-01-01T00:00:00+00:01\"", TsOutOfRange),
        ("ts", "\"2101-01-01T00:00:00Z\"", TsOutOfRange),
        ("ts", "\"9999-12-31T23:59:59Z\"", TsOutOfRange),
        ("user_id", "", UserIdMissing),
        ("user_id", "null", UserIdNull),
        ("user_id", "1.0", UserIdNotInteger),
        ("user_id", "1e3", UserIdNotInteger),
        ("user_id", "\"1\"", UserIdNotInteger),
        ("user_id", "true", UserIdNotInteger),
        ("user_id", "[1]", UserIdNotInteger),
        ("user_id", "0", UserIdOutOfRange),
        ("user_id", "-0", UserIdOutOfRange),
        ("user_id", "-5", UserIdOutOfRange),
        ("user_id", "18446744073709551616", UserIdOutOfRange),
        ("action", "", ActionMissing),
        ("action", "null", ActionNull),
        ("action", "3", ActionNotString),
        ("action", "{\"click\":null}", ActionNotString),
        ("action", "\"Click\"", ActionUnknown),
        ("amount", "\"19.99\"", AmountNotNumber),
        ("amount", "[]", AmountNotNumber),
        ("amount", "false", AmountNotNumber),
        ("amount", "-0.01", AmountNegative),
        ("amount", "-1e999", AmountNegative),
        ("amount", "1000000000.01", AmountTooLarge),
        ("amount", "1e999", AmountTooLarge),
        ("amount", "NaN", NonFiniteNumber),
        ("amount", "-Infinity", NonFiniteNumber),
        ("session_id", "5", SessionIdNotString),
    ] {
        assert_eq!(reasons(with(field, text)), [reason], "{field}: {text}");
    }
}

#[test]
fn lines_that_are_no_object_have_their_reason() {
    use Reason::*;
    for (line, reason) in [
        ("", TruncatedJson),
        ("{", TruncatedJson),
        (&VALID[..VALID.len() - 1], TruncatedJson),
        (&VALID[..15], TruncatedJson),
        (r#"{"amount":-"#, TruncatedJson),
        (r#"{"amount":1.5e+"#, TruncatedJson),
        (r#"{"amount":1.]"#, InvalidJson),
        ("null", NotAnObject),
        ("17", NotAnObject),
        (r#"["e1","2026-01-31T22:00:00Z",7,"click",1.0,null]"#, NotAnObject),
        ("GET / HTTP/1.1", InvalidJson),
        ("{'event_id':'e1'}", InvalidJson),
        (&format!("{VALID}{VALID}"), InvalidJson),
        (&format!("\u{feff}{VALID}"), InvalidJson),
    ] {
        assert_eq!(reasons(line)[0], reason, "{line}");
    }
}

#[test]
fn all_violated_rules_are_reported() {
    use Reason::*;
    assert_eq!(reasons("NaNNaN"), [InvalidJson, NonFiniteNumber]);
    assert_eq!(reasons("{}"), [EventIdMissing, TsMissing, UserIdMissing, ActionMissing]);
    let line = r#"{"event_id":null,"ts":"0001-01-01T00:00:00Z","user_id":1.5,"action":7,"amount":NaN,"session_id":{}}"#;
    assert_eq!(
        reasons(line),
        [NonFiniteNumber, EventIdNull, TsOutOfRange, UserIdNotInteger, ActionNotString, SessionIdNotString]
    );
    let mut line = with("amount", "-1").into_bytes();
    line[14] = 0xff;
    let rejection = parse(&line).unwrap_err();
    assert!(rejection.reasons().eq([InvalidUtf8, AmountNegative]));
    assert_eq!(rejection.column(), Some(15));
}

#[test]
fn a_known_field_must_not_come_twice_and_an_unknown_one_may() {
    let line = VALID.replace("{", r#"{"x":1,"x":2,"user_id":0,"#);
    assert_eq!(reasons(line), [Reason::RepeatedField, Reason::UserIdOutOfRange]);
    assert_eq!(reasons(VALID.replace("{", r#"{"x":1,"x":2,"#)), []);
}

#[test]
fn invalid_utf8_in_an_unknown_field_is_found() {
    let mut line = VALID.replace("{", r#"{"x":"?","#).into_bytes();
    line[6] = 0xc0;
    assert_eq!(reasons(line), [Reason::InvalidUtf8]);
}

#[test]
fn non_finite_words_in_strings_are_no_numbers() {
    assert_eq!(reasons(with("session_id", r#""NaN \" Infinity \\""#)), []);
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    let depth = 200_000;
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(reasons(VALID.replace("{", &format!(r#"{{"x":{nested},"#))), []);
    assert_eq!(reasons("[".repeat(depth)), [Reason::TruncatedJson]);
}

/// Text of a field, often valid and otherwise nearly so.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("null".to_owned()),
        Just("\"click\"".to_owned()),
        Just("\"2026-01-31T22:00:00Z\"".to_owned()),
        Just("NaN".to_owned()),
        "-?[0-9]{1,21}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "\"[a-z\\\\\"é]{0,70}\"",
        "\\{\"click\":null\\}",
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn both_ways_agree(
        field in prop::sample::select(vec!["event_id", "ts", "user_id", "action", "amount", "session_id", "x"]),
        value in value(),
        damage in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut line = with(field, &value).into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(line.len());
            line[at] = byte;
        }
        if let Some(event) = accept(&line) {
            prop_assert_eq!(examine(&line), Ok(event));
        }
    }

    #[test]
    fn every_prefix_is_rejected_as_truncated(length in 0..VALID.len()) {
        prop_assert_eq!(reasons(&VALID[..length]), [Reason::TruncatedJson]);
    }

    #[test]
    fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&line);
    }
}
