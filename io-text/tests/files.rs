//! Which files are read, and what is said where there is nothing to read.
#![allow(clippy::unwrap_used)]

mod common;

use common::read_all;
use io_text::TextSource;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn put(dir: &Path, name: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{name}\n")).unwrap();
}

fn source(dir: &Path, pattern: &str) -> TextSource {
    TextSource::new(dir.join(pattern).display().to_string())
}

fn names(source: &TextSource) -> Vec<String> {
    let lines = read_all(source, 2).unwrap();
    lines.iter().map(|line| String::from_utf8(line.bytes.to_vec()).unwrap()).collect()
}

#[test]
fn globs_and_directories_are_read_in_order_without_hidden_files() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.txt", "c.log", ".hidden.txt", "sub/d.txt", "sub/deep/e.txt", "_staging/f.txt.tmp"] {
        put(dir.path(), name);
    }
    fs::write(dir.path().join("empty.txt"), "").unwrap();
    assert_eq!(names(&source(dir.path(), "*.txt")), ["a.txt", "b.txt"]);
    assert_eq!(names(&source(dir.path(), "**/*.txt")), ["a.txt", "b.txt", "sub/d.txt", "sub/deep/e.txt"]);
    assert_eq!(names(&source(dir.path(), "")), ["a.txt", "b.txt", "c.log", "sub/d.txt", "sub/deep/e.txt"]);
    assert_eq!(names(&source(dir.path(), "s*")), ["sub/d.txt", "sub/deep/e.txt"]);
    let two = ["c.log", "a.txt"].map(|name| dir.path().join(name).display().to_string());
    assert_eq!(names(&TextSource::paths(two)), ["c.log", "a.txt"]);
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_is_found() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a[1].txt");
    assert_eq!(names(&source(dir.path(), "a[1].txt")), ["a[1].txt"]);
}

fn error(source: &TextSource) -> String {
    read_all(source, 1).unwrap_err().to_string()
}

#[test]
fn what_is_not_there_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let message = error(&source(dir.path(), "*.json"));
    assert!(message.contains("no file matches") && message.contains("check the pattern"), "{message}");
    let message = error(&source(dir.path(), "a.json"));
    assert!(message.contains("a.json does not exist: check the path"), "{message}");
    let message = error(&TextSource::new("certainly/not/there.txt"));
    assert!(message.contains("(seen from /"), "{message}");
    let message = error(&source(dir.path(), "a[.json"));
    assert!(message.contains("no valid file pattern"), "{message}");
}

/// Runs `test` on a thread without the rights of root.
fn unprivileged(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let [root, nobody] = [0, 65_534].map(rustix::process::Uid::from_raw);
                rustix::thread::set_thread_res_uid(root, nobody, root).unwrap();
            }
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn what_may_not_be_read_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "locked/a.txt");
    put(dir.path(), "secret.txt");
    let allow = |name: &str, mode| fs::set_permissions(dir.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    allow("", 0o755);
    allow("locked", 0o000);
    allow("secret.txt", 0o000);
    unprivileged(|| {
        for pattern in ["locked", "locked/*.txt", "locked/a.txt", "secret.txt"] {
            let message = error(&source(dir.path(), pattern));
            assert!(message.contains("may not be read by this user"), "{pattern}: {message}");
        }
    });
    allow("locked", 0o755);
}

#[test]
fn a_file_that_becomes_shorter_is_an_error() {
    use dataflow_core::Source;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    fs::write(&path, "one\ntwo\nthree\n").unwrap();
    let source = source(dir.path(), "a.txt");
    let split = source.splits(1).unwrap().remove(0);
    fs::write(&path, "one\n").unwrap();
    let (lines, error) = common::read_until_error(&source, split);
    assert_eq!(lines.len(), 1);
    let message = error.unwrap().to_string();
    assert!(message.contains("a.txt has become shorter") && message.contains("leave files alone"), "{message}");
}
