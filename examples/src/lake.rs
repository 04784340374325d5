//! The main job: what it works on, and the [`pipeline`] that does it.
//!
//! An event comes as one line of JSON. [`validate::parse`] makes an [`Event`](event::Event) of it or a
//! [`Rejection`](reason::Rejection) that names every violated rule; a rejected line is kept whole as a
//! [`DeadLetter`](dead_letter::DeadLetter). The [`Users`](users::Users) table adds country and tier, and the result is
//! an [`EnrichedEvent`](event::EnrichedEvent), the row that lands in the lake. Where no real input is at hand,
//! [`Simulation`](simulate::Simulation) writes lines with the faults that real traffic has, and knows how many of each.
//!
//! ```
//! use examples::lake::{reason::Reason, validate};
//!
//! let event = validate::parse(
//!     br#"{"event_id":"e1","ts":"2026-01-31T22:00:00Z","user_id":7,"action":"click","amount":null}"#,
//! );
//! assert_eq!(event.unwrap().user_id, 7);
//!
//! let rejection = validate::parse(br#"{"event_id":null,"ts":"2026-01-31T22:00:00Z","user_id":7,"action":"fly"}"#);
//! let reasons: Vec<Reason> = rejection.unwrap_err().reasons().collect();
//! assert_eq!(reasons, [Reason::EventIdNull, Reason::ActionUnknown]);
//! ```

pub mod activity;
pub mod clock;
pub mod compact;
pub mod country;
pub mod dead_letter;
pub mod event;
pub mod event_time;
pub mod input;
pub mod options;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod query;
pub mod raw_line;
pub mod reason;
pub mod rfc3339;
pub mod rows;
pub mod run;
pub mod simulate;
pub mod source;
pub mod summary;
pub mod users;
pub mod validate;
