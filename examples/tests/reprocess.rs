//! Dead letters are corrected and fed back.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, event};
use examples::lake::reason::Reason;
use std::fs;

#[test]
fn corrected_dead_letters_come_into_the_lake() {
    let place = Place::new();
    let good = event("good", "2026-01-31T22:00:00Z", 1, "click", "1.5");
    let wrong = event("wrong", "2026-01-31T22:00:01Z", 0, "buy", "2");
    let broken = r#"{"event_id":"broken","#;
    place.file("in.ndjson", format!("{good}\n{wrong}\n{broken}\n"));
    let summary = place.land(&["--input", "in.ndjson"]);
    assert_eq!((&summary["written"], &summary["rejected"]), (&1.into(), &2.into()));
    let letters = place.dead_letters();
    assert_eq!(letters[0].raw.as_deref(), Some(&wrong[..]));
    assert_eq!(letters[0].reasons, [Reason::UserIdOutOfRange, Reason::ActionUnknown]);
    assert_eq!(letters[0].position, format!("in.ndjson:byte {}", good.len() + 1));
    assert_eq!(letters[1].reasons, [Reason::TruncatedJson]);

    // Somebody corrects one of them where it stands, writes another event beside, and leaves the broken one.
    let files = common::visible(&place.out().join("dead-letters"));
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let text = text.replace(r#"\"user_id\":0"#, r#"\"user_id\":9"#).replace("buy", "purchase");
    let plain = event("plain", "2026-01-31T22:00:02Z", 2, "view", "null");
    place.file("corrected.ndjson", format!("{text}\n{plain}\n"));
    let summary = place.land(&["--reprocess", "corrected.ndjson"]);
    assert_eq!((&summary["read"], &summary["written"], &summary["rejected"]), (&3.into(), &2.into(), &1.into()));

    let events = place.events();
    let ids: Vec<&str> = events.iter().map(|event| &event.event_id[..]).collect();
    assert_eq!(ids, ["good", "plain", "wrong"]);
    assert_eq!((events[2].user_id, events[2].amount), (9, 2.0));
    assert_eq!(place.dead_letters().len(), 3, "what is still broken is rejected again");
}

#[test]
fn bytes_that_are_no_text_come_back_as_they_were() {
    let place = Place::new();
    place.file("in.ndjson", b"{\"event_id\":\"\xff\"}\n");
    assert_eq!(place.land(&["--input", "in.ndjson"])["rejected"], 1);
    let first = place.dead_letters().remove(0);
    assert_eq!(first.raw_hex.as_deref(), Some("7b226576656e745f6964223a22ff227d"));
    assert_eq!(place.land(&["--reprocess", "out/dead-letters"])["rejected"], 1);
    let letters = place.dead_letters();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.raw_hex == first.raw_hex));
}

#[test]
fn the_dead_letters_that_are_fed_back_are_not_overwritten() {
    let place = Place::new();
    let output = place.lake(&["--reprocess", "out/dead-letters", "--overwrite"]);
    assert_eq!(output.status.code(), Some(2));
    let error = common::text(&output.stderr);
    assert!(error.contains("'--reprocess <PATH>' cannot be used with '--overwrite'"), "{error}");
}
