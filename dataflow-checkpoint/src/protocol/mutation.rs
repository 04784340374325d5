//! Mistakes that the exhaustive check must find. Outside of it there are none.

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Mutation {
    /// Markers are read before who had the shards is fenced.
    MarkersBeforeFence,
    /// Numbers of the chain that are taken are taken for one's own.
    NoChain,
    /// The number is not looked at again after it was written.
    NoSecondLook,
    /// A manifest has only the outputs of its own epoch.
    TrimEarly,
    /// A fenced process goes on from memory.
    FencedRetries,
    /// A lineage runs before its markers are there.
    MarkerNotRewritten,
    /// Markers are written without another look at the chain.
    MarkerUnconfirmed,
    /// Of the driver: outputs are committed without their marker.
    OutputsWithoutMarker,
    /// A fork stays in the lineage of what it started from.
    SameLineage,
}

/// The mistake that a machine makes, if any.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Mutated(#[cfg(test)] pub(crate) Option<Mutation>);

impl Mutated {
    #[cfg(test)]
    pub(crate) fn by(self, mutation: Mutation) -> bool {
        self.0 == Some(mutation)
    }

    #[cfg(not(test))]
    pub(crate) fn by(self, _: Mutation) -> bool {
        false
    }
}
