//! Disks that fill up and folders that may not be read or written.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{batch, files, open, rows, write};
use dataflow_core::{ErrorKind, Metrics, Sink, SinkWriter};
use io_parquet::{ArrowRow, Compression, ParquetSink, ParquetSource, PartitionValue, WriteMode};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    text: String,
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(|id| Event { id, text: format!("{:x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15)) }).collect()
}

/// A file system in memory of one mebibyte, if this user may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path()).output();
        match mount {
            Ok(output) if output.status.success() => Some(SmallDisk(dir)),
            _ => {
                println!("skipped: a small disk cannot be mounted (it takes root)");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_what_is_published() {
    let Some(disk) = SmallDisk::mount() else { return };
    let target = disk.path().join("lake");
    let sink = ParquetSink::to(&target).roll_rows(20_000).compression(Compression::None).dictionary(false);
    let error = write(&sink, &events(0..200_000)).unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(message.contains("the disk is full") && message.contains("Make room and run again"), "{message}");
    assert!(message.contains("what is published so far (1 files with 20000 rows) is removed"), "{message}");
    assert!(message.contains(&target.display().to_string()) && message.contains(".parquet"), "{message}");
    sink.abort();
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0, "so it can be repeated");
    write(&ParquetSink::to(&target), &events(0..100)).unwrap();

    let sink = sink.mode(WriteMode::Overwrite);
    let message = write(&sink, &events(0..200_000)).unwrap_err().to_string();
    assert!(message.contains("the disk is full") && message.contains("the old data is left as it was"), "{message}");
    sink.abort();
    assert_eq!(rows::<Event>(&target), events(0..100));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1, "staging is empty again");
}

#[test]
fn a_disk_without_room_for_anything_is_an_error() {
    let Some(disk) = SmallDisk::mount() else { return };
    let target = disk.path().join("lake");
    let sink = ParquetSink::to(&target);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(0..1_000))).unwrap();
    _ = fs::write(disk.path().join("filler"), vec![1; 2 << 20]);
    let message = writer.close().unwrap_err().to_string();
    assert!(message.contains("the disk is full") && message.contains("nothing is published yet"), "{message}");
    drop(writer);
    sink.abort();
    assert_eq!(files(&target).len(), 0);
}

/// Calls `check` as a user whom permissions bind: root may read and write everything.
fn as_nobody(check: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let checked = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                // Only of this thread, which ends with the check.
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            check();
        });
        if let Err(panic) = checked.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Writes to a folder and begins to overwrite it, with rows for other partitions as well.
fn overwriting(target: &Path) -> ParquetSink<Event> {
    let sink = |mode| {
        ParquetSink::to(target)
            .mode(mode)
            .roll_rows(5)
            .partition_by("lane", |event: &Event| PartitionValue::Int(event.id as i64 / 10))
    };
    write(&sink(WriteMode::FailIfNotEmpty), &events(0..30)).unwrap();
    let sink = sink(WriteMode::Overwrite);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(10..50))).unwrap();
    writer.close().unwrap();
    assert_eq!(rows::<Event>(target), events(0..30), "the new files wait for the end");
    sink
}

#[test]
fn an_overwrite_that_fails_at_its_end_puts_the_old_files_back() {
    let dir = tempfile::tempdir().unwrap();
    let sink = overwriting(dir.path());
    let before = files(dir.path());
    fs::write(dir.path().join("lane=4"), "in the way of a folder").unwrap();
    let message = sink.finish().unwrap_err().to_string();
    assert!(
        message.contains("lane=4 cannot be made") && message.contains("the old data is left as it was"),
        "{message}"
    );
    fs::remove_file(dir.path().join("lane=4")).unwrap();
    assert_eq!(files(dir.path()), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no folder, no lock and no staging is left");

    let sink = overwriting(&dir.path().join("second"));
    let target = dir.path().join("second");
    let before = files(&target);
    // A staged file is gone: seen when all old and some new files have been moved.
    let run = fs::read_dir(target.join("_staging")).unwrap().map(|e| e.unwrap().path()).find(|path| path.is_dir());
    let mut staged: Vec<_> = fs::read_dir(run.unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    staged.sort();
    fs::remove_file(&staged[4]).unwrap();
    let message = sink.finish().unwrap_err().to_string();
    assert!(message.contains("cannot be renamed") && message.contains("the old data is left as it was"), "{message}");
    assert_eq!(files(&target), before);
    assert_eq!(rows::<Event>(&target), events(0..30));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 3);
}

#[test]
fn folders_without_permission_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let target = dir.path().join("closed");
    write(&ParquetSink::to(&target), &events(0..1)).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o000)).unwrap();
    as_nobody(|| {
        let read = dataflow_core::Source::splits(&ParquetSource::<Event>::new(target.to_str().unwrap()), 1);
        let message = read.unwrap_err().to_string();
        assert!(message.contains("closed may not be read by this user: change its permissions"), "{message}");
        let message = ParquetSink::<Event>::to(target.join("new")).prepare().unwrap_err().to_string();
        assert!(message.contains("closed/new") && message.contains("ermission denied"), "{message}");
        let message = ParquetSink::<Event>::to(&target).prepare().unwrap_err().to_string();
        assert!(message.contains("closed") && message.contains("ermission denied"), "{message}");
    });
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
}
