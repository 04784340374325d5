//! Orders in euros: a stream that looks up exchange rates in a table, which changes as other elements come.
//!
//! The table is a side input: each new rate makes a new version of it, and each order sees the version that is there
//! when it comes. The table knows from when on a rate is valid, so an order that comes late, after the rate has changed,
//! still gets the rate of its own time.

use dataflow::core::Boundedness;
use dataflow::prelude::*;
use dataflow::windows::{AfterCount, Repeatedly, WindowingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a rate that was replaced is still known, for orders that come late.
pub const KEPT: Duration = Duration::days(7);

/// The orders with their amounts in euros.
///
/// Rates that end, such as those of a file, are all read before the first order is let through. Of an endless stream of
/// rates an order sees those that have come before it; orders wait for the first one.
pub fn in_euros(orders: &PCollection<Order>, rates: &PCollection<Rate>) -> PCollection<OrderInEuros> {
    let global = WindowingStrategy::of(GlobalWindows);
    let (every_rate, newest_table) = match rates.boundedness() {
        Boundedness::Bounded => (global.clone(), global),
        Boundedness::Unbounded => {
            let always = global.triggering(Repeatedly::forever(AfterCount::at_least(1)));
            // A table has all rates so far. Of tables only the newest is of use, and the others need not be kept.
            (always.clone().accumulating(), always.discarding())
        }
    };
    let table = rates
        .window("EveryRate", every_rate)
        .combine_globally("Rates", RateTable::default())
        .window("NewestTable", newest_table)
        .as_singleton_view_or("RateTable", RateTable::default());
    orders.map_with_side_input("InEuros", &table, |order, table| OrderInEuros {
        euro_cents: table.rate(&order.currency, order.time).map(|rate| (order.cents as f64 * rate).round() as i64),
        order: order.clone(),
    })
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// The currency of the amount.
    pub currency: String,
    /// The amount, in hundredths of the currency.
    pub cents: i64,
    /// When it was.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// An exchange rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency.
    pub currency: String,
    /// How many euros one unit of it is.
    pub euros: f64,
    /// Since when.
    #[serde(with = "crate::time")]
    pub time: Timestamp,
}

/// An order, also in euros.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderInEuros {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// The amount in hundredths of euros; nothing if no rate is known for its time.
    pub euro_cents: Option<i64>,
}

/// The rates of each currency, by the time since when they are valid. It also combines rates to such a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RateTable(BTreeMap<String, BTreeMap<Timestamp, f64>>);

impl RateTable {
    /// The rate of a currency at a time.
    pub fn rate(&self, currency: &str, at: Timestamp) -> Option<f64> {
        let (_, euros) = self.0.get(currency)?.range(..=at).next_back()?;
        Some(*euros)
    }

    fn insert(&mut self, currency: &str, time: Timestamp, euros: f64) {
        let rates = self.0.entry(currency.to_owned()).or_default();
        rates.insert(time, euros);
        let newest = rates.last_key_value().map_or(time, |(newest, _)| *newest);
        // A rate ends where the next one begins.
        while rates.keys().nth(1).is_some_and(|end| *end < newest - KEPT) {
            rates.pop_first();
        }
    }
}

impl CombineFn for RateTable {
    type In = Rate;
    type Acc = RateTable;
    type Out = RateTable;

    fn create(&self) -> RateTable {
        RateTable::default()
    }

    fn add(&self, table: &mut RateTable, rate: &Rate) {
        table.insert(&rate.currency, rate.time, rate.euros);
    }

    fn merge(&self, table: &mut RateTable, other: RateTable) {
        for (currency, rates) in other.0 {
            rates.into_iter().for_each(|(time, euros)| table.insert(&currency, time, euros));
        }
    }

    fn extract(&self, table: RateTable) -> RateTable {
        table
    }
}
