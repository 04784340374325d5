//! How a cluster is reached, and what it says when it is not.

use dataflow_core::{Error, ErrorKind, Result};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The brokers of a cluster and how to talk to them.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) servers: String,
    /// Settings of librdkafka that the user chose. Values may be secret.
    pub(crate) properties: BTreeMap<String, String>,
    /// How long to wait for the cluster at the start.
    pub(crate) connect_timeout: Duration,
    /// Whether to wait for ever.
    pub(crate) wait: bool,
}

impl Cluster {
    pub(crate) fn new(servers: impl Into<String>) -> Self {
        let connect_timeout = Duration::from_secs(10);
        Cluster { servers: servers.into(), properties: BTreeMap::new(), connect_timeout, wait: false }
    }

    /// A client with `defaults`, which the user's properties override, and a diary of what it says.
    pub(crate) fn client<C>(&self, defaults: &[(&str, String)]) -> Result<(C, Diary)>
    where
        C: FromClientConfigAndContext<Diary>,
    {
        self.client_with(defaults, Diary::default())
    }

    /// The same with a context of any kind.
    pub(crate) fn client_with<C, X>(&self, defaults: &[(&str, String)], context: X) -> Result<(C, X)>
    where
        X: ClientContext + Clone,
        C: FromClientConfigAndContext<X>,
    {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", "dataflow");
        for (name, value) in defaults {
            config.set(*name, value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        let client = C::from_config_and_context(&config, context.clone()).map_err(|e| self.refused(e))?;
        Ok((client, context))
    }

    /// What is wrong with the properties. librdkafka tells the value, too, which must not be told here.
    fn refused(&self, error: KafkaError) -> Error {
        let (name, mut why) = match error {
            KafkaError::ClientConfig(_, why, name, _) => (format!(" {name}"), why),
            other => (String::new(), other.to_string()),
        };
        for value in self.properties.values().filter(|value| !value.is_empty()) {
            why = why.replace(value.as_str(), "…");
        }
        let names = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
        Error::options(format!("the Kafka property{name} is not accepted: {why}. {names} has names and values"))
    }

    /// That it does not answer, or refuses; `why` is what librdkafka said last of the cause.
    pub(crate) fn unreachable(&self, topics: &str, why: &str) -> Error {
        let (servers, seconds) = (&self.servers, self.connect_timeout.as_secs_f32());
        Error::new(
            ErrorKind::Io,
            format!(
                "Kafka at {servers} cannot be used for {topics} after {seconds} s: {why}. See that the brokers run, that \
                 the address and the credentials are right; or let the program wait for them with `wait(true)`"
            ),
        )
    }
}

/// Names of properties, but no values: some are secret.
impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cluster { servers, properties, connect_timeout, wait } = self;
        let properties: Vec<_> = properties.keys().collect();
        f.debug_struct("Cluster")
            .field("servers", servers)
            .field("properties", &properties)
            .field("connect_timeout", connect_timeout)
            .field("wait", wait)
            .finish()
    }
}

/// Keeps the last thing of note that a client said, as the cause for errors that tell none.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Option<String>>>);

impl Diary {
    fn note(&self, what: &str) {
        // A line begins with the client and thread: "[thrd:127.0.0.1:9092/bootstrap]: ...".
        let what = what.split_once("]: ").map_or(what, |(_, rest)| rest);
        // That all brokers are down is said after why each of them is.
        if !what.contains("brokers are down") {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
        }
    }

    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the broker refused the credentials: waiting does not help then.
    pub(crate) fn is_refused(&self) -> bool {
        self.last().is_some_and(|last| last.contains("uthentication"))
    }
}

impl ClientContext for Diary {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::debug!(target: "librdkafka", facility, "{line}");
            }
            // Lost connections are no errors: librdkafka makes new ones.
            _ => {
                tracing::warn!(target: "librdkafka", facility, "{line}");
                self.note(line);
            }
        }
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.note(reason);
    }
}

impl ConsumerContext for Diary {}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::consumer::BaseConsumer;

    fn cluster(name: &str, value: &str) -> Cluster {
        let mut cluster = Cluster::new("localhost:9092");
        cluster.properties.insert(name.to_owned(), value.to_owned());
        cluster
    }

    #[test]
    fn an_unknown_property_is_named() {
        let error =
            cluster("fetch.qeue", "10").client::<BaseConsumer<Diary>>(&[]).err().unwrap_or_else(|| unreachable!());
        assert!(error.to_string().contains("property fetch.qeue is not accepted"), "{error}");
    }

    #[test]
    fn no_value_of_a_property_is_told() {
        let wrong = cluster("sasl.mechanism", "hush-hush");
        let secret = cluster("sasl.pasword", "hush-hush");
        for cluster in [wrong, secret] {
            let shown = match cluster.client::<BaseConsumer<Diary>>(&[("security.protocol", "sasl_plaintext".into())]) {
                Ok(_) => String::new(),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(
                !shown.is_empty() && !shown.contains("hush") && !format!("{cluster:?}").contains("hush"),
                "{shown}"
            );
        }
    }
}
