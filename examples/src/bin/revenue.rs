//! Revenue per region and minute.

use dataflow::prelude::*;

fn revenue(lines: &PCollection<String>) -> (PCollection<(String, u64)>, PCollection<DeadLetter<String>>) {
    let (sales, rejected) = lines.try_map("Parse", |line| -> Result<(String, u64, i64), BoxError> {
        let [region, cents, second] = line.split(',').collect::<Vec<_>>()[..] else {
            return Err("a sale is region,cents,second".into());
        };
        Ok((region.to_owned(), cents.parse()?, second.parse()?))
    });
    let revenue = sales
        .with_timestamps("Time", |sale| Timestamp::from_seconds(sale.2))
        .window("Minutely", FixedWindows::of(Duration::minutes(1)))
        .key_by("Region", |sale| sale.0.clone())
        .sum("Revenue", |sale| sale.1);
    (revenue, rejected)
}

fn main() -> Result<()> {
    let p = Pipeline::new("revenue");
    let lines = p.read("Read", TextSource::new("sales/*.csv"));
    let lines = lines.map("Text", |line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let (revenue, rejected) = revenue(&lines);
    revenue.write("Land", TextSink::json("out/revenue"));
    rejected.write("DeadLetters", TextSink::json("out/dead-letters"));
    p.run(&PipelineOptions::from_args())?.wait_until_finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_of_a_region_has_its_revenue() -> Result<()> {
        let p = Pipeline::new("test");
        let lines = ["north,250,5", "south,100,8", "north,50,59", "north,1,60", "north,lots,61"].map(str::to_owned);
        let (revenue, rejected) = revenue(&p.create("Lines", lines));
        let (revenue, rejected) = (revenue.collect("Revenues"), rejected.collect("Rejected"));
        p.run(&PipelineOptions::default())?.wait_until_finish()?;
        let sale = |region: &str, cents| (region.to_owned(), cents);
        assert_eq!(revenue.sorted(), [sale("north", 1), sale("north", 300), sale("south", 100)]);
        assert_eq!(rejected.values()[0].error, "invalid digit found in string");
        Ok(())
    }
}
