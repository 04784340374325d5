//! How a manifest becomes bytes: a head of fixed size, and the manifest in the layout of [`coder`].
//!
//! Binary, not JSON: most of a manifest is bytes that only sources, sinks and steps can read, and there may be many
//! megabytes of pending outputs. The head tells the version, so that the layout can change.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DFLOWCKP` |
//! | 4 | format version |
//! | 8 | length of the body |
//! | 8 | xxh3-64 of all that is before it and of the body |
//!
//! Numbers are little-endian.

use crate::{AttemptId, Lineage, Manifest};
use dataflow_core::coder;
use dataflow_core::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"DFLOWCKP";
const VERSION: u32 = 1;
const HEAD: usize = 28;

/// A manifest is never larger. What is larger belongs into data files.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// The checksum of a data file.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

fn sealed(head: &[u8], body: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(head);
    hash.update(body);
    hash.digest()
}

/// The bytes of a manifest.
///
/// # Errors
/// If it cannot be encoded, or is larger than a GiB: then outputs or state are inline that belong into data files.
pub fn encode_manifest<S: Serialize>(manifest: &Manifest<S>) -> Result<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    coder::encode(manifest, &mut bytes)?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(Error::data(format!(
            "the manifest has {} bytes, more than the {MAX_MANIFEST_BYTES} it may have: state or outputs that are \
             inline belong into data files",
            bytes.len()
        )));
    }
    let (head, body) = bytes.split_at_mut(HEAD);
    let length = (body.len() as u64).to_le_bytes();
    for (to, from) in head.iter_mut().zip(MAGIC.iter().chain(&VERSION.to_le_bytes()).chain(&length)) {
        *to = *from;
    }
    let sum = sealed(&head[..HEAD - 8], body).to_le_bytes();
    head[HEAD - 8..].copy_from_slice(&sum);
    Ok(bytes)
}

/// The manifest that `bytes` are.
///
/// # Errors
/// If the bytes are not what was written, or of another version of the program. The text is for a sentence that begins
/// with their path.
pub fn decode_manifest<S: DeserializeOwned>(bytes: &[u8]) -> Result<Manifest<S>, Unreadable> {
    let mut rest = body(bytes)?;
    let manifest = decode(&mut rest)?;
    if !rest.is_empty() {
        return Err(Unreadable::Foreign(format!("cannot be decoded: {} bytes are left over", rest.len())));
    }
    Ok(manifest)
}

/// Why bytes cannot be read as a manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// They are torn or changed, or something else altogether.
    Damaged(String),
    /// They are as they were written, by a program of another version or with another type of state.
    Foreign(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Unreadable::Damaged(why) | Unreadable::Foreign(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Unreadable {}

fn decode<T: DeserializeOwned>(from: &mut &[u8]) -> Result<T, Unreadable> {
    let foreign =
        |e| Unreadable::Foreign(format!("is intact but cannot be decoded: it has another type of state ({e})"));
    coder::decode(from).map_err(foreign)
}

/// Number and owner of a manifest, whatever its state is, after the whole of it was checked.
pub(crate) fn decode_owner(bytes: &[u8]) -> Result<(u64, AttemptId), Unreadable> {
    let (_, number, owner): (Lineage, u64, AttemptId) = decode(&mut body(bytes)?)?;
    Ok((number, owner))
}

/// What follows the head of fixed size, if it is what was written.
fn body(bytes: &[u8]) -> Result<&[u8], Unreadable> {
    let damaged = |why: String| Err(Unreadable::Damaged(why));
    let Some((head, body)) = bytes.split_at_checked(HEAD) else {
        return damaged(format!("is torn: it has {} bytes, less than the {HEAD} of its head", bytes.len()));
    };
    let (magic, rest) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return damaged("is no manifest: it does not begin with DFLOWCKP".to_owned());
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let (version, length, sum) = (number(&rest[..4]), number(&rest[4..12]), number(&rest[12..]));
    if length != body.len() as u64 {
        return damaged(format!("is torn: {length} bytes should follow its head, and {} do", body.len()));
    }
    if sum != sealed(&head[..HEAD - 8], body) {
        return damaged("is corrupt: its checksum does not match".to_owned());
    }
    // After the checksum: a version that is damaged must not be taken for another one.
    if version != u64::from(VERSION) {
        return Err(Unreadable::Foreign(format!(
            "has the format version {version}, and this program reads version {VERSION}: use the program that wrote it, \
             or a later one"
        )));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManifestKind;
    use dataflow_windows::Timestamp;
    use std::collections::BTreeMap;

    fn manifest() -> Manifest<u64> {
        let owner = AttemptId::from_u128(7);
        let (kind, written) = (ManifestKind::Checkpoint, Timestamp::from_micros(5));
        let (lineage, sinks) = (Lineage::new(owner), BTreeMap::new());
        Manifest { lineage, number: 3, owner, kind, written, epoch: 2, sinks, state: 99 }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was() {
        let bytes = encode_manifest(&manifest()).unwrap();
        assert_eq!(decode_manifest::<u64>(&bytes), Ok(manifest()));
        assert_eq!(decode_owner(&bytes), Ok((3, AttemptId::from_u128(7))));
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut bytes = encode_manifest(&manifest()).unwrap();
        bytes[8] = 2;
        assert!(matches!(decode_manifest::<u64>(&bytes), Err(Unreadable::Damaged(_))));
        let sum = sealed(&bytes[..HEAD - 8], &bytes[HEAD..]).to_le_bytes();
        bytes[HEAD - 8..HEAD].copy_from_slice(&sum);
        let error = decode_manifest::<u64>(&bytes).unwrap_err();
        assert!(matches!(&error, Unreadable::Foreign(why) if why.contains("version 2")), "{error}");
    }

    #[test]
    fn another_type_of_state_is_told_from_damage() {
        let bytes = encode_manifest(&manifest()).unwrap();
        assert!(matches!(decode_manifest::<String>(&bytes), Err(Unreadable::Foreign(_))));
        assert!(matches!(decode_manifest::<u8>(&bytes), Err(Unreadable::Foreign(_))));
    }
}
