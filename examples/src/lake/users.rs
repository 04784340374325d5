//! The users table, with which events are enriched: built in, or read from a CSV file.

use dataflow::parquet::ArrowEnum;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub use super::country::Country;

/// Users of the built-in table, whose ids are 1 to this.
pub const BUILT_IN: u64 = 10_000;

/// What a user pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ArrowEnum)]
#[serde(rename_all = "lowercase")]
#[arrow(rename_all = "lowercase")]
pub enum Tier {
    /// Nothing.
    Free,
    /// The small plan.
    Plus,
    /// The large plan.
    Pro,
}

impl Tier {
    /// All tiers, in the order of their discriminants.
    pub const ALL: [Tier; 3] = [Tier::Free, Tier::Plus, Tier::Pro];

    /// The tier's name in the table's file and in the lake.
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Free => "free",
            Tier::Plus => "plus",
            Tier::Pro => "pro",
        }
    }
}

/// What is known about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// Where the user lives.
    pub country: Country,
    /// What the user pays for.
    pub tier: Tier,
}

/// The users table: what is known about the user of each id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    by_id: HashMap<u64, User, FixedState>,
}

/// Why a users table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read, or a row does not parse.
    #[error(
        "cannot read the users table {}: {source}; expected is CSV with the columns user_id,country,tier and rows such \
         as 7,DE,plus",
        .path.display()
    )]
    Csv {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        source: csv::Error,
    },
    /// A user comes twice.
    #[error(
        "the users table {} has user {user_id} twice, the second time in line {line}: remove one of them",
        .path.display()
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// The id that comes twice.
        user_id: u64,
        /// The second one's line, counted from 1.
        line: u64,
    },
}

#[derive(Deserialize)]
struct Row {
    user_id: u64,
    country: Country,
    tier: Tier,
}

impl Users {
    /// The table that needs no file: [`BUILT_IN`] users, the same ones each time.
    pub fn built_in() -> Users {
        Users::generate(BUILT_IN, 0)
    }

    /// A made-up table with the ids 1 to `count`; equal seeds give equal tables.
    pub fn generate(count: u64, seed: u64) -> Users {
        // Repeated according to how common they are.
        const COUNTRIES: [&[u8; 2]; 16] = [
            b"US", b"US", b"US", b"US", b"IN", b"IN", b"BR", b"BR", b"DE", b"DE", b"GB", b"FR", b"JP", b"ES", b"NG",
            b"NZ",
        ];
        let by_id = (1..=count).map(|id| {
            let bits = super::simulate::mix(id ^ super::simulate::mix(seed));
            let tier = match bits >> 4 & 15 {
                0 => Tier::Pro,
                1..=3 => Tier::Plus,
                _ => Tier::Free,
            };
            (id, User { country: Country(*COUNTRIES[(bits & 15) as usize]), tier })
        });
        Users { by_id: by_id.collect() }
    }

    /// Reads a table from a CSV file whose first line names the columns `user_id`, `country` and `tier`, in any order
    /// and among others.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, a row does not parse, or a user comes twice.
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Users, UsersError> {
        let path = path.as_ref();
        let failed = |source| UsersError::Csv { path: path.to_owned(), source };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(failed)?;
        let headers = reader.headers().map_err(failed)?.clone();
        let mut users = Users::default();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(failed)? {
            let Row { user_id, country, tier } = record.deserialize(Some(&headers)).map_err(failed)?;
            if users.by_id.insert(user_id, User { country, tier }).is_some() {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(UsersError::Twice { path: path.to_owned(), user_id, line });
            }
        }
        Ok(users)
    }

    /// What is known about a user.
    #[inline]
    pub fn get(&self, user_id: u64) -> Option<User> {
        self.by_id.get(&user_id).copied()
    }

    /// All users by id, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, User)> {
        self.by_id.iter().map(|(&id, &user)| (id, user))
    }

    /// Number of users.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn load(text: &str) -> Result<Users, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.csv");
        fs::write(&path, text).unwrap();
        Users::from_csv(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_table_is_the_same_each_time_and_has_all_tiers() {
        let users = Users::built_in();
        assert_eq!(users, Users::built_in());
        assert_ne!(users, Users::generate(BUILT_IN, 1));
        assert_eq!(users.len() as u64, BUILT_IN);
        assert!(users.get(1).is_some() && users.get(BUILT_IN).is_some());
        assert!(users.get(0).is_none() && users.get(BUILT_IN + 1).is_none());
        for tier in Tier::ALL {
            let share = users.iter().filter(|(_, user)| user.tier == tier).count() as f64 / BUILT_IN as f64;
            assert!((0.05..0.8).contains(&share), "{} {share}", tier.name());
        }
    }

    #[test]
    fn a_table_is_read_by_column_names() {
        let users = load("tier,user_id,name,country\nplus, 7,Ada,DE\nfree,9,Bob,NZ\n").unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users.get(7), Some(User { country: Country(*b"DE"), tier: Tier::Plus }));
    }

    #[test]
    fn a_bad_table_is_refused_with_its_line() {
        for (text, expected) in [
            ("user_id,country,tier\n1,DE,free\n2,Germany,free\n", "line: 3"),
            ("user_id,country,tier\nx,DE,free\n", "line: 2"),
            ("user_id,country,tier\n1,DE,gold\n", "unknown variant `gold`"),
            ("user_id,country,tier\n1,DE\n", "line: 2"),
            ("user_id,country\n1,DE\n", "missing field `tier`"),
            ("user_id,country,tier\n1,DE,free\n1,DE,pro\n", "user 1 twice, the second time in line 3"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert!(Users::from_csv("/does/not/exist.csv").unwrap_err().to_string().contains("/does/not/exist.csv"));
    }
}
