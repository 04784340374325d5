//! What is made is as the specification has it.

use super::*;
use dataflow::prelude::Duration;
use std::collections::HashMap;
use std::thread;

fn generator(config: Config) -> Generator {
    Generator::new(config)
}

fn out_of_order(group: u64) -> Config {
    Config { out_of_order_group: group, ..Config::default() }
}

/// Bytes as the specification counts them, and with all that a bid of Flink's suite has.
fn size(event: &Event) -> usize {
    match event {
        Event::Person(p) => {
            let strings = [&p.name, &p.email_address, &p.credit_card, &p.city, &p.state, &p.extra];
            2 * 8 + strings.iter().map(|s| s.len()).sum::<usize>()
        }
        Event::Auction(a) => 7 * 8 + a.item_name.len() + a.description.len() + a.extra.len(),
        Event::Bid(b) => 4 * 8 + b.channel.len() + b.url.len() + b.extra.len(),
    }
}

#[test]
fn one_of_fifty_events_is_a_person_and_three_are_auctions() {
    for group in [1, 7, 1_000] {
        let made = generator(out_of_order(group));
        // A whole number of proportions and of groups.
        let events: Vec<Event> = (0..7_000).map(|i| made.event(i)).collect();
        let count = |of: fn(&Event) -> bool| events.iter().filter(|e| of(e)).count();
        let kinds = [count(|e| e.person().is_some()), count(|e| e.auction().is_some()), count(|e| e.bid().is_some())];
        assert_eq!(kinds, [140, 420, 6_440], "groups of {group}");
    }
}

#[test]
fn ids_of_persons_and_auctions_follow_each_other() {
    let made = generator(Config::default());
    let events: Vec<Event> = (0..10_000).map(|i| made.event(i)).collect();
    let persons: Vec<u64> = events.iter().filter_map(Event::person).map(|p| p.id).collect();
    let auctions: Vec<u64> = events.iter().filter_map(Event::auction).map(|a| a.id).collect();
    assert_eq!(persons, (1_000..1_200).collect::<Vec<_>>());
    assert_eq!(auctions, (1_000..1_600).collect::<Vec<_>>());
}

#[test]
fn no_event_is_before_the_watermark_of_one_that_came_earlier() {
    for group in [1, 10, 953, 1_000, 1_906] {
        let made = generator(out_of_order(group));
        let n = 5_000;
        for i in 0..n {
            assert!(made.event(i).date_time() >= made.watermark(i), "event {i} of groups of {group}");
            assert!(made.watermark(i) <= made.watermark(i + 1));
            assert_eq!(made.event(i).date_time(), made.time(i));
        }
        // No earlier than needed: the first of each group is what the watermark waits for.
        let first = |g: u64| (g..g + group).map(|i| made.time(i)).min();
        assert!((0..n / group).all(|g| first(g * group) == Some(made.watermark(g * group))), "groups of {group}");
        // In order by group; and out of order within, if groups are larger than one.
        let last = |g: u64| (g..g + group).map(|i| made.time(i)).max();
        assert!((1..n / group).all(|g| last((g - 1) * group) <= first(g * group)));
        let steps_back = (1..group * 2).filter(|i| made.time(*i) < made.time(*i - 1)).count();
        assert_eq!(steps_back > 0, group > 1, "groups of {group}");
    }
}

#[test]
fn a_group_out_of_order_has_the_events_that_it_has_in_order() {
    let in_order = generator(Config::default());
    for group in [10, 953, 1_000] {
        let made = generator(out_of_order(group));
        let sorted = |made: &Generator| {
            let mut events: Vec<Event> = (0..group * 3).map(|i| made.event(i)).collect();
            events.sort();
            events
        };
        assert!(sorted(&made) == sorted(&in_order), "groups of {group}");
    }
}

#[test]
fn parts_made_by_other_threads_are_those_of_the_whole() {
    let made = generator(out_of_order(100));
    let whole: Vec<Event> = (0..3_000).map(|i| made.event(i)).collect();
    let (made, again) = (&made, generator(out_of_order(100)));
    let parts: Vec<Vec<Event>> = thread::scope(|scope| {
        let part = |p: u64| scope.spawn(move || (p * 1_000..(p + 1) * 1_000).map(|i| made.event(i)).collect());
        let threads: Vec<_> = (0..3).map(part).collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect()
    });
    assert!(parts.concat() == whole);
    assert!((0..3_000).rev().map(|i| again.event(i)).eq(whole.into_iter().rev()));
    let other = generator(Config { seed: 1, ..out_of_order(100) });
    assert_ne!(made.event(10), other.event(10));
}

#[test]
fn who_is_referred_to_exists_or_is_about_to() {
    let made = generator(Config::default());
    let (mut persons, mut auctions) = (0, 0);
    for i in 0..200_000 {
        match made.event(i) {
            Event::Person(p) => {
                persons = p.id;
            }
            Event::Auction(a) => {
                auctions = a.id;
                assert!((ids::FIRST_PERSON..=persons + ids::PERSON_LEAD).contains(&a.seller), "{a:?}");
                assert!((ids::FIRST_CATEGORY..ids::FIRST_CATEGORY + ids::CATEGORIES).contains(&a.category), "{a:?}");
                assert!(a.expires > a.date_time && a.reserve > a.initial_bid, "{a:?}");
            }
            Event::Bid(b) => {
                assert!((ids::FIRST_PERSON..=persons + ids::PERSON_LEAD).contains(&b.bidder), "{b:?}");
                assert!((ids::FIRST_AUCTION..=auctions + ids::AUCTION_LEAD).contains(&b.auction), "{b:?}");
                // Not longer ago than there are auctions in flight, or hot ones.
                assert!(b.auction + 101 >= auctions && b.bidder + 1_000 > persons, "{b:?}, {auctions}, {persons}");
            }
        }
    }
}

/// Whether so many of `of` are about that share.
#[track_caller]
fn assert_share(some: usize, of: usize, share: f64) {
    let found = some as f64 / of as f64;
    assert!((found - share).abs() < 0.01, "{found} instead of {share}");
}

#[test]
fn hot_auctions_sellers_bidders_and_channels_are_as_hot_as_configured() {
    let made = generator(Config::default());
    let (mut bids, mut auctions) = (vec![], vec![]);
    let (mut hot_auctions, mut hot_sellers, mut hot_bidders) = (0, 0, 0);
    let (mut person, mut auction) = (0, 0);
    for i in 0..500_000 {
        match made.event(i) {
            Event::Person(p) => person = p.id - ids::FIRST_PERSON,
            Event::Auction(a) => {
                auction = a.id - ids::FIRST_AUCTION;
                hot_sellers += usize::from(a.seller == ids::FIRST_PERSON + person / 100 * 100);
                auctions.push(a);
            }
            Event::Bid(b) => {
                hot_auctions += usize::from(b.auction == ids::FIRST_AUCTION + auction / 100 * 100);
                hot_bidders += usize::from(b.bidder == ids::FIRST_PERSON + person / 100 * 100 + 1);
                bids.push(b);
            }
        }
    }
    assert_share(hot_auctions, bids.len(), 0.5 + 0.5 / 110.0);
    assert_share(hot_bidders, bids.len(), 0.75);
    assert_share(hot_sellers, auctions.len(), 0.75);
    let mut channels: HashMap<&str, (usize, &str)> = HashMap::new();
    for bid in &bids {
        let (count, url) = channels.entry(&bid.channel).or_insert((0, &bid.url));
        *count += 1;
        assert_eq!(*url, bid.url, "a channel has one page");
    }
    for hot in ["Google", "Facebook", "Baidu", "Apple"] {
        assert_share(channels[hot].0, bids.len(), 0.125);
    }
    assert_eq!(channels.len(), 10_004);
    assert!(channels.keys().all(|c| !c.starts_with('c') || c["channel-".len()..].parse::<u32>().is_ok()));
    let with_id = channels.values().filter(|(_, url)| url.contains("&channel_id=")).count();
    assert_share(with_id, channels.len(), 0.9);
    assert!(channels.values().all(|(_, url)| url.starts_with("https://www.nexmark.com/")));
    for category in 0..ids::CATEGORIES {
        let of = auctions.iter().filter(|a| a.category == ids::FIRST_CATEGORY + category).count();
        assert_share(of, auctions.len(), 0.2);
    }
}

#[test]
fn the_logarithm_of_prices_is_even() {
    let made = generator(Config::default());
    let events: Vec<Event> = (0..100_000).map(|i| made.event(i)).collect();
    let mut prices: Vec<u64> = events.iter().filter_map(Event::bid).map(|b| b.price).collect();
    prices.sort_unstable();
    assert!(prices[0] >= 100 && prices[prices.len() - 1] <= 100_000_000);
    for sixth in 0..6 {
        let (from, to) = (10u64.pow(sixth + 2), 10u64.pow(sixth + 3));
        let some = prices.iter().filter(|p| (from..to).contains(p)).count();
        assert_share(some, prices.len(), 1.0 / 6.0);
    }
}

#[test]
fn about_as_many_auctions_are_open_as_configured() {
    let made = generator(Config::default());
    let events: Vec<Event> = (0..100_000).map(|i| made.event(i)).collect();
    let now = made.time(90_000);
    let open = events.iter().filter_map(Event::auction).filter(|a| a.date_time <= now && a.expires > now).count();
    assert!((75..=125).contains(&open), "{open} auctions are open");
}

#[test]
fn events_are_as_large_as_configured() {
    let made = generator(Config::default());
    let events: Vec<Event> = (0..100_000).map(|i| made.event(i)).collect();
    let average = |of: &dyn Fn(&Event) -> bool, size: &dyn Fn(&Event) -> usize| {
        let sizes: Vec<usize> = events.iter().filter(|e| of(e)).map(size).collect();
        sizes.iter().sum::<usize>() / sizes.len()
    };
    let about = |size: usize, than: usize| assert!(size.abs_diff(than) <= than / 20, "{size} bytes instead of {than}");
    about(average(&|e| e.person().is_some(), &size), 208);
    about(average(&|e| e.auction().is_some(), &size), 508);
    let without = |e: &Event| size(e) - e.bid().map_or(0, |b| b.channel.len() + b.url.len());
    about(average(&|e| e.bid().is_some(), &without), 100);
    about(average(&|_| true, &size), 200);
}

#[test]
fn event_time_goes_on_at_the_rate_configured() {
    let made = generator(Config::default());
    assert_eq!(made.time(0), Timestamp::from_seconds(1_436_918_400));
    assert_eq!(made.time(10_000) - made.time(0), Duration::seconds(1));
    let fast = generator(Config { first_rate: 100_000_000, next_rate: 100_000_000, ..Config::default() });
    assert_eq!(fast.time(100_000_000) - fast.time(0), Duration::seconds(1));
}

#[test]
fn rates_follow_their_shape() {
    let (first_rate, next_rate, rate_period) = (1_000, 4_000, Duration::seconds(10));
    let shaped = |shape| generator(Config { shape, first_rate, next_rate, rate_period, ..Config::default() });
    // Events in each second of the second period.
    let rates = |made: &Generator| {
        let mut seconds = [0; 30];
        for i in 0..100_000 {
            let second = (made.time(i) - made.time(0)).as_micros() / 1_000_000;
            if let Some(events) = seconds.get_mut(second as usize) {
                *events += 1;
            }
        }
        seconds[10..20].to_vec()
    };
    assert_eq!(rates(&shaped(Shape::Square)), [[1_000; 5], [4_000; 5]].concat());
    let sine = rates(&shaped(Shape::Sine));
    assert!((980..=1_020).contains(&sine[0]) && (3_980..=4_020).contains(&sine[5]), "{sine:?}");
    assert!(sine[..6].is_sorted() && sine[5..].iter().rev().is_sorted(), "{sine:?}");
    let made = shaped(Shape::Sine);
    assert!((1..100_000).all(|i| made.time(i) >= made.time(i - 1)));
}

#[test]
fn nothing_that_is_configured_as_none_breaks_it() {
    let made = generator(Config {
        first_rate: 0,
        next_rate: 0,
        rate_period: Duration::ZERO,
        out_of_order_group: 0,
        in_flight_auctions: 0,
        active_people: 0,
        hot_auction_ratio: 0,
        hot_seller_ratio: 0,
        hot_bidder_ratio: 0,
        person_bytes: 0,
        auction_bytes: 0,
        bid_bytes: 0,
        ..Config::default()
    });
    assert_eq!((0..500).filter(|i| made.event(*i).bid().is_some()).count(), 460);
}
