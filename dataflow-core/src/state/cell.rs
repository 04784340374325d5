//! What the engine asks of a cell.

use super::timer::Setting;
use super::{Call, Clock};
use crate::Result;
use dataflow_windows::Timestamp;

/// A cell that holds data: a field of a [`StateRow`](super::StateRow). Implemented by the cells of this module.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state cell",
    label = "not a cell",
    note = "fields of a `StateRow` are `Value<T>`, `Bag<T>`, `Set<T>`, `Map<K, V>`, `Multimap<K, V>`, `OrderedList<T>`, \
            `Combining<F>`, an `Expiring<..>` of one of them, or a timer; data of other types goes into a `Value<T>`",
    note = "timers and `Expiring` are known by their names: write them out, not as an alias"
)]
pub trait StateCell: Default + Send + 'static {
    /// Whether there is nothing in it, so that it need not be kept.
    fn is_vacant(&self) -> bool;

    /// Appends what is in it.
    ///
    /// # Errors
    /// If a value in it cannot be encoded.
    fn encode(&self, to: &mut Vec<u8>) -> Result<()>;

    /// Takes up what was encoded.
    ///
    /// # Errors
    /// If the bytes are those of a cell of another type.
    fn decode(&mut self, from: &mut &[u8]) -> Result<()>;

    /// Makes it vacant.
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A cell that holds one timer or many: a field of a [`StateRow`](super::StateRow).
#[diagnostic::on_unimplemented(message = "`{Self}` is not a timer")]
pub trait TimerCell: Default + Send + 'static {
    /// Which of its timers has fired: `()` if there is one only.
    type Id;
    /// What it goes by.
    const CLOCK: Clock;

    /// Whether no timer is set.
    fn is_vacant(&self) -> bool;

    /// Appends the timers that are set.
    ///
    /// # Errors
    /// Never, in practice.
    fn encode(&self, to: &mut Vec<u8>) -> Result<()>;

    /// Takes up what was encoded.
    ///
    /// # Errors
    /// If the bytes are those of another cell.
    fn decode(&mut self, from: &mut &[u8]) -> Result<()>;

    /// Checks what was set in `call`. Returns whether anything was.
    ///
    /// # Errors
    /// If a timer is set beyond what the window allows; `name` is for the message.
    fn settle(&mut self, name: &str, call: &Call) -> Result<bool>;

    /// The timer that is to fire first.
    fn earliest(&self) -> Option<Setting>;

    /// The timers that are set, each with its id if it is one of a family.
    fn list(&self) -> Vec<(Option<&str>, Setting)>;

    /// Unsets the timer that is to fire first, and returns it.
    fn take_earliest(&mut self) -> Option<(Self::Id, Setting)>;

    /// Where the timers hold the watermark, if anywhere that is not after the time at which they fire anyway.
    fn hold(&self) -> Option<Timestamp>;
}
