//! Country codes.

use arrow_schema::DataType;
use dataflow::parquet::{ArrowEnum, ArrowField, EnumBuilder, EnumReader};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

use super::users::Tier;

/// A country's two-letter code (ISO 3166-1), such as `DE`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(pub(super) [u8; 2]);

impl Country {
    /// The country of `code`, which must be two capital letters.
    pub const fn new(code: [u8; 2]) -> Option<Country> {
        if code[0].is_ascii_uppercase() && code[1].is_ascii_uppercase() { Some(Country(code)) } else { None }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        // Never the default: the letters are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Country, D::Error> {
        struct Code;
        impl de::Visitor<'_> for Code {
            type Value = Country;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a country code of two capital letters, such as DE")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Country, E> {
                let code = text.as_bytes().try_into().ok().and_then(Country::new);
                code.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Code)
    }
}

const LETTERS: usize = 26;

static CODES: [[u8; 2]; LETTERS * LETTERS] = {
    let mut codes = [[0; 2]; LETTERS * LETTERS];
    let mut i = 0;
    while i < codes.len() {
        codes[i] = [b'A' + (i / LETTERS) as u8, b'A' + (i % LETTERS) as u8];
        i += 1;
    }
    codes
};

const NAMES: [&str; LETTERS * LETTERS] = {
    let mut names = [""; LETTERS * LETTERS];
    let mut i = 0;
    while i < names.len() {
        // Never the other case: the letters are ASCII.
        if let Ok(name) = std::str::from_utf8(&CODES[i]) {
            names[i] = name;
        }
        i += 1;
    }
    names
};

const COUNTRIES: [Country; LETTERS * LETTERS] = {
    let mut countries = [Country([0; 2]); LETTERS * LETTERS];
    let mut i = 0;
    while i < countries.len() {
        countries[i] = Country(CODES[i]);
        i += 1;
    }
    countries
};

/// As a column it is an enum of all codes that two letters can write.
impl ArrowEnum for Country {
    const NAMES: &'static [&'static str] = &NAMES;
    const ALL: &'static [Country] = &COUNTRIES;

    #[inline]
    fn number(&self) -> usize {
        let [first, second] = self.0.map(|letter| usize::from(letter - b'A'));
        first * LETTERS + second
    }
}

impl ArrowField for Country {
    type Builder = EnumBuilder<Country>;
    type Reader = EnumReader<Country>;

    fn data_type() -> DataType {
        <Tier as ArrowField>::data_type()
    }

    fn accepts(stored: &DataType) -> bool {
        <Tier as ArrowField>::accepts(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_place_among_all() {
        for (number, country) in Country::ALL.iter().enumerate() {
            assert_eq!((country.number(), country.as_str()), (number, Country::NAMES[number]));
            assert_eq!(Country::new(country.0), Some(*country));
        }
        assert_eq!(Country::new(*b"De"), None);
    }
}
