//! The queries, one a file: the pipeline above, the loops below.

pub mod columns;
pub mod q0;
pub mod q1;
pub mod q11;
pub mod q12;
pub mod q13;
pub mod q14;
pub mod q15;
pub mod q16;
pub mod q17;
pub mod q18;
pub mod q19;
pub mod q2;
pub mod q20;
pub mod q21;
pub mod q22;
pub mod q3;
pub mod q4;
pub mod q5;
pub mod q6;
pub mod q7;
pub mod q8;
pub mod q9;
mod winning_bids;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod testing;

/// The price levels of the reports of q15 to q17: below 10,000, below 1,000,000, and above.
#[inline]
fn rank(price: u64) -> usize {
    usize::from(price >= 10_000) + usize::from(price >= 1_000_000)
}
