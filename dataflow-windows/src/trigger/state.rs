//! How far a trigger is.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// How far the trigger of one key and window is: a bit a part of the trigger, and a register (a count or a time) for
/// each part that needs one.
///
/// It is small, and needs no memory of its own unless the trigger has more than two parts that count or wait. A state
/// belongs to the [`TriggerMachine`](crate::TriggerMachine) it was [started](crate::TriggerMachine::start) by. A state
/// of another machine is safe to use, but means nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TriggerState(Cells);

/// Two variants with the bits in each are smaller than one struct with two kinds of registers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Cells {
    Inline { bits: u32, registers: [u64; INLINE] },
    Boxed { bits: u32, registers: Box<[u64]> },
}

const INLINE: usize = 2;

impl Default for Cells {
    fn default() -> Self {
        Cells::Inline { bits: 0, registers: [0; INLINE] }
    }
}

impl TriggerState {
    /// Parts a trigger can have at most.
    pub(super) const MAX_PARTS: usize = u32::BITS as usize;

    /// With so many registers. All of them are 0, which is a count of 0 or no time.
    #[inline]
    pub(super) fn with_registers(n: usize) -> Self {
        TriggerState(match n {
            0..=INLINE => Cells::default(),
            _ => Cells::Boxed { bits: 0, registers: vec![0; n].into() },
        })
    }

    #[inline]
    fn bits(&self) -> u32 {
        match self.0 {
            Cells::Inline { bits, .. } | Cells::Boxed { bits, .. } => bits,
        }
    }

    #[inline]
    fn bits_mut(&mut self) -> &mut u32 {
        match &mut self.0 {
            Cells::Inline { bits, .. } | Cells::Boxed { bits, .. } => bits,
        }
    }

    #[inline]
    fn registers(&self) -> &[u64] {
        match &self.0 {
            Cells::Inline { registers, .. } => registers,
            Cells::Boxed { registers, .. } => registers,
        }
    }

    #[inline]
    fn registers_mut(&mut self) -> &mut [u64] {
        match &mut self.0 {
            Cells::Inline { registers, .. } => registers,
            Cells::Boxed { registers, .. } => registers,
        }
    }

    /// Whether the bit of `part` is set.
    #[inline]
    pub(super) fn is_set(&self, part: usize) -> bool {
        self.bits() & mask(part, part + 1) != 0
    }

    /// Sets or clears the bits of the parts `from..to`.
    #[inline]
    pub(super) fn set(&mut self, from: usize, to: usize, on: bool) {
        let mask = mask(from, to);
        if on {
            *self.bits_mut() |= mask;
        } else {
            *self.bits_mut() &= !mask;
        }
    }

    /// Clears the registers `from..to`.
    #[inline]
    pub(super) fn clear_registers(&mut self, from: usize, to: usize) {
        // A state of another machine may have fewer.
        for register in self.registers_mut().iter_mut().take(to).skip(from) {
            *register = 0;
        }
    }

    /// A register as a count.
    #[inline]
    pub(super) fn count(&self, register: usize) -> u64 {
        self.registers().get(register).copied().unwrap_or(0)
    }

    /// Sets a register to a count.
    #[inline]
    pub(super) fn set_count(&mut self, register: usize, count: u64) {
        if let Some(cell) = self.registers_mut().get_mut(register) {
            *cell = count;
        }
    }

    /// A register as a time.
    #[inline]
    pub(super) fn time(&self, register: usize) -> Option<Timestamp> {
        // 1 is the beginning of time, so that 0 can be no time.
        let after_none = self.count(register).checked_sub(1)?;
        Some(Timestamp::from_micros(Timestamp::MIN.as_micros().wrapping_add_unsigned(after_none)))
    }

    /// Sets a register to a time.
    #[inline]
    pub(super) fn set_time(&mut self, register: usize, time: Timestamp) {
        self.set_count(register, time.as_micros().abs_diff(Timestamp::MIN.as_micros()) + 1);
    }
}

/// The bits `from..to`; those beyond the last one do not exist.
#[inline]
fn mask(from: usize, to: usize) -> u32 {
    let below = |n: usize| if n < TriggerState::MAX_PARTS { (1_u32 << n) - 1 } else { u32::MAX };
    below(to) & !below(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        assert!(size_of::<TriggerState>() <= 24);
    }

    #[test]
    fn a_register_keeps_any_time_and_tells_it_from_none() {
        let mut state = TriggerState::with_registers(3);
        assert_eq!(state.time(2), None);
        for time in [Timestamp::MIN, Timestamp::from_micros(-1), Timestamp::from_micros(0), Timestamp::MAX] {
            state.set_time(2, time);
            assert_eq!(state.time(2), Some(time));
        }
    }

    #[test]
    fn bits_are_set_and_cleared_in_ranges() {
        let mut state = TriggerState::default();
        state.set(1, 32, true);
        state.set(5, 7, false);
        let set: Vec<usize> = (0..40).filter(|&part| state.is_set(part)).collect();
        assert_eq!(set, (1..5).chain(7..32).collect::<Vec<_>>());
    }

    #[test]
    fn a_register_that_is_not_there_is_empty() {
        let mut state = TriggerState::with_registers(1);
        state.set_count(9, 5);
        state.clear_registers(1, 20);
        assert_eq!(state, TriggerState::default());
        assert_eq!(state.count(9), 0);
    }
}
