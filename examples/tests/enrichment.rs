//! `enrichment`: an order has the rate of its own time, as far as it is known when the order comes.

mod ways;

use dataflow::core::TestStream;
use dataflow::prelude::*;
use dataflow::testing::PAssert;
use examples::enrichment::{KEPT, Order, OrderInEuros, Rate, in_euros};
use ways::{in_every_way, printed};

fn hour(h: i64) -> Timestamp {
    Timestamp::from_seconds(h * 3_600)
}

/// Two streams whose events come in the order in which they are added.
#[derive(Default)]
struct Streams {
    orders: TestStream<Order>,
    rates: TestStream<Rate>,
    expected: Vec<OrderInEuros>,
}

impl Streams {
    /// A dollar is so many cents of a euro since then.
    fn dollar(&mut self, h: i64, cents: i32) {
        self.rate("USD", h, cents);
    }

    fn rate(&mut self, currency: &str, h: i64, cents: i32) {
        let rate = Rate { currency: currency.to_owned(), euros: f64::from(cents) / 100.0, time: hour(h) };
        self.rates.add(rate, hour(h));
    }

    /// An order of a hundred units, and how many euros that is to be.
    fn order(&mut self, currency: &str, h: i64, euros: Option<i64>) {
        let id = self.expected.len() as u64;
        let order = Order { id, currency: currency.to_owned(), cents: 10_000, time: hour(h) };
        self.orders.add(order.clone(), hour(h));
        self.expected.push(OrderInEuros { order, euro_cents: euros.map(|euros| euros * 100) });
    }

    fn check(self) {
        in_every_way(|p| {
            let orders = p.test_stream("In.Orders", &self.orders);
            let orders = in_euros(&orders, &p.test_stream("In.Rates", &self.rates));
            PAssert::that("Expected", &orders).contains_in_any_order(self.expected.clone());
            p.run();
        });
    }
}

#[test]
fn an_order_sees_the_rates_that_have_come_before_it() {
    let mut s = Streams::default();
    s.dollar(0, 90);
    s.order("USD", 1, Some(90));
    s.order("GBP", 1, None);
    s.rate("GBP", 1, 115);
    s.order("GBP", 1, Some(115));
    s.order("USD", 5, Some(90)); // the next rate is not known yet
    s.dollar(4, 80);
    s.order("USD", 5, Some(80));
    s.check();
}

#[test]
fn a_late_order_has_the_rate_of_its_time() {
    let mut s = Streams::default();
    s.dollar(0, 90);
    s.dollar(4, 80);
    s.orders.advance_watermark_to(hour(10));
    s.rates.advance_watermark_to(hour(10));
    s.order("USD", 3, Some(90));
    s.order("USD", 4, Some(80)); // from the very moment on
    s.check();
}

#[test]
fn rates_may_come_out_of_order_and_late() {
    let mut s = Streams::default();
    s.dollar(4, 80);
    s.rates.advance_watermark_to(hour(10));
    s.order("USD", 3, None);
    s.dollar(2, 85);
    s.order("USD", 3, Some(85));
    s.order("USD", 5, Some(80));
    s.dollar(4, 70); // a correction
    s.order("USD", 5, Some(70));
    s.check();
}

#[test]
fn orders_wait_for_the_first_rate() {
    let mut s = Streams::default();
    s.order("USD", 1, Some(90));
    s.order("USD", 2, Some(90));
    s.orders.advance_watermark_to(hour(100));
    s.rates.advance_watermark_to(hour(100));
    s.dollar(0, 90);
    s.check();
}

#[test]
fn rates_of_long_ago_are_forgotten() {
    let mut s = Streams::default();
    s.dollar(0, 90);
    s.dollar(1, 85);
    let days = |d: i64| d * 24;
    assert_eq!(KEPT, Duration::days(7));
    s.dollar(1 + days(7), 80);
    s.order("USD", 0, Some(90)); // it ended exactly seven days before
    s.dollar(2 + days(7), 75);
    s.order("USD", 0, None);
    s.order("USD", 1, Some(85));
    s.check();
}

#[test]
fn without_rates_orders_have_no_amount_in_euros() {
    let mut s = Streams::default();
    s.order("USD", 1, None);
    s.check();
}

#[test]
fn without_orders_there_is_nothing() {
    let mut s = Streams::default();
    s.dollar(0, 90);
    s.check();
    Streams::default().check();
}

#[test]
fn rates_that_end_are_all_known_to_the_first_order() {
    let rate = |h: i64, euros| (Rate { currency: "USD".to_owned(), euros, time: hour(h) }, hour(h));
    let order = |id: u64, h: i64| Order { id, currency: "USD".to_owned(), cents: 10_000, time: hour(h) };
    in_every_way(|p| {
        let orders = p.create_timestamped("In.Orders", [(order(0, 1), hour(1)), (order(1, 5), hour(5))]);
        let rates = p.create_timestamped("In.Rates", [rate(0, 0.9), rate(4, 0.8)]);
        let euros = in_euros(&orders, &rates).map("Euros", |order| (order.order.id, order.euro_cents));
        PAssert::that("Expected", &euros).contains_in_any_order([(0, Some(9_000)), (1, Some(8_000))]);
        p.run();
    });
}

#[test]
fn the_program_prints_its_examples_in_euros() {
    let (orders, errors) = printed(env!("CARGO_BIN_EXE_enrichment"));
    let euros = |line: &String| Some(line.rsplit_once(r#""euro_cents":"#)?.1.to_owned());
    let euros: Vec<_> = orders.iter().filter_map(euros).collect(); // by number
    assert_eq!(euros, ["9200}", "2933}", "9000}", "1999}", "null}", "9200}", "8250}", "null}"]);
    assert_eq!(errors, [""; 0]);
}
