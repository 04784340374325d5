//! Breadth first through all worlds, so that what is found is found by a shortest way.

use super::world::{Label, Rules, World};
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

/// Worlds are told apart by 128 bits: they themselves would not fit into memory.
fn fingerprint(world: &World) -> (u64, u64) {
    let mut lanes = Lanes(0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
    world.hash(&mut lanes);
    (lanes.0, lanes.1)
}

/// Two hashes at once, of few steps a word: this is most of what the check does, and tests are not optimised.
struct Lanes(u64, u64);

fn fold(lane: u64, word: u64, by: u64) -> u64 {
    let product = u128::from(lane ^ word) * u128::from(by);
    (product >> 64) as u64 ^ product as u64 ^ lane.rotate_left(32)
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.write_u64(chunk.iter().fold(chunk.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0, word, 0xa409_3822_299f_31d1);
        self.1 = fold(self.1, word, 0x082e_fa98_ec4e_6c89);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
