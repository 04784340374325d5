//! Everything that can happen at small size, on the very machines that run: processes that stop between any two steps and
//! wake up when others have gone on, brokers that time out, answers that get lost, epochs that are run again with other
//! contents, forks, sweeping.
//!
//! In every state that can be reached, what is published must be the first inputs, each once; and a new process, left
//! alone, must be able to publish the rest. Each [mutation](super::mutation::Mutation) of the machines must be found.

mod driver;
mod explore;
mod target;
mod world;

use super::mutation::Mutation;
use crate::SinkKind::{Named, Transactional};
use explore::explore;
use world::Rules;

/// Two processes, one shard, three inputs, nothing but kills and zombies.
const PLAIN: Rules = Rules {
    kind: Transactional,
    shards: 1,
    inputs: 3,
    processes: 2,
    manifests: 5,
    brokers_time_out: false,
    answers_get_lost: false,
    forks: false,
    sweeps: false,
    markers_expire: false,
    mutation: None,
};

fn holds(rules: Rules, at_least: usize) {
    let begun = std::time::Instant::now();
    let states = explore(&rules).unwrap_or_else(|violation| panic!("{violation}"));
    println!("holds in {states} states, {:?}, of {rules:?}", begun.elapsed());
    assert!(states >= at_least, "only {states} states were tried");
}

/// Larger sizes take minutes, so they are for the runs that try everything longer.
fn thorough() -> bool {
    let cases = std::env::var("DATAFLOW_MODEL_CASES").ok().and_then(|cases| cases.parse::<u32>().ok());
    cases.is_some_and(|cases| cases >= 1000)
}

fn finds(mutation: Mutation, rules: Rules) {
    let rules = Rules { mutation: Some(mutation), ..rules };
    let found = explore(&rules).expect_err("the mistake must be found");
    println!("{mutation:?}: {found}");
}

#[test]
fn exactly_once_holds_when_processes_are_killed_and_wake_up() {
    holds(Rules { brokers_time_out: true, ..PLAIN }, 100_000);
}

#[test]
fn exactly_once_holds_when_answers_get_lost() {
    let rules = Rules { answers_get_lost: true, inputs: 2, manifests: 4, ..PLAIN };
    holds(rules.clone(), 10_000);
    if thorough() {
        holds(Rules { inputs: 3, manifests: 5, brokers_time_out: true, ..rules }, 1_000_000);
    }
}

#[test]
fn exactly_once_holds_with_several_shards() {
    holds(Rules { shards: 2, inputs: 2, manifests: 4, ..PLAIN }, 10_000);
    if thorough() {
        holds(Rules { shards: 2, inputs: 3, ..PLAIN }, 100_000);
    }
}

#[test]
fn exactly_once_holds_with_three_processes() {
    if thorough() {
        holds(Rules { processes: 3, inputs: 2, ..PLAIN }, 100_000);
    }
    holds(Rules { processes: 3, inputs: 1, manifests: 4, ..PLAIN }, 10_000);
}

#[test]
fn exactly_once_holds_for_names() {
    let rules = Rules { kind: Named, answers_get_lost: true, inputs: 2, ..PLAIN };
    holds(rules.clone(), 10_000);
    if thorough() {
        holds(Rules { inputs: 3, ..rules }, 100_000);
    }
}

#[test]
fn exactly_once_holds_when_the_chain_is_swept() {
    holds(Rules { sweeps: true, inputs: 2, ..PLAIN }, 10_000);
    holds(Rules { kind: Named, sweeps: true, ..PLAIN }, 10_000);
}

#[test]
fn a_fork_doubles_only_what_was_accepted() {
    holds(Rules { forks: true, inputs: 2, ..PLAIN }, 5_000);
    holds(Rules { kind: Named, forks: true, inputs: 2, ..PLAIN }, 2_000);
    if thorough() {
        holds(Rules { forks: true, inputs: 2, processes: 3, ..PLAIN }, 100_000);
        holds(Rules { kind: Named, forks: true, inputs: 2, processes: 3, ..PLAIN }, 100_000);
    }
}

#[test]
fn nothing_is_doubled_when_markers_expire() {
    holds(Rules { markers_expire: true, brokers_time_out: true, inputs: 2, manifests: 4, ..PLAIN }, 5_000);
}

#[test]
fn markers_that_are_read_before_the_fence_are_found() {
    finds(Mutation::MarkersBeforeFence, PLAIN);
}

#[test]
fn a_chain_that_refuses_nobody_is_found() {
    finds(Mutation::NoChain, PLAIN);
    finds(Mutation::NoChain, Rules { kind: Named, ..PLAIN });
}

#[test]
fn pending_outputs_that_are_dropped_early_are_found() {
    finds(Mutation::TrimEarly, PLAIN);
    finds(Mutation::TrimEarly, Rules { kind: Named, ..PLAIN });
}

#[test]
fn a_fenced_process_that_goes_on_from_memory_is_found() {
    finds(Mutation::FencedRetries, PLAIN);
}

#[test]
fn a_lineage_without_a_marker_of_its_own_is_found() {
    finds(Mutation::MarkerNotRewritten, Rules { markers_expire: true, ..PLAIN });
}

#[test]
fn markers_that_are_written_by_a_zombie_are_found() {
    finds(Mutation::MarkerUnconfirmed, Rules { markers_expire: true, inputs: 2, manifests: 4, ..PLAIN });
}

#[test]
fn outputs_without_their_marker_are_found() {
    finds(Mutation::OutputsWithoutMarker, PLAIN);
}

#[test]
fn a_fork_that_stays_in_its_lineage_is_found() {
    finds(Mutation::SameLineage, Rules { kind: Named, forks: true, inputs: 2, ..PLAIN });
}

#[test]
fn a_swept_number_that_is_written_again_is_found() {
    finds(Mutation::NoSecondLook, Rules { kind: Named, sweeps: true, ..PLAIN });
}
