//! S3, as moto plays it.
//!
//! Needs a Python with moto, boto3 and pyarrow in `DATAFLOW_TEST_PYTHON`. As settings come from the environment, the
//! test runs itself again with one.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;

use common::{batch, open, read, write};
use dataflow_core::{Metrics, Sink, SinkWriter};
use io_parquet::{ArrowRow, Compression, ParquetSink, ParquetSource, PartitionValue, WriteMode};
use std::env;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "DATAFLOW_TEST_S3_ROLE";

#[derive(Clone, PartialEq, Debug, ArrowRow)]
struct Event {
    id: u64,
    text: String,
}

fn events(ids: std::ops::Range<u64>) -> Vec<Event> {
    ids.map(|id| Event { id, text: format!("{:x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15)) }).collect()
}

/// What is done with the settings in the environment. Run as a test like the others, it does nothing.
#[test]
fn role() {
    if env::var(ROLE).is_err() {
        return;
    }
    let url = "s3://lake/events";
    let sink = |mode| {
        let sink = ParquetSink::to(url).mode(mode).compression(Compression::None).dictionary(false);
        sink.partition_by("where", |event: &Event| PartitionValue::from(if event.id < 10 { "a/b %" } else { "rest" }))
    };
    let source = || ParquetSource::<Event>::new(url);
    let all = events(0..700_000);
    let metrics = write(&sink(WriteMode::FailIfNotEmpty), &all).unwrap();
    assert!(metrics.sum("bytes") > 16 << 20, "more than one part");
    assert!(read(&source()).unwrap() == all, "rows differ");
    let refused = write(&sink(WriteMode::FailIfNotEmpty), &events(0..1)).unwrap_err().to_string();
    assert!(refused.contains("s3://lake/events is not empty"), "{refused}");

    let sink = sink(WriteMode::Overwrite);
    sink.prepare().unwrap();
    let mut writer = open(&sink, &Metrics::default()).unwrap();
    writer.write(&mut batch(events(10..2_000_000))).unwrap();
    drop(writer); // with an upload under way
    sink.abort();
    assert!(read(&source()).unwrap() == all, "a failed overwrite leaves what was there");

    write(&sink, &events(5..25)).unwrap();
    assert_eq!(read(&source()).unwrap(), events(5..25), "an overwrite replaces it, partition by partition");
    write(&ParquetSink::to(url).mode(WriteMode::Overwrite), &events(0..20)).unwrap();
    assert_eq!(read(&source()).unwrap(), events(0..20));
    let missing = read(&ParquetSource::<Event>::new("s3://no-such-bucket/x")).unwrap_err().to_string();
    assert!(missing.contains("s3://no-such-bucket/x cannot be listed"), "{missing}");
}

struct Moto {
    process: Child,
    port: u16,
}

impl Moto {
    fn start(python: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Moto { process, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "moto does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    fn with_settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
    }

    fn python(&self, python: &str, script: &str) {
        // Threads of pyarrow sometimes abort an interpreter that ends in the usual way.
        let script = format!("{script}\nimport os; os._exit(0)");
        let output = self.with_settings(Command::new(python).args(["-c", &script])).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn s3_is_written_and_read() {
    let python = match env::var("DATAFLOW_TEST_PYTHON") {
        Ok(python) => python,
        Err(_) if env::var("DATAFLOW_TEST_FULL").is_ok_and(|full| full == "1") => {
            panic!("DATAFLOW_TEST_FULL=1, but DATAFLOW_TEST_PYTHON names no Python with moto")
        }
        Err(_) => {
            println!("skipped: DATAFLOW_TEST_PYTHON names no Python with moto");
            return;
        }
    };
    let moto = Moto::start(&python);
    moto.python(&python, "import boto3; boto3.client('s3').create_bucket(Bucket='lake')");
    let mut own = Command::new(env::current_exe().unwrap());
    own.args(["--exact", "role", "--nocapture"]).env(ROLE, "1");
    assert!(moto.with_settings(&mut own).status().unwrap().success());
    moto.python(
        &python,
        "import boto3, io, pyarrow.parquet as pq\n\
         s3 = boto3.client('s3')\n\
         assert not s3.list_multipart_uploads(Bucket='lake').get('Uploads'), 'an upload was not aborted'\n\
         [key] = [o['Key'] for o in s3.list_objects_v2(Bucket='lake')['Contents']]\n\
         rows = pq.read_table(io.BytesIO(s3.get_object(Bucket='lake', Key=key)['Body'].read()))\n\
         assert rows['id'].to_pylist() == list(range(20)), key",
    );
}
