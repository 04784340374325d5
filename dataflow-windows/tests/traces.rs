//! Runs the traces of the folder `traces`: what triggers and window functions do, as text. Its `README.md` has the
//! form.

#[path = "traces/parse.rs"]
mod parse;
#[path = "traces/trigger.rs"]
mod trigger;
#[path = "traces/window.rs"]
mod window;

use std::path::Path;

/// Runs one case, whose lines are given with their numbers; the error is about one line.
type RunCase = fn(&[(usize, &str)]) -> Result<(), (usize, String)>;

#[test]
fn triggers_and_windows_do_what_the_traces_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "trace"));
    files.sort();
    let mut failures = Vec::new();
    let mut cases = 0;
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(file).unwrap();
        for (title, case) in cases_of(&text) {
            cases += 1;
            if let Err((line, message)) = run(&case) {
                failures.push(format!("{name}:{line}: {title}\n  {message}"));
            }
        }
    }
    assert!(cases > 60, "only {cases} cases in {} files", files.len());
    assert!(failures.is_empty(), "{} of {cases} cases fail\n{}", failures.len(), failures.join("\n"));
}

fn run(case: &[(usize, &str)]) -> Result<(), (usize, String)> {
    let Some(&(line, first)) = case.first() else { return Err((0, "a case without lines".to_owned())) };
    let run: RunCase = match first.split_once(':') {
        Some(("trigger", _)) => trigger::run,
        Some(("windows", _)) => window::run,
        _ => return Err((line, "a case begins with `trigger:` or `windows:`".to_owned())),
    };
    run(case)
}

type Case<'a> = (&'a str, Vec<(usize, &'a str)>);

/// The cases of a file, without comments and empty lines.
fn cases_of(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(title) = line.strip_prefix("case:") {
            cases.push((title.trim(), Vec::new()));
        } else if !line.is_empty() {
            let (_, lines) = cases.last_mut().unwrap_or_else(|| panic!("line {} is in no case", i + 1));
            lines.push((i + 1, line));
        }
    }
    cases
}

#[test]
fn a_trace_that_does_not_hold_is_reported_with_its_line() {
    let wrong = "case: two are enough\ntrigger: after_count(2)\nelements 1 -> nothing\nelements 1 -> nothing\n";
    let (line, message) = run(&cases_of(wrong)[0].1).unwrap_err();
    assert_eq!((line, message.as_str()), (4, "elements 1 -> fires, finished"));

    let wrong = "case: an hour\nwindows: fixed windows of 1h\nat 1m -> [0s, 1m)\n";
    let (line, message) = run(&cases_of(wrong)[0].1).unwrap_err();
    assert_eq!((line, message.as_str()), (3, "at 1m -> [0s, 1h)"));
}
