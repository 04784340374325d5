//! Finds stolen cards while purchases come in: code with state and timers of a key.
//!
//! Who has stolen a card tries it with a small purchase before a large one, or uses it as often as possible before it is
//! blocked. [`alerts`] is the pipeline, [`Detector`] the code, [`Card`] what it knows of a card.
//!
//! Purchases may come out of order, so the detector keeps each until the watermark has passed it, and looks at them in
//! the order of their times: the result does not hang on the order in which they came.

use dataflow::prelude::*;
use serde::{Deserialize, Serialize};

/// How near to each other purchases must be to be suspicious.
pub const NEAR: Duration = Duration::minutes(1);

/// The alerts for purchases. Their timestamps are those of the purchases that gave rise to them.
pub fn alerts(purchases: &PCollection<Purchase>, detector: Detector) -> PCollection<Alert> {
    // In the global window: what is known of a card ends when the detector forgets it, not at the hour.
    purchases.key_by("Card", |purchase| purchase.card.clone()).par_do_stateful("Detect", detector)
}

/// A purchase with a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// The card's number.
    pub card: String,
    /// The amount.
    pub cents: u64,
    /// When it was.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// Why a card may be stolen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alert {
    /// The card's number.
    pub card: String,
    /// When the purchase was that gave rise to it.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
    /// What is suspicious.
    pub reason: Reason,
}

/// What is suspicious.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A large purchase less than a minute after a small one.
    LargeAfterSmall {
        /// The amount of the large one.
        cents: u64,
    },
    /// Many purchases within a minute.
    TooMany {
        /// How many.
        purchases: u64,
    },
}

/// Looks at the purchases of each card.
#[derive(Clone, Debug)]
pub struct Detector {
    /// A purchase is small up to so many cents.
    pub small: u64,
    /// A purchase is large from so many cents on.
    pub large: u64,
    /// More purchases than this within a minute are too many.
    pub most: u64,
}

impl Default for Detector {
    fn default() -> Self {
        Detector { small: 200, large: 50_000, most: 5 }
    }
}

/// What is known of a card.
#[derive(Default, StateRow)]
pub struct Card {
    /// The amounts of purchases that the watermark has not passed: earlier ones may still come.
    waiting: OrderedList<u64>,
    /// Fires when the watermark has passed the earliest of them.
    next: EventTimer,
    /// The times of purchases, for a minute.
    recent: OrderedList<()>,
    /// The time of the latest small purchase, for a minute.
    small: Value<Timestamp>,
    /// Fires when both can be forgotten, so that a card that is not used costs nothing.
    forget: EventTimer,
    /// There was an alert for too many purchases: no more of them for a while. The time to live is all there is to it.
    #[state(ttl = "10m")]
    muted: Expiring<Value<bool>>,
}

impl KeyedDoFn for Detector {
    type Key = String;
    type In = Purchase;
    type Out = Alert;
    type State = Card;

    fn process(
        &mut self,
        _: &KeyContext<'_, String>,
        purchase: Element<Purchase>,
        card: &mut Card,
        _: &mut Output<'_, Alert>,
    ) -> Result<(), BoxError> {
        card.waiting.add(purchase.timestamp, purchase.value.cents);
        card.wait();
        Ok(())
    }

    fn on_timer(
        &mut self,
        context: &KeyContext<'_, String>,
        timer: CardTimer,
        card: &mut Card,
        out: &mut Output<'_, Alert>,
    ) -> Result<(), BoxError> {
        match timer {
            CardTimer::Next => {
                // Those of one time are looked at in the order in which they came.
                while card.waiting.first().is_some_and(|(time, _)| time <= context.fired_at()) {
                    let Some((time, cents)) = card.waiting.pop_first() else { break };
                    for reason in self.judge(time, cents, card) {
                        out.emit(Alert { card: context.key().clone(), time, reason });
                    }
                }
                card.wait();
            }
            CardTimer::Forget => {
                card.recent.clear();
                card.small.clear();
            }
        }
        Ok(())
    }
}

impl Detector {
    /// What is suspicious of a purchase, after all those before it.
    fn judge(&self, time: Timestamp, cents: u64, card: &mut Card) -> impl Iterator<Item = Reason> + use<> {
        card.recent.clear_range(..=time - NEAR);
        card.recent.add(time, ());
        let after_small = card.small.get().is_some_and(|small| *small <= time && time - *small < NEAR);
        let large = (cents >= self.large && after_small).then_some(Reason::LargeAfterSmall { cents });

        let purchases = card.recent.range(..=time).count() as u64;
        let many = (purchases > self.most && card.muted.is_empty()).then_some(Reason::TooMany { purchases });
        if many.is_some() {
            card.muted.set(true);
        }
        if cents <= self.small {
            let latest = card.small.get().map_or(time, |small| time.max(*small)); // this one may be late
            card.small.set(latest);
        }
        card.forget_at(time + NEAR);
        large.into_iter().chain(many)
    }
}

impl Card {
    /// Waits for the watermark to pass the earliest purchase.
    fn wait(&mut self) {
        if let Some((earliest, _)) = self.waiting.first() {
            self.next.set(earliest);
        }
    }

    /// Keeps what is known until `time` at least.
    fn forget_at(&mut self, time: Timestamp) {
        let latest = self.forget.time().map_or(time, |set| set.max(time));
        self.forget.set(latest);
    }
}
