//! The data plane: typed batches, the operators that work on them, and the one place where types are erased.

mod batch;
mod column;
mod emitter;
mod erased;
mod looking;
mod operator;
mod position;
mod rows;
mod state;

pub use batch::Batch;
pub use column::{Bounds, Column, Windows};
pub use emitter::{Emitter, Outbox, Ports};
pub use erased::{AnyBatch, Erase, EraseWithSide, ErasedBatch, Step, is_of, typed};
pub use looking::Looking;
pub use operator::{Advance, Operator, SideOperator};
pub use position::{Cursor, last_position};
pub use state::{StateReader, StateWriter, StepState};
