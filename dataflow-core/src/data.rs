//! What an element must be able to do.

use serde::{Serialize, de::DeserializeOwned};

/// An element of a `PCollection`: implemented for every `Clone + Send + 'static` type, never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of a PCollection",
    label = "not `Clone + Send + 'static`",
    note = "elements move between threads and are cloned where a collection is used twice: own the data (no `Rc`, no \
            borrowed references) and `#[derive(Clone)]`"
)]
pub trait Data: Clone + Send + 'static {}
impl<T: Clone + Send + 'static> Data for T {}

/// An element that can be kept in state or sent to another process: [`Data`] with serde. Implemented automatically.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in the state of a step",
    label = "not `Clone + Send + Serialize + DeserializeOwned + 'static`",
    note = "state is part of checkpoints: add `#[derive(Clone, serde::Serialize, serde::Deserialize)]`"
)]
pub trait Coded: Data + Serialize + DeserializeOwned {}
impl<T: Data + Serialize + DeserializeOwned> Coded for T {}
