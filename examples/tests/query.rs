//! SQL over the lake.
#![allow(clippy::unwrap_used)]

mod common;

use common::Place;

#[cfg(not(feature = "sql"))]
#[test]
fn without_sql_the_program_says_how_to_build_it() {
    let error = Place::new().refuse(&["query", "SELECT 1"]);
    assert!(error.contains("--features sql"), "{error}");
}

#[cfg(feature = "sql")]
mod with_sql {
    use super::*;
    use common::text;
    use examples::lake::simulate;

    fn query(place: &Place, sql: &str, format: &str) -> String {
        let output = place.lake(&["query", sql, "--format", format]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    #[test]
    fn events_and_metrics_are_tables_with_their_date() {
        let place = Place::new();
        place.land(&["--input", "simulate:20000:1"]);
        let valid = simulate::truth(20_000, 1).valid;
        assert_eq!(
            query(&place, "SELECT count(*) AS n FROM events WHERE date = '2026-01-31'", "csv"),
            format!("n\n{valid}\n")
        );
        assert_eq!(query(&place, "SELECT sum(count) AS n FROM metrics", "json"), format!("{{\"n\":{valid}}}\n"));
        let table = query(&place, "SELECT action, revenue FROM metrics WHERE count < 0", "table");
        assert!(table.contains("action") && table.contains("revenue"), "{table}");
        let both = "SELECT (SELECT sum(amount) FROM events) - (SELECT sum(revenue) FROM metrics) < 0.01 AS same";
        assert_eq!(query(&place, both, "csv"), "same\ntrue\n");
        let sessions = query(&place, "SELECT count(session_id) > 0 AS some FROM events", "csv");
        assert_eq!(sessions, "some\ntrue\n");
    }

    #[test]
    fn wrong_queries_and_missing_lakes_are_clear_errors() {
        let place = Place::new();
        let error = place.refuse(&["query", "SELECT 1"]);
        assert!(error.contains("there is no table out/events: run `lake` first"), "{error}");
        place.land(&["--input", "simulate:100"]);
        let error = place.refuse(&["query", "SELECT actoin FROM events"]);
        assert!(error.contains("actoin") && error.contains("action"), "{error}");
    }
}
