//! The queries, one a file: the pipeline above, the loops below.

pub mod q0;
