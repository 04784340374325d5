//! SQL over the lake.

use anyhow::Result;

use super::options::QueryOptions;

/// Runs a query and prints its result.
///
/// # Errors
///
/// Always: this program is built without SQL.
#[cfg(not(feature = "sql"))]
pub fn query(_: &QueryOptions) -> Result<()> {
    anyhow::bail!(
        "this program was built without SQL; build it with:\n  cargo run --release --features sql --bin lake -- query \
         \"SELECT ...\""
    )
}

/// Runs a query and prints its result.
///
/// # Errors
///
/// If there is no lake, or the query is wrong or cannot be run.
#[cfg(feature = "sql")]
pub fn query(options: &QueryOptions) -> Result<()> {
    let result = with_sql::run(options)?;
    let mut text = Vec::new();
    with_sql::print(&result, options.format, &mut text)?;
    super::output::print(&text)
}

#[cfg(feature = "sql")]
mod with_sql {
    use super::super::event::EnrichedEvent;
    use super::super::options::{QueryFormat, QueryOptions};
    use super::super::pipeline::{EVENTS, METRICS};
    use super::super::rows::MetricRow;
    use anyhow::{Context, Result, ensure};
    use dataflow::parquet::ArrowRow;
    use datafusion::arrow::csv::WriterBuilder;
    use datafusion::arrow::datatypes::{DataType, SchemaRef};
    use datafusion::arrow::json::LineDelimitedWriter;
    use datafusion::arrow::record_batch::RecordBatch;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::datasource::file_format::parquet::ParquetFormat;
    use datafusion::datasource::listing::ListingOptions;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use std::io::Write;
    use std::path::Path;
    use std::sync::Arc;

    pub(super) fn run(options: &QueryOptions) -> Result<Vec<RecordBatch>> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let context = SessionContext::new_with_config(SessionConfig::new().with_information_schema(true));
            let folder = &options.lake.out_dir;
            for (name, schema) in [(EVENTS, EnrichedEvent::schema()), (METRICS, MetricRow::schema())] {
                register(&context, &folder.join(name), name, schema).await?;
            }
            let frame = context.sql(&options.sql).await?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            let batches = frame.collect().await?;
            // A result of no rows still has columns.
            Ok(if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches })
        })
    }

    /// Registers a folder of Parquet files as a table. Its columns are those of the rows that this program writes:
    /// older files may lack some of them, which are then NULL.
    async fn register(context: &SessionContext, folder: &Path, name: &str, schema: SchemaRef) -> Result<()> {
        ensure!(folder.is_dir(), "there is no table {}: run `lake` first, or name another --out-dir", folder.display());
        let url = folder.canonicalize()?;
        let url = format!("{}/", url.to_str().with_context(|| format!("{} is not UTF-8", folder.display()))?);
        let partitions = vec![("date".to_owned(), DataType::Date32)];
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_table_partition_cols(partitions);
        Ok(context.register_listing_table(name, url, options, Some(schema), None).await?)
    }

    pub(super) fn print(batches: &[RecordBatch], format: QueryFormat, to: &mut impl Write) -> Result<()> {
        match format {
            QueryFormat::Table => writeln!(to, "{}", pretty_format_batches(batches)?)?,
            QueryFormat::Json => {
                let mut writer = LineDelimitedWriter::new(to);
                batches.iter().try_for_each(|batch| writer.write(batch))?;
                writer.finish()?;
            }
            QueryFormat::Csv => {
                let mut writer = WriterBuilder::new().with_header(true).build(to);
                batches.iter().try_for_each(|batch| writer.write(batch))?;
            }
        }
        Ok(())
    }
}
