//! Breadth first through all worlds, so that what is found is found by a shortest way.

use super::world::{Label, Rules, World};
use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use xxhash_rust::xxh3::Xxh3;

/// Worlds are told apart by 128 bits: they themselves would not fit into memory.
fn fingerprint(world: &World) -> u128 {
    let mut hasher = Xxh3::new();
    world.hash(&mut hasher);
    hasher.digest128()
}

/// The number of worlds that can be reached, or how one is that must not be.
pub(super) fn explore(rules: &Rules) -> Result<usize, String> {
    let start = World::new(rules);
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut completes = HashSet::new();
    // How each was reached: from which, and by what.
    let mut ways: Vec<(usize, Label)> = vec![(0, (0, "starts"))];
    let mut queue = VecDeque::from([(0, start)]);
    while let Some((at, world)) = queue.pop_front() {
        for (label, next) in world.next(rules) {
            if !seen.insert(fingerprint(&next)) {
                continue;
            }
            ways.push((at, label));
            let mut checked = next.check(rules);
            if checked.is_ok() && completes.insert(fingerprint(&next.without_processes())) {
                checked = next.check_completion(rules);
            }
            if let Err(wrong) = checked {
                return Err(format!("{wrong}\n{}", trace(&ways)));
            }
            queue.push_back((ways.len() - 1, next));
        }
    }
    Ok(ways.len())
}

fn trace(ways: &[(usize, Label)]) -> String {
    let mut steps = Vec::new();
    let mut at = ways.len() - 1;
    while at > 0 {
        let (before, (process, what)) = ways[at];
        steps.push(format!("  process {process}: {what}"));
        at = before;
    }
    steps.reverse();
    format!("after {} steps, {} states:\n{}", steps.len(), ways.len(), steps.join("\n"))
}
