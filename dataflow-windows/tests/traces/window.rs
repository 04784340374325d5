//! Runs the traces of window functions.

use crate::parse;
use dataflow_windows::{CalendarWindows, FixedWindows, Sessions, SlidingWindows, Timestamp, Tz, Weekday, Window};
use dataflow_windows::{WindowFn, WindowingStrategy};

pub(crate) fn run(case: &[(usize, &str)]) -> Result<(), (usize, String)> {
    let (&(first, head), lines) = case.split_first().ok_or((0, "a case without lines".to_owned()))?;
    let windows = window_fn(head.trim_start_matches("windows:").trim()).map_err(|message| (first, message))?;
    WindowingStrategy::of(windows.clone()).check().map_err(|message| (first, message))?;
    for &(number, line) in lines {
        let at_line = |message: String| (number, message);
        let (question, expected) = line.split_once("->").ok_or_else(|| at_line("write: at 10s -> [0s, 60s)".into()))?;
        let question = question.trim();
        let expected = list(expected).map_err(at_line)?;
        let dates = line.contains('Z');
        let found = answer(&windows, question).map_err(at_line)?;
        if found != expected {
            let found: Vec<String> = found.into_iter().map(|w| show(w, dates)).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(" ") };
            return Err((number, format!("{question} -> {found}")));
        }
    }
    Ok(())
}

fn answer(windows: &WindowFn, question: &str) -> Result<Vec<Window>, String> {
    match question.split_once(' ') {
        Some(("at", time)) => Ok(windows.windows(parse::time(time)?)),
        Some(("join", both)) => match list(both)?[..] {
            [a, b] => Ok(windows.join(a, b).into_iter().collect()),
            _ => Err("write: join [0s, 10s) [5s, 15s)".to_owned()),
        },
        _ => Err(format!("\"{question}\" is neither `at` nor `join`")),
    }
}

/// Windows such as `[0s, 10s) [5s, 15s)`, or `none`.
fn list(text: &str) -> Result<Vec<Window>, String> {
    let text = text.trim();
    if text == "none" {
        return Ok(Vec::new());
    }
    let one = |text: &str| {
        let (start, end) = text.trim().trim_start_matches('[').split_once(',').ok_or("write windows as [0s, 60s)")?;
        Ok(Window::new(parse::time(start)?, parse::time(end)?))
    };
    let text = text.strip_suffix(')').ok_or("write windows as [0s, 60s)")?;
    text.split(')').map(one).collect()
}

fn show(window: Window, dates: bool) -> String {
    let time = |t: Timestamp| match t {
        Timestamp::MIN => "min".to_owned(),
        Timestamp::MAX => "max".to_owned(),
        t if dates => t.to_string(),
        t => (t - Timestamp::from_micros(0)).to_string(),
    };
    format!("[{}, {})", time(window.start()), time(window.end()))
}

/// A window function as it is displayed.
fn window_fn(text: &str) -> Result<WindowFn, String> {
    let (text_of_fn, offset) = text.split_once(", offset ").unwrap_or((text, "0s"));
    let offset = parse::duration(offset)?;
    let windows: WindowFn = if let Some(size) = text_of_fn.strip_prefix("fixed windows of ") {
        FixedWindows::of(parse::duration(size)?).offset(offset).into()
    } else if let Some((size, period)) =
        text_of_fn.strip_prefix("sliding windows of ").and_then(|rest| rest.split_once(" every "))
    {
        SlidingWindows::of(parse::duration(size)?).every(parse::duration(period)?).offset(offset).into()
    } else if let Some(gap) = text.strip_prefix("sessions with a gap of ") {
        match gap.split_once(", at most ") {
            None => Sessions::with_gap(parse::duration(gap)?).into(),
            Some((gap, max)) => {
                let max = parse::duration(max.trim_end_matches(" long"))?;
                Sessions::with_gap(parse::duration(gap)?).max_length(max).into()
            }
        }
    } else if let Some(calendar) = text.strip_prefix("calendar windows of ") {
        calendar_windows(calendar).ok_or_else(|| format!("\"{calendar}\" are no calendar windows"))?.into()
    } else if text == "global window" {
        WindowFn::Global
    } else {
        return Err(format!("\"{text}\" is no window function"));
    };
    if windows.to_string() == text { Ok(windows) } else { Err(format!("\"{text}\" was read as {windows}")) }
}

/// `2 weeks in Europe/Berlin from Sunday`, `1 month in UTC, starting on 2026-01-15`
fn calendar_windows(text: &str) -> Option<CalendarWindows> {
    let (text, start) = text.split_once(", starting on ").map_or((text, None), |(text, day)| (text, Some(day)));
    let (text, weekday) = text.split_once(" from ").map_or((text, None), |(text, day)| (text, Some(day)));
    let (count, zone) = text.split_once(" in ")?;
    let (n, unit) = count.split_once(' ')?;
    let n: u32 = n.parse().ok()?;
    let windows = match (unit.trim_end_matches('s'), weekday) {
        ("day", None) => CalendarWindows::days(n),
        ("week", None) => CalendarWindows::weeks(n),
        ("week", Some("Sunday")) => CalendarWindows::weeks_from(n, Weekday::Sunday),
        ("week", Some("Saturday")) => CalendarWindows::weeks_from(n, Weekday::Saturday),
        ("month", None) => CalendarWindows::months(n),
        ("year", None) => CalendarWindows::years(n),
        _ => return None,
    };
    let windows = windows.in_time_zone(zone.parse::<Tz>().ok()?);
    let Some(start) = start else { return Some(windows) };
    let mut numbers = start.splitn(3, '-');
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(windows.starting_on(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}
