//! Runs with checkpoints, from Kafka to Kafka.

use crate::support::*;
use dataflow_core::windows::Duration as Span;
use dataflow_core::{Pipeline, PipelineOptions, PipelineResult};
use dataflow_exec::transforms::*;
use io_kafka::{KafkaSink, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::path::Path;
use std::time::{Duration, Instant};

/// Copies all that comes.
fn start(broker: &Broker, [from, to]: [&str; 2], checkpoints: &Path) -> PipelineResult {
    let p = Pipeline::new("copy");
    let records = p.read("Read", source(broker, from));
    let sink = KafkaSink::new(broker.address(), to, |n: &usize, message| _ = message.value(n.to_string().as_bytes()));
    records.map("Number", |record| number(&record)).write("Write", sink);
    let options = PipelineOptions::default().with_threads(2).with_checkpoint(checkpoints.to_string_lossy());
    let options = options.with_checkpoint_interval(Span::millis(200));
    p.run_on(&DirectRunner::new().handle_signals(false), &options).unwrap()
}

fn copied(broker: &Broker, topic: &str) -> Vec<usize> {
    let copies = read(source(broker, topic).stop_at(StopAt::Latest), &DirectRunner::new(), 1).unwrap();
    let mut numbers: Vec<usize> = copies.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn wait_for(broker: &Broker, topic: &str, count: usize) -> Vec<usize> {
    let start = Instant::now();
    loop {
        let numbers = copied(broker, topic);
        if numbers.len() >= count {
            return numbers;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "only {} of {count} came", numbers.len());
    }
}

#[test]
fn a_run_goes_on_where_its_last_checkpoint_was() {
    let broker = Broker::shared();
    let (from, to) = (topic(broker, 2), topic(broker, 2));
    let checkpoints = tempfile::tempdir().unwrap();
    fill(broker, &from, 0, 0..300, 100);
    let mut first = start(broker, [&from, &to], checkpoints.path());
    wait_for(broker, &to, 300);
    fill(broker, &from, 1, 300..500, 100);
    wait_for(broker, &to, 500);
    first.stop();
    first.wait_until_finish().unwrap();
    // What comes while nobody reads is there for the next process, and nothing that was read before.
    fill(broker, &from, 0, 500..900, 900);
    let mut second = start(broker, [&from, &to], checkpoints.path());
    wait_for(broker, &to, 900);
    second.stop();
    second.wait_until_finish().unwrap();
    assert_eq!(copied(broker, &to), (0..900).collect::<Vec<_>>(), "each once");
}
