//! How what came differs from what was to come.

use std::fmt::Debug;

/// So many values of a kind are shown; of more, how many there are.
const SHOWN: usize = 20;

/// Compares without regard to order. The error lists what is missing and what is too much.
pub(super) fn in_any_order<T: PartialEq + Debug>(
    expected: &[T],
    actual: &[T],
    describe: impl Fn(usize) -> String,
) -> Result<(), String> {
    let mut unmatched: Vec<usize> = (0..actual.len()).collect();
    let mut missing = Vec::new();
    for value in expected {
        match unmatched.iter().position(|i| actual[*i] == *value) {
            Some(found) => _ = unmatched.swap_remove(found),
            None => missing.push(format!("{value:?}")),
        }
    }
    if missing.is_empty() && unmatched.is_empty() {
        return Ok(());
    }
    let matched = expected.len() - missing.len();
    unmatched.sort_unstable();
    let unexpected: Vec<String> = unmatched.into_iter().map(describe).collect();
    let mut text = format!("expected {}, came {}, matched {matched}", expected.len(), actual.len());
    text.push_str(&list("missing", '-', &missing));
    text.push_str(&list("unexpected", '+', &unexpected));
    Err(text)
}

/// A heading and the values below it; nothing if there are none.
pub(super) fn list(heading: &str, mark: char, values: &[String]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let mut text = format!("\n  {heading} ({}):", values.len());
    for value in values.iter().take(SHOWN) {
        text.push_str(&format!("\n    {mark} {}", value.replace('\n', "\n      ")));
    }
    if values.len() > SHOWN {
        text.push_str(&format!("\n    {mark} and {} more", values.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(expected: &[i32], actual: &[i32]) -> Result<(), String> {
        in_any_order(expected, actual, |i| format!("{} at {i}", actual[i]))
    }

    #[test]
    fn order_does_not_matter_but_number_does() {
        assert_eq!(compare(&[1, 2, 2], &[2, 1, 2]), Ok(()));
        let error = compare(&[1, 2, 2, 3], &[2, 4, 1, 1]).unwrap_err();
        let expected = "expected 4, came 4, matched 2\n  missing (2):\n    - 2\n    - 3\n  unexpected (2):\n    + 4 at 1\n    + 1 at 3";
        assert_eq!(error, expected);
    }

    #[test]
    fn of_many_values_some_are_shown() {
        let error = compare(&[], &(0..100).collect::<Vec<_>>()).unwrap_err();
        assert!(error.ends_with("+ 19 at 19\n    + and 80 more"), "{error}");
    }
}
