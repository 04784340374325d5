//! Keys: what elements are grouped by, and which thread or worker owns them.

use crate::Coded;
use dataflow_windows::{Timestamp, Window};
use std::hash::Hash;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// The number of key groups: keys are assigned to groups for good, groups to threads and workers for a run.
pub const KEY_GROUPS: u16 = 128;

/// A type to group by.
///
/// It has a canonical encoding that keeps the order (comparing encodings byte by byte compares the keys), so that the
/// same key is found in the same place in every runner and in every store. `f64` and `HashMap` are no keys, since equal
/// values can differ in their bytes. For types of one's own `#[derive(Key)]` writes what stands here by hand:
///
/// ```
/// use dataflow_core::Key;
///
/// #[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
/// struct Route { origin: String, carrier: u16 }
///
/// impl Key for Route {
///     fn encode_key(&self, to: &mut Vec<u8>) {
///         self.origin.encode_key(to);
///         self.carrier.encode_key(to);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "not a `Key`",
    note = "keys are integers, bool, char, strings, byte vectors, tuples and options of them, and your own types with \
            `#[derive(Key)]`; floating-point numbers and hash maps have no canonical bytes: convert them first"
)]
pub trait Key: Coded + Eq + Hash {
    /// Appends the canonical, order-preserving, self-delimiting encoding.
    fn encode_key(&self, to: &mut Vec<u8>);

    /// A hash that is the same in every process and version: xxh3-64 of the canonical encoding.
    fn stable_hash(&self) -> u64 {
        thread_local!(static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) });
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            self.encode_key(buffer);
            xxh3_64(buffer)
        })
    }

    /// The group of this key, below [`KEY_GROUPS`].
    fn key_group(&self) -> u16 {
        (self.stable_hash() % u64::from(KEY_GROUPS)) as u16
    }
}

/// The [stable hash](Key::stable_hash) of the key with this encoding.
#[inline]
pub fn stable_hash_of(encoded: &[u8]) -> u64 {
    xxh3_64(encoded)
}

/// Which of `shards` owns a key group.
#[inline]
pub fn shard_of(key_group: u16, shards: usize) -> usize {
    usize::from(key_group) * shards / usize::from(KEY_GROUPS)
}

/// The key groups that `shard` of `shards` owns.
pub fn key_groups_of(shard: usize, shards: usize) -> Range<u16> {
    let first = |s: usize| (s * usize::from(KEY_GROUPS)).div_ceil(shards.max(1)) as u16;
    first(shard)..first(shard + 1)
}

macro_rules! integer_keys {
    ($($unsigned:ty, $signed:ty, $sign_bit:expr;)*) => {$(
        impl Key for $unsigned {
            fn encode_key(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            #[inline]
            fn stable_hash(&self) -> u64 {
                xxh3_64(&self.to_be_bytes())
            }
        }
        impl Key for $signed {
            fn encode_key(&self, to: &mut Vec<u8>) {
                (*self as $unsigned ^ $sign_bit).encode_key(to); // negative before positive
            }
            #[inline]
            fn stable_hash(&self) -> u64 {
                (*self as $unsigned ^ $sign_bit).stable_hash()
            }
        }
    )*};
}
integer_keys! {
    u8, i8, 1 << 7;
    u16, i16, 1 << 15;
    u32, i32, 1 << 31;
    u64, i64, 1 << 63;
    u128, i128, 1 << 127;
}

impl Key for usize {
    fn encode_key(&self, to: &mut Vec<u8>) {
        (*self as u64).encode_key(to);
    }
}

impl Key for isize {
    fn encode_key(&self, to: &mut Vec<u8>) {
        (*self as i64).encode_key(to);
    }
}

impl Key for bool {
    fn encode_key(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
}

impl Key for char {
    fn encode_key(&self, to: &mut Vec<u8>) {
        u32::from(*self).encode_key(to);
    }
}

impl Key for () {
    fn encode_key(&self, _: &mut Vec<u8>) {}
}

/// Appends the key encoding of a string or of bytes: the bytes, then a terminator that sorts before any continuation.
/// `00 00` ends, `00 FF` is an escaped zero byte.
///
/// ```
/// use dataflow_core::{Key, encode_bytes};
///
/// let (mut of_bytes, mut of_string) = (vec![], vec![]);
/// encode_bytes(b"ab", &mut of_bytes);
/// "ab".to_owned().encode_key(&mut of_string);
/// assert_eq!(of_bytes, of_string);
/// ```
pub fn encode_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(zero) = rest.iter().position(|b| *b == 0) {
        to.extend_from_slice(&rest[..=zero]);
        to.push(0xFF);
        rest = &rest[zero + 1..];
    }
    to.extend_from_slice(rest);
    to.extend_from_slice(&[0, 0]);
}

macro_rules! byte_keys {
    ($($t:ty => $bytes:ident;)*) => {$(
        impl Key for $t {
            fn encode_key(&self, to: &mut Vec<u8>) {
                encode_bytes(self.$bytes(), to);
            }
        }
    )*};
}
byte_keys! { String => as_bytes; Box<str> => as_bytes; Vec<u8> => as_slice; }
#[cfg(feature = "compact_str")]
byte_keys! { compact_str::CompactString => as_bytes; }

impl<K: Key> Key for Option<K> {
    fn encode_key(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.is_some()));
        if let Some(key) = self {
            key.encode_key(to);
        }
    }
}

impl Key for Timestamp {
    fn encode_key(&self, to: &mut Vec<u8>) {
        self.as_micros().encode_key(to);
    }
}

impl Key for Window {
    fn encode_key(&self, to: &mut Vec<u8>) {
        self.end().encode_key(to);
        self.start().encode_key(to);
    }
}

macro_rules! tuple_keys {
    ($($name:ident)+) => {
        impl<$($name: Key),+> Key for ($($name,)+) {
            fn encode_key(&self, to: &mut Vec<u8>) {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                $($name.encode_key(to);)+
            }
        }
    };
}
tuple_keys!(A);
tuple_keys!(A B);
tuple_keys!(A B C);
tuple_keys!(A B C D);
tuple_keys!(A B C D E);
tuple_keys!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded<K: Key>(key: &K) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.encode_key(&mut bytes);
        bytes
    }

    fn keeps_order<K: Key + Ord>(a: &K, b: &K) {
        assert_eq!(encoded(a).cmp(&encoded(b)), a.cmp(b));
        assert_eq!(a.stable_hash(), xxh3_64(&encoded(a)), "the fast path must agree with the encoding");
    }

    proptest! {
        #[test]
        fn encodings_keep_the_order(
            a in any::<(i64, u32, i8, bool)>(), b in any::<(i64, u32, i8, bool)>(),
            s in "[\0ab]{0,4}", t in "[\0ab]{0,4}", x in any::<Option<u16>>(), y in any::<Option<u16>>(),
            v in prop::collection::vec(0u8..3, 0..4), w in prop::collection::vec(0u8..3, 0..4),
            m in any::<i128>(), n in any::<i128>(),
        ) {
            keeps_order(&a, &b);
            keeps_order(&(s.clone(), a.0), &(t.clone(), b.0));
            keeps_order(&x, &y);
            keeps_order(&v, &w);
            keeps_order(&m, &n);
            keeps_order(&a.0, &b.0);
            keeps_order(&a.2, &b.2);
        }
    }

    #[test]
    fn every_key_group_belongs_to_the_shard_whose_range_holds_it() {
        for shards in 1..=130 {
            for group in 0..KEY_GROUPS {
                let owner = shard_of(group, shards);
                assert!(key_groups_of(owner, shards).contains(&group), "{group} of {shards}");
            }
        }
    }

    #[test]
    fn hashes_are_pinned_since_checkpoints_hang_on_them() {
        assert_eq!(1u64.stable_hash(), xxh3_64(&[0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(encoded(&"a\0".to_owned()), [b'a', 0, 0xFF, 0, 0]);
        assert_eq!(encoded(&-1i8), [0x7F]);
    }
}
