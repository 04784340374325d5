//! What can go wrong, where, and what to do about it.

use std::error::Error as StdError;
use std::fmt;

/// Any error of user code: a `DoFn` may return whatever converts into this.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// A result whose error is an [`Error`] of dataflow.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The coarse kind of an [`Error`]: tells who can do something about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The pipeline is built wrongly; no data has been read.
    Graph,
    /// An option or setting is wrong.
    Options,
    /// Data that was read is not what it should be.
    Data,
    /// User code returned an error or panicked.
    User,
    /// A file, a disk or a service failed.
    Io,
    /// The run was cancelled from outside.
    Cancelled,
    /// A fault of dataflow itself: please report it.
    Internal,
}

/// An error with its kind, the step where it arose, the element's position, and the cause.
///
/// ```
/// use dataflow_core::{Error, ErrorKind};
/// let e = Error::data("the amount is negative").at_step("Clean/Parse").at_position("element 3 of a batch");
/// assert_eq!(e.kind(), ErrorKind::Data);
/// assert_eq!(e.to_string(), "step \"Clean/Parse\", element 3 of a batch: the amount is negative");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    step: Option<String>,
    position: Option<String>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind`. The message says what is wrong and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), step: None, position: None, source: None }
    }

    /// The pipeline is built wrongly.
    pub fn graph(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Graph, message)
    }

    /// An option is wrong.
    pub fn options(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Options, message)
    }

    /// Data is not what it should be.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// A file, disk or service failed with `source`; the message says at what.
    pub fn io(message: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Io, message).caused_by(source)
    }

    /// User code returned `source`. An [`Error`] passes through as it is.
    pub fn user(source: impl Into<BoxError>) -> Self {
        match source.into().downcast::<Error>() {
            Ok(own) => *own,
            Err(source) => {
                Error { message: source.to_string(), ..Self::new(ErrorKind::User, "") }.with_cause_of(source)
            }
        }
    }

    /// The error that a panic of user code becomes, from what `catch_unwind` returns.
    pub fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        Self::new(ErrorKind::User, format!("panicked: {text}"))
    }

    /// A fault of dataflow itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    fn with_cause_of(mut self, wrapped: BoxError) -> Self {
        // The message is the wrapped error's own, so only what is below it is still to be told.
        if wrapped.source().is_some() {
            self.source = Some(wrapped);
        }
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the step's full name, if none is known yet.
    #[must_use]
    pub fn at_step(mut self, step: impl Into<String>) -> Self {
        self.step.get_or_insert_with(|| step.into());
        self
    }

    /// Adds the position of the element or of the input, if none is known yet.
    #[must_use]
    pub fn at_position(mut self, position: impl Into<String>) -> Self {
        self.position.get_or_insert_with(|| position.into());
        self
    }

    /// Adds to the position what of the source was being worked off.
    #[must_use]
    pub fn read_at(mut self, origin: &str) -> Self {
        if !origin.is_empty() {
            let position = self.position.take().map_or_else(String::new, |p| format!("{p}, "));
            self.position = Some(format!("{position}read at {origin}"));
        }
        self
    }

    /// The coarse kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The full name of the step where it arose.
    pub fn step(&self) -> Option<&str> {
        self.step.as_deref()
    }

    /// Where in the input it arose.
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// What is wrong, without step, position and cause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.step, &self.position) {
            (Some(step), Some(position)) => write!(f, "step \"{step}\", {position}: ")?,
            (Some(step), None) => write!(f, "step \"{step}\": ")?,
            (None, Some(position)) => write!(f, "{position}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)?;
        // `anyhow` and the like print the chain; a plain `{}` must not hide the cause either.
        if let (ErrorKind::Io, Some(source)) = (self.kind, &self.source) {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().and_then(|source| match self.kind {
            ErrorKind::Io | ErrorKind::User => source.source(), // its own text is already in ours
            _ => Some(source as &(dyn StdError + 'static)),
        })
    }
}
