//! Hourly departures, cancellations and mean delay per airport and carrier, from a table of flights.
//!
//! [`build`] is the pipeline; below it are what it reads ([`Flight`], [`Airline`]), how it combines ([`Departures`]),
//! and the rows that it lands ([`HourlyRow`]).

pub mod field;
pub mod options;
pub mod read_csv;
pub mod summary;

use compact_str::CompactString; // codes of two or three letters fit into the value itself
use dataflow::prelude::*;
use io_parquet::{ArrowRow, ParquetSink, PartitionValue};
use serde::{Deserialize, Serialize};

use options::FlightsOptions;
use read_csv::ReadCsv;

/// The folder of the result, in the output folder.
pub const HOURLY: &str = "hourly";
/// The folder of the records that could not be read, in the output folder.
pub const DEAD_LETTERS: &str = "dead-letters";

/// Adds all steps to `pipeline`. When it has run, the totals of all flights are in what is returned.
pub fn build(pipeline: &Pipeline, options: &FlightsOptions) -> Collected<Totals> {
    let (folder, mode) = (&options.out_dir, options.mode());

    // Nothing is lost: a record is a flight or an airline, or it is kept with the reason why not.
    let (flights, bad_flights) = pipeline.apply("Flights", ReadCsv::<Flight>::of(&options.input));
    let (airlines, bad_airlines) = pipeline.apply("Airlines", ReadCsv::<Airline>::of(&options.airlines));
    bad_flights
        .flatten("BadRecords", &[bad_airlines])
        .write("DeadLetters", TextSink::json(folder.join(DEAD_LETTERS)).mode(mode.into()));

    // The file is in no order of time, so no watermark is taken from it: until its end every hour is open.
    let flights = flights.with_timestamps("EventTime", |flight| flight.time_hour);
    let names = airlines.map("CarrierAndName", |airline| (airline.carrier, airline.name)).as_map_view("NameOfCarrier");

    flights
        .window("Hourly", FixedWindows::of(Duration::hours(1)))
        .key_by("Service", |flight| Service { origin: flight.origin.clone(), carrier: flight.carrier.clone() })
        .combine_per_key("Departures", Departures)
        .par_do("Row", ToRow)
        .map_with_side_input("AirlineName", &names, |row, names| HourlyRow {
            airline: names.get(&row.carrier).cloned(),
            ..row.clone()
        })
        .write(
            "Land",
            ParquetSink::to(folder.join(HOURLY))
                .mode(mode.into())
                .partition_by("date", |row: &HourlyRow| PartitionValue::date(row.hour)),
        );

    flights.combine_globally("Total", Departures).collect("Totals")
}

/// A record of `flights.csv`; its other columns are not read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Flight {
    /// The scheduled hour of departure: the event time.
    #[serde(deserialize_with = "field::time")]
    pub time_hour: Timestamp,
    /// The airport.
    pub origin: CompactString,
    /// The airline's code.
    pub carrier: CompactString,
    /// When it left, as hour and minute of the local time; nothing if it was cancelled.
    #[serde(deserialize_with = "field::or_na")]
    pub dep_time: Option<u16>,
    /// How late it left, in minutes; below 0 if it was early.
    #[serde(deserialize_with = "field::or_na")]
    pub dep_delay: Option<i32>,
}

/// A record of `airlines.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Airline {
    /// The airline's code.
    pub carrier: CompactString,
    /// Its name.
    pub name: String,
}

/// What flights are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Key)]
pub struct Service {
    /// The airport.
    pub origin: CompactString,
    /// The airline's code.
    pub carrier: CompactString,
}

/// Combines flights to their [`Totals`].
#[derive(Clone, Copy, Debug)]
pub struct Departures;

/// What is known of some flights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many were to leave.
    pub scheduled: u64,
    /// How many of them never left.
    pub cancelled: u64,
    /// How many have a delay, be it 0 or less.
    pub delays: u64,
    /// The sum of the delays, in minutes.
    pub delay: i64,
}

impl Totals {
    /// The mean delay in minutes; nothing if no flight has one.
    pub fn mean_delay(&self) -> Option<f64> {
        (self.delays > 0).then(|| self.delay as f64 / self.delays as f64)
    }
}

impl CombineFn for Departures {
    type In = Flight;
    type Acc = Totals;
    type Out = Totals;

    fn create(&self) -> Totals {
        Totals::default()
    }

    fn add(&self, acc: &mut Totals, flight: &Flight) {
        acc.scheduled += 1;
        acc.cancelled += u64::from(flight.dep_time.is_none());
        acc.delays += u64::from(flight.dep_delay.is_some());
        acc.delay += i64::from(flight.dep_delay.unwrap_or(0));
    }

    fn merge(&self, acc: &mut Totals, other: Totals) {
        acc.scheduled += other.scheduled;
        acc.cancelled += other.cancelled;
        acc.delays += other.delays;
        acc.delay += other.delay;
    }

    fn extract(&self, acc: Totals) -> Totals {
        acc
    }
}

/// A row of the result: an hour of an airline at an airport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ArrowRow)]
pub struct HourlyRow {
    /// Start of the hour.
    pub hour: Timestamp,
    /// The airport.
    #[arrow(dictionary)]
    pub origin: CompactString,
    /// The airline's code.
    #[arrow(dictionary)]
    pub carrier: CompactString,
    /// The airline's name, if it is in the table of airlines.
    #[arrow(dictionary)]
    pub airline: Option<String>,
    /// How many flights were to leave.
    pub scheduled: u64,
    /// How many of them never left.
    pub cancelled: u64,
    /// The mean delay, in minutes, of those that left.
    pub mean_dep_delay: Option<f64>,
}

/// Makes rows of the totals of windows.
#[derive(Clone, Copy, Debug)]
struct ToRow;

impl DoFn for ToRow {
    type In = (Service, Totals);
    type Out = HourlyRow;

    fn process(&mut self, element: Element<Self::In>, out: &mut Output<'_, HourlyRow>) -> Result<(), BoxError> {
        let hour = element.window().start();
        let (Service { origin, carrier }, totals) = element.value;
        out.emit(HourlyRow {
            hour,
            origin,
            carrier,
            airline: None, // it is looked up in the next step
            scheduled: totals.scheduled,
            cancelled: totals.cancelled,
            mean_dep_delay: totals.mean_delay(),
        });
        Ok(())
    }
}
