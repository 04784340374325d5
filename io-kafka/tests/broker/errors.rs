//! What goes wrong is told in time, with broker, topic and cause.

use crate::support::*;
use dataflow_core::Source;
use io_kafka::{KafkaSource, StopAt};
use kafka_broker::Broker;
use runner_direct::DirectRunner;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(4);

/// The error of a run, which must come soon.
fn error(source: KafkaSource) -> String {
    let start = Instant::now();
    let error = read(source.connect_timeout(TIMEOUT), &DirectRunner::new(), 1).unwrap_err().to_string();
    assert!(start.elapsed() < TIMEOUT + Duration::from_secs(1), "after {:?}: {error}", start.elapsed());
    error
}

#[test]
fn an_unknown_topic_is_an_error() {
    let broker = Broker::shared();
    let error = error(source(broker, "unheard-of"));
    let expected = format!("topic unheard-of at Kafka {} cannot be used: there is no such topic", broker.address());
    assert!(error.contains("step \"Read\"") && error.contains(&expected), "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_an_error() {
    let error = error(KafkaSource::new("127.0.0.1:1", ["orders", "parcels"]));
    assert!(error.contains("Kafka at 127.0.0.1:1 cannot be used for topics orders, parcels"), "{error}");
    assert!(error.contains("Connection refused") && error.contains("`wait(true)`"), "{error}");
}

/// A source with a password.
fn alice(password: &str, topic: &str) -> KafkaSource {
    let source = KafkaSource::new(Broker::shared().sasl_address(), [topic]).stop_at(StopAt::Latest);
    let source = source.property("security.protocol", "SASL_PLAINTEXT").property("sasl.mechanism", "PLAIN");
    source.property("sasl.username", "alice").property("sasl.password", password)
}

#[test]
fn a_wrong_password_is_an_error_and_is_not_shown() {
    let topic = topic(Broker::shared(), 1);
    fill(Broker::shared(), &topic, 0, 0..3, 0);
    let wrong = alice("looking-glass", &topic);
    let shown = format!("{wrong:?} {}", wrong.describe());
    let start = Instant::now();
    let error = error(wrong);
    assert!(start.elapsed() < Duration::from_secs(3), "there is no point in waiting: {:?}", start.elapsed());
    assert!(error.contains(&topic) && error.contains("uthentication"), "{error}");
    assert!(!error.contains("looking-glass") && !shown.contains("looking-glass"), "{error} {shown}");
    assert_eq!(read(alice("wonderland", &topic), &DirectRunner::new(), 1).unwrap().len(), 3);
}

#[test]
fn a_topic_that_is_still_to_be_made_can_be_waited_for() {
    let broker = Broker::shared();
    let later = format!("{}-later", topic(broker, 1));
    let waiting = source(broker, &later).wait(true).connect_timeout(Duration::from_millis(100));
    let waiting = waiting.stop_at(StopAt::Offset(2));
    let reading = std::thread::spawn(move || read(waiting, &DirectRunner::new(), 1));
    std::thread::sleep(Duration::from_secs(3));
    assert!(!reading.is_finished());
    make_topic(broker, &later, 1);
    fill(broker, &later, 0, 0..2, 0);
    assert_eq!(reading.join().unwrap().unwrap().len(), 2);
}

#[test]
fn properties_that_the_source_rests_upon_cannot_be_set() {
    let error = error(KafkaSource::new("127.0.0.1:1", ["orders"]).property("enable.auto.commit", "true"));
    assert!(error.contains("enable.auto.commit is chosen by the source"), "{error}");
}
