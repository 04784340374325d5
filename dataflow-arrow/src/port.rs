//! Outputs that are columns.

use crate::ColumnBatch;
use crate::batch::columns_of;
use dataflow_core::graph::NodeId;
use dataflow_core::plane::{AnyBatch, Outbox, Ports};
use dataflow_core::{Error, PCollection, Pipeline, PortCollections, Result};

/// What the elements of a collection of columns are called where a type has to be named: there are no values of it, since
/// rows flow as [`ColumnBatch`]es.
#[derive(Clone, Debug)]
pub enum ColumnRow {}

/// Where operators put the columns that they make.
pub struct ColumnEmitter<'a>(&'a mut Outbox);

impl<'a> ColumnEmitter<'a> {
    /// An emitter into `out`.
    pub fn new(out: &'a mut Outbox) -> Self {
        ColumnEmitter(out)
    }

    /// Sends all that is in `batch`, if there is anything, by swapping it out.
    ///
    /// # Errors
    /// If the port is not one of columns.
    pub fn forward(&mut self, batch: &mut ColumnBatch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut empty: AnyBatch = self.0.spare().unwrap_or_else(|| Box::new(ColumnBatch::default()));
        std::mem::swap(columns_of(&mut *empty)?, batch);
        self.0.push(empty);
        Ok(())
    }

    /// Whether so much is waiting to be sent that an operator that can go on later should.
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }
}

/// The output ports of an operator that makes columns only: `N` of them. As [collections](PortCollections) they are to be
/// given to [`Columns::new`](crate::Columns::new), with the schema.
pub enum ColumnPorts<const N: usize> {}

impl<const N: usize> Ports for ColumnPorts<N> {
    type Emitters<'a> = [ColumnEmitter<'a>; N];

    fn emitters(out: &mut [Outbox]) -> Result<[ColumnEmitter<'_>; N]> {
        let out: Result<&mut [Outbox; N], _> = out.try_into();
        let out = out.map_err(|_| Error::internal("an operator of columns was given a wrong number of outputs"))?;
        Ok(out.each_mut().map(ColumnEmitter::new))
    }

    fn type_names() -> Vec<&'static str> {
        vec![std::any::type_name::<ColumnRow>(); N]
    }
}

impl<const N: usize> PortCollections for ColumnPorts<N> {
    type Collections = [PCollection<ColumnRow>; N];

    fn collections(pipeline: &Pipeline, node: NodeId) -> Self::Collections {
        std::array::from_fn(|port| pipeline.collection(node, port))
    }
}
