//! Persons.

use super::{Generator, ids, random::Random};
use crate::event::Person;
use dataflow::prelude::Timestamp;

/// Few states, so that queries for some find something even in little input.
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
const FIRST_NAMES: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: [&str; 9] = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];

/// The person that event `id` is.
#[cold]
pub(super) fn person(generator: &Generator, id: u64, random: &mut Random, date_time: Timestamp) -> Person {
    let Generator { config, texts, .. } = generator;
    let any = |of: &[&'static str], random: &mut Random| of[random.index(of.len())];
    let name = [any(&FIRST_NAMES, random), any(&LAST_NAMES, random)].join(" ");
    let email_address = [texts.word(random, 7), "@", texts.word(random, 5), ".com"].concat();
    let mut four = || random.below(10_000);
    let credit_card = format!("{:04} {:04} {:04} {:04}", four(), four(), four(), four());
    let (city, state) = (any(&CITIES, random), any(&STATES, random));
    let size = 8 + name.len() + email_address.len() + credit_card.len() + city.len() + state.len();
    Person {
        id: ids::FIRST_PERSON + ids::last_person(id),
        name,
        email_address,
        credit_card,
        city: city.to_owned(),
        state: state.to_owned(),
        date_time,
        extra: texts.extra(random, size, config.person_bytes),
    }
}
