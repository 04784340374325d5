//! How what came differs from what was to come.

use std::fmt::Debug;

/// So many values of a kind are shown; of more, how many there are.
const SHOWN: usize = 20;

/// Values of up to so many characters are shown on a line.
const SHORT: usize = 100;

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

/// Two values that are not the same: each on a line; if one of them is long, the lines in which they differ.
pub(super) fn two<T: Debug>(expected: &T, actual: &T) -> String {
    let (short, was) = (format!("{expected:?}"), format!("{actual:?}"));
    if short.len().max(was.len()) <= SHORT {
        return format!("\n  expected: {short}\n       was: {was}");
    }
    let (expected, actual) = (format!("{expected:#?}"), format!("{actual:#?}"));
    let mut text = String::from("\n  - expected, + was:");
    for (mark, line) in by_line(&expected.lines().collect::<Vec<_>>(), &actual.lines().collect::<Vec<_>>()) {
        text.push_str(&format!("\n    {mark} {line}"));
    }
    text
}

/// The lines of both, those they have in common once: the longest sequence of those there is.
fn by_line<'a>(expected: &[&'a str], actual: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j]: how many lines the rests from i and j on have in common.
    let mut common = vec![vec![0u32; actual.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..actual.len()).rev() {
            common[i][j] = match expected[i] == actual[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < expected.len() || j < actual.len() {
        if i < expected.len() && j < actual.len() && expected[i] == actual[j] {
            lines.push((' ', expected[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == actual.len() || i < expected.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', expected[i]));
            i += 1;
        } else {
            lines.push(('+', actual[j]));
            j += 1;
        }
    }
    lines
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
    fn long_values_are_compared_by_line() {
        assert_eq!(two(&1, &2), "\n  expected: 1\n       was: 2");
        let (word, mut actual) = (|n: i32| format!("word number {n}"), (0..8).map(|n| format!("word number {n}")));
        let expected: Vec<String> = (0..8).map(word).collect();
        let actual: Vec<String> = actual.by_ref().filter(|w| !w.ends_with('2')).chain([word(9)]).collect();
        let text = two(&expected, &actual);
        let changed: Vec<&str> = text.lines().skip(2).filter(|line| !line.starts_with("      ")).collect();
        assert_eq!(changed, [r#"    -     "word number 2","#, r#"    +     "word number 9","#]);
        assert_eq!(text.lines().count(), 2 + 2 + 9, "{text}");
    }

    #[test]
    fn of_many_values_some_are_shown() {
        let error = compare(&[], &(0..100).collect::<Vec<_>>()).unwrap_err();
        assert!(error.ends_with("+ 19 at 19\n    + and 80 more"), "{error}");
    }
}
