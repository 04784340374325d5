//! Small files of the lake become large ones.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, text, visible};

#[test]
fn compaction_keeps_all_rows_and_a_dry_run_all_files() {
    let place = Place::new();
    let input = |seed: u64| ["--input".to_owned(), format!("simulate:2000:{seed}"), "--append".to_owned()];
    for seed in 0..4 {
        place.land(&input(seed).each_ref().map(String::as_str));
    }
    let (events, metrics, files) = (place.events(), place.metrics(), visible(&place.out()));

    let output = place.lake(&["compact", "--dry-run"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("date=2026-01-31"), "{}", text(&output.stdout));
    assert_eq!(visible(&place.out()), files);

    let output = place.lake(&["compact"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for table in ["events", "metrics"] {
        assert_eq!(visible(&place.out().join(table)).len(), 1, "{}", text(&output.stdout));
    }
    assert_eq!((place.events(), place.metrics()), (events, metrics));
    assert!(text(&place.lake(&["compact", "--dry-run"]).stdout).contains("nothing to merge"));
}

#[test]
fn without_a_lake_there_is_nothing_to_compact() {
    let error = Place::new().refuse(&["compact"]);
    assert!(error.contains("there is no table out/events: run `lake` first"), "{error}");
}
