//! Derived keys are encoded in the order of `#[derive(Ord)]`.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use dataflow_core::Key;
use dataflow_derive::Key;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
struct Route {
    origin: String,
    carrier: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
struct UserId(u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
struct Pair<A, B>(A, B);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
enum Place {
    Nowhere,
    At { x: i32, y: i32 },
    Named(String),
    On(Route, UserId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Key)]
enum Level {
    Low = -5,
    Middle,
    High = 100,
}

fn encoded<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_key(&mut bytes);
    bytes
}

fn route() -> impl Strategy<Value = Route> {
    ("[\0ab]{0,3}", any::<Option<u16>>()).prop_map(|(origin, carrier)| Route { origin, carrier })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Nowhere),
        (-2..3, -2..3).prop_map(|(x, y)| Place::At { x, y }),
        "[\0ab]{0,3}".prop_map(Place::Named),
        (route(), 0..3u64).prop_map(|(route, id)| Place::On(route, UserId(id))),
    ]
}

proptest! {
    #[test]
    fn the_encoding_keeps_the_order(
        a in place(), b in place(), r in route(), s in route(), x in any::<(u8, i16)>(), y in any::<(u8, i16)>(),
    ) {
        prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), a.cmp(&b));
        prop_assert_eq!(encoded(&r).cmp(&encoded(&s)), r.cmp(&s));
        let (p, q) = (Pair(x.0, x.1), Pair(y.0, y.1));
        prop_assert_eq!(encoded(&p).cmp(&encoded(&q)), p.cmp(&q));
    }
}

#[test]
fn the_encoding_is_pinned_since_saved_state_hangs_on_it() {
    assert_eq!(encoded(&Route { origin: "JFK".to_owned(), carrier: Some(1) }), b"JFK\0\0\x01\0\x01");
    assert_eq!(encoded(&Place::Nowhere), [0]);
    assert_eq!(encoded(&Place::At { x: -1, y: 1 }), [1, 0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 1]);
    assert_eq!(encoded(&Unit), []);
    assert_eq!([Level::Low, Level::Middle, Level::High].map(|level| encoded(&level)), [[0], [1], [2]]);
}

#[test]
fn a_newtype_hashes_as_what_is_in_it() {
    assert_eq!(encoded(&UserId(7)), encoded(&7u64));
    assert_eq!(UserId(7).stable_hash(), 7u64.stable_hash());
    assert_eq!(UserId(7).key_group(), 7u64.key_group());
}

mod wide {
    use super::*;
    include!("wide_enum/mod.rs");

    #[test]
    fn more_than_256_variants_take_two_bytes() {
        assert_eq!(encoded(&Wide::V0), [0, 0]);
        assert_eq!(encoded(&Wide::V256), [1, 0]);
    }
}
