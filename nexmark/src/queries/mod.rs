//! The queries, one a file: the pipeline above, the loops below.

pub mod q0;
pub mod q1;
pub mod q2;
pub mod q5;

#[cfg(test)]
mod testing;
