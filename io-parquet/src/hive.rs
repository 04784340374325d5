//! Hive's folder names for partitions: `name=value`.
//!
//! Escaped are the characters that Hive and Spark escape (Hive's `FileUtils.escapePathName`): those that file systems
//! or the format itself give a meaning. All others, also those beyond ASCII, stay as they are.

use std::fmt::Write;

/// The value that stands for NULL and for the empty string, as neither can be a folder name.
pub(crate) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

fn is_escaped(c: char) -> bool {
    c.is_ascii_control()
        || matches!(c, '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^')
}

/// Appends `text` with what must be escaped as `%XX`.
pub(crate) fn escape(text: &str, to: &mut String) {
    for c in text.chars() {
        if is_escaped(c) {
            _ = write!(to, "%{:02X}", u32::from(c)); // a String takes all that is written
        } else {
            to.push(c);
        }
    }
}

/// The text that was escaped; a `%` that begins no escape stays.
pub(crate) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [a, b, ..] if *first == b'%' => {
                std::str::from_utf8(&[*a, *b]).ok().and_then(|s| u8::from_str_radix(s, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Name and value of a folder `name=value`; a value that is NULL is nothing.
pub(crate) fn parse(folder: &str) -> Option<(String, Option<String>)> {
    let (name, value) = folder.split_once('=')?;
    (!name.is_empty()).then(|| (unescape(name), (value != NULL).then(|| unescape(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut to = String::new();
        escape(text, &mut to);
        to
    }

    #[test]
    fn escapes_what_hive_and_spark_escape() {
        assert_eq!(escaped("a/b=c:d%"), "a%2Fb%3Dc%3Ad%25");
        assert_eq!(escaped("Zürich und\n.."), "Zürich und%0A..");
    }

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["", "a/b", "%", "%2", "%zz", "100 %", "{\"x\": [1]}", "日本"] {
            assert_eq!(unescape(&escaped(text)), text);
        }
        assert_eq!(unescape("%zz%4"), "%zz%4", "what is no escape stays");
    }

    #[test]
    fn a_folder_has_a_name_and_a_value() {
        assert_eq!(parse("date=2026-01-31"), Some(("date".to_owned(), Some("2026-01-31".to_owned()))));
        assert_eq!(parse("a=b=c"), Some(("a".to_owned(), Some("b=c".to_owned()))));
        assert_eq!(parse(&format!("a={NULL}")), Some(("a".to_owned(), None)));
        assert_eq!(parse("plain"), None);
    }
}
