//! Reads what traces are made of.

use dataflow_windows::{Duration, Timestamp, Trigger};

/// A time: a duration since 1970 such as `-90s`, or a date and time in UTC such as `2026-03-29T01:00:00Z`.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    if text == "min" || text == "max" {
        return Ok(if text == "min" { Timestamp::MIN } else { Timestamp::MAX });
    }
    if text.ends_with('Z') {
        let utc = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.fZ");
        return Ok(Timestamp::from_micros(utc.map_err(|e| format!("\"{text}\": {e}"))?.and_utc().timestamp_micros()));
    }
    Ok(Timestamp::from_micros(0) + duration(text)?)
}

/// A duration such as `10s`, or `-10s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(positive) => Ok(Duration::micros(-duration(positive)?.as_micros())),
        None => text.parse().map_err(|e| format!("{e}")),
    }
}

/// A trigger as it is displayed.
pub(crate) fn trigger(text: &str) -> Result<Trigger, String> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        None => (text, ""),
        Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(|| format!("\"{text}\" has no end"))?),
    };
    let arguments = split(arguments);
    let all = || arguments.iter().map(|a| trigger(a)).collect::<Result<Vec<_>, _>>();
    let nth = |n: usize| arguments.get(n).copied().ok_or_else(|| format!("\"{text}\" lacks an argument"));
    let boxed = |n: usize| Ok::<_, String>(Box::new(trigger(nth(n)?)?));
    let part = |name: &str| -> Result<Option<Box<Trigger>>, String> {
        let found = arguments.iter().find_map(|a| a.strip_prefix(name)?.strip_prefix(':'));
        found.map(|part| Ok(Box::new(trigger(part)?))).transpose()
    };
    let parsed = match name {
        "default" => Trigger::Default,
        "never" => Trigger::Never,
        "after_count" => Trigger::AfterCount(nth(0)?.parse().map_err(|e| format!("{e}"))?),
        "after_processing_time" => {
            let aligned = arguments.get(1).and_then(|a| a.strip_prefix("aligned to "));
            Trigger::AfterProcessingTime { delay: duration(nth(0)?)?, align_to: aligned.map(duration).transpose()? }
        }
        "after_watermark" => Trigger::AfterWatermark { early: part("early")?, late: part("late")? },
        "repeatedly" => Trigger::Repeatedly(boxed(0)?),
        "after_each" => Trigger::AfterEach(all()?),
        "after_all" => Trigger::AfterAll(all()?),
        "after_any" => Trigger::AfterAny(all()?),
        "or_finally" => Trigger::OrFinally(boxed(0)?, boxed(1)?),
        _ => return Err(format!("\"{name}\" is no trigger")),
    };
    if parsed.to_string() == text { Ok(parsed) } else { Err(format!("\"{text}\" was read as {parsed}")) }
}

/// Arguments, cut at the commas that are in no inner parentheses.
fn split(arguments: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (i, c) in arguments.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(arguments[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    let last = arguments[start..].trim();
    found.extend((!last.is_empty()).then_some(last));
    found
}
