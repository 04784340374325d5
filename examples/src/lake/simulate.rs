//! Made-up traffic: lines of raw events with the faults that real ones have, and the truth about them.
//!
//! Event number *i* is a pure function of *i* and the seed. So any part of a simulation can be made by any thread, in
//! any order and again after a restart, and what a pipeline should find in it can be counted without a pipeline.
//!
//! - Each event arrives 1 ms after the one before it, from [`START`] on, and is up to [`MAX_DELAY`] older than that:
//!   half of them less than a second, the rest with a long tail.
//! - About 1 % are invalid, in all the ways of [`Defect`].
//! - About 2 % are delivered again: the line of an event up to [`MAX_REDELIVERY`] events before, to the byte.
//! - A tenth of the events comes from one user of [`users::BUILT_IN`], half of them from one
//!   in twenty; four in a thousand come from users that the table does not know. 70 % are clicks, 25 % views, 5 %
//!   purchases.
//! - A quarter comes from a later producer, which adds `session_id` and a field that nobody knows.

mod defect;
mod line;

use std::collections::BTreeMap;

pub use defect::Defect;
use line::{Line, ROOM, hex, hex8};

use dataflow_windows::{Duration, Timestamp};

use super::event::Action;
use super::reason::Reason;
use super::rfc3339;
use super::users;

/// When the first event arrives: 2026-01-31T22:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_769_896_800);

/// Event time from one arrival to the next.
pub const INTERVAL: Duration = Duration::millis(1);

/// How much older than its arrival an event is at most.
pub const MAX_DELAY: Duration = Duration::seconds(60);

/// How many events after its first delivery an event is delivered again at most.
pub const MAX_REDELIVERY: u64 = 30_000;

/// Shares of events, in parts of 2²⁰. Not every event drawn to be a redelivery finds one to redeliver.
const SHARES: u64 = 1 << 20;
const INVALID: u64 = SHARES / 100;
const REDELIVERED: u64 = SHARES * 218 / 10_000;

/// Amounts of purchases in cents, at every sixteenth of their distribution: close to log-normal around 25.00.
const AMOUNTS: [u32; 17] =
    [99, 539, 792, 1030, 1274, 1533, 1817, 2137, 2500, 2925, 3440, 4077, 4906, 6069, 7895, 11_592, 39_900];

/// The traffic of `n` events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    n: u64,
    key: u64,
}

/// What a simulation holds, counted one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// All events: valid ones, duplicates and invalid ones.
    pub read: u64,
    /// Valid events, each counted once.
    pub valid: u64,
    /// Valid events that were there before.
    pub duplicates: u64,
    /// Invalid events.
    pub invalid: u64,
    /// How many events violate a rule; one may violate several.
    pub rejected_by_reason: BTreeMap<Reason, u64>,
}

/// The truth about `Simulation::new(n, seed)`. Takes some nanoseconds an event.
pub fn truth(n: u64, seed: u64) -> Truth {
    let simulation = Simulation::new(n, seed);
    let mut truth = Truth { read: n, ..Truth::default() };
    for index in 0..n {
        match simulation.kind(index) {
            Kind::Valid => truth.valid += 1,
            Kind::Redelivered(_) => truth.duplicates += 1,
            Kind::Invalid(defect) => {
                truth.invalid += 1;
                for &reason in defect.reasons() {
                    *truth.rejected_by_reason.entry(reason).or_default() += 1;
                }
            }
        }
    }
    truth
}

/// What becomes of an event number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Valid,
    /// The event of that number comes once more.
    Redelivered(u64),
    Invalid(Defect),
}

/// The random bits of an event number: `id` is different for each, `fate` decides on kind, delay and form.
#[derive(Clone, Copy)]
struct Draw {
    id: u64,
    fate: u64,
}

/// The content of an event; `ts` in microseconds since 1970.
#[derive(Clone, Copy)]
struct Content {
    id: u64,
    ts: i64,
    user_id: u64,
    action: Action,
    amount: Amount,
    east: bool,
    later: bool,
}

#[derive(Clone, Copy)]
enum Amount {
    Missing,
    Null,
    Cents(u32),
}

impl Simulation {
    /// The traffic of `n` events that `seed` gives.
    pub fn new(n: u64, seed: u64) -> Simulation {
        Simulation { n, key: mix(seed) }
    }

    /// Number of events.
    #[allow(clippy::len_without_is_empty, reason = "a number given by the user, not a collection")]
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Appends the line of the event number `index`, at most 256 bytes and without a line feed.
    #[inline]
    pub fn line(&self, index: u64, out: &mut Vec<u8>) {
        match self.kind(index) {
            Kind::Valid => self.content(index).write(out),
            Kind::Redelivered(original) => self.content(original).write(out),
            Kind::Invalid(defect) => defect.write(&self.content(index), out),
        }
    }

    /// Event time of the event number `index`; of an invalid one, what it should be.
    #[inline]
    pub fn timestamp(&self, index: u64) -> Timestamp {
        let index = match self.kind(index) {
            Kind::Redelivered(original) => original,
            Kind::Valid | Kind::Invalid(_) => index,
        };
        Timestamp::from_micros(arrival(index) - delay(index, self.draw(index)))
    }

    /// A time that no event from the number `index` on is older than: the watermark before
    /// that event.
    #[inline]
    pub fn lower_bound(&self, index: u64) -> Timestamp {
        START.max(Timestamp::from_micros(arrival(index)) - MAX_DELAY)
    }

    #[inline]
    fn draw(&self, index: u64) -> Draw {
        // `mix` is a bijection, so that no two events of a simulation have the same id.
        let id = mix(index.wrapping_add(self.key));
        Draw { id, fate: mix(id ^ 0x5851_f42d_4c95_7f2d) }
    }

    #[inline]
    fn kind(&self, index: u64) -> Kind {
        let draw = self.draw(index);
        match draw.fate % SHARES {
            0..INVALID => Kind::Invalid(Defect::ALL[(draw.fate >> 20) as usize % Defect::ALL.len()]),
            share if is_redelivered(share) => self.original(index, draw).map_or(Kind::Valid, Kind::Redelivered),
            _ => Kind::Valid,
        }
    }

    /// The event that `index` repeats: a valid one that is no repetition itself and not too old by then.
    fn original(&self, index: u64, draw: Draw) -> Option<u64> {
        let distance = 1 + mix(draw.fate) % index.clamp(1, MAX_REDELIVERY);
        let original = index.checked_sub(distance)?;
        let draw = self.draw(original);
        let share = draw.fate % SHARES;
        let age = distance as i64 * INTERVAL.as_micros() + delay(original, draw);
        (share >= INVALID && !is_redelivered(share) && age <= MAX_DELAY.as_micros()).then_some(original)
    }

    #[inline]
    fn content(&self, index: u64) -> Content {
        let draw = self.draw(index);
        let bits = mix(draw.id ^ 0x9e6c_63d0_876a_46ad);
        // The fourth power of an even distribution is close to Zipf's; the factor scatters the busy users' ids.
        let even = (bits >> 32) as f64 / (1u64 << 32) as f64;
        let rank = (even * even * even * even * users::BUILT_IN as f64) as u64;
        let known = rank * 7919 % users::BUILT_IN + 1;
        let user_id = if bits >> 24 & 0xff == 0 { known + users::BUILT_IN } else { known };
        let (action, amount) = match bits & 0x3ff {
            0..717 => (Action::Click, small_amount(bits)),
            717..973 => (Action::View, small_amount(bits)),
            _ => (Action::Purchase, purchase_amount(bits)),
        };
        Content {
            id: draw.id,
            ts: arrival(index) - delay(index, draw),
            user_id,
            action,
            amount,
            east: draw.fate >> 20 & 15 == 0,
            later: draw.fate >> 24 & 3 == 0,
        }
    }
}

/// When an event arrives, in microseconds since 1970.
fn arrival(index: u64) -> i64 {
    START.as_micros() + index as i64 * INTERVAL.as_micros()
}

fn is_redelivered(share: u64) -> bool {
    (INVALID..INVALID + REDELIVERED).contains(&share)
}

/// How much older than its arrival an event is, in microseconds. No event is older than [`START`].
#[inline]
fn delay(index: u64, draw: Draw) -> i64 {
    let even = (draw.fate >> 44) as f64 / SHARES as f64;
    let cube = even * even * even;
    let delay = (cube * cube * MAX_DELAY.as_micros() as f64) as i64;
    let elapsed = index as i64 * INTERVAL.as_micros();
    if delay <= elapsed { delay } else { delay % (elapsed + 1) }
}

/// What clicks and views are worth: nothing, mostly, and cents where an advertiser pays.
fn small_amount(bits: u64) -> Amount {
    match bits >> 10 & 3 {
        0 => Amount::Missing,
        1 | 2 => Amount::Null,
        _ => Amount::Cents((bits >> 12 & 63) as u32),
    }
}

fn purchase_amount(bits: u64) -> Amount {
    let (step, part) = ((bits >> 12 & 15) as usize, (bits >> 16 & 0xff) as u32);
    let (low, high) = (AMOUNTS[step], AMOUNTS[step + 1]);
    if part == 0 { Amount::Null } else { Amount::Cents(low + (high - low) * part / 256) }
}

/// Mixes all bits of a number into all bits of the result; a bijection (the finaliser of SplitMix64).
#[inline]
pub(super) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Content {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        // Into room made at once, because a growing vector checks its capacity at each of a dozen pieces; and what is
        // optional is written anyway and then overwritten, because branches on random bits cost more than the bytes.
        let start = out.len();
        out.resize(start + ROOM, 0);
        let Some(bytes) = out[start..].first_chunk_mut() else { return };
        let mut line = Line { bytes, length: 0 };
        line.put(b"{\"event_id\":\"");
        line.put(&hex(self.id));
        line.put(b"\",\"ts\":\"");
        line.put(&rfc3339::date_time(self.ts + i64::from(self.east) * 7_200_000_000));
        let (offset, length) = if self.east { (b"+02:00", 6) } else { (b"Z     ", 1) };
        line.put_some(offset, length);
        line.put(b"\",\"user_id\":");
        line.put_number(self.user_id as u32);
        const ACTIONS: [(&[u8; 20], usize); 3] =
            [(b",\"action\":\"click\"   ", 17), (b",\"action\":\"view\"    ", 16), (b",\"action\":\"purchase\"", 20)];
        let (action, length) = ACTIONS[self.action as usize];
        line.put_some(action, length);
        match self.amount {
            Amount::Cents(cents) => {
                line.put(b",\"amount\":");
                line.put_number(cents / 100);
                line.put(b".");
                line.put(&rfc3339::digits(cents % 100));
            }
            other => line.put_some(b",\"amount\":null", if matches!(other, Amount::Null) { 14 } else { 0 }),
        }
        let end = line.length;
        line.put(b",\"session_id\":\"s-");
        line.put(&hex8(self.session()));
        line.put(b"\",\"schema\":2");
        line.length = if self.later { line.length } else { end };
        line.put(b"}");
        let length = line.length;
        out.truncate(start + length);
    }

    /// A user's session of half an hour.
    fn session(&self) -> u32 {
        (mix(self.user_id ^ ((self.ts / 1_800_000_000) as u64) << 32) >> 32) as u32
    }
}

#[cfg(test)]
mod tests;
