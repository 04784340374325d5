//! Where operators put what they make.

use super::Batch;
use super::erased::{AnyBatch, is_of, typed};
use crate::{Data, Error, Result};
use std::any::type_name;
use std::collections::VecDeque;
use std::marker::PhantomData;

// More emptied batches than this are of no use to one port.
const SPARES: usize = 4;

// From so many finished batches on, an operator that can go on later should do so.
const FULL: usize = 16;

/// The finished batches of one output port, and emptied ones to fill again.
#[derive(Default)]
pub struct Outbox {
    ready: VecDeque<AnyBatch>,
    spare: Vec<AnyBatch>,
}

impl Outbox {
    /// Takes the next finished batch.
    #[inline]
    pub fn pop(&mut self) -> Option<AnyBatch> {
        self.ready.pop_front()
    }

    /// Adds a finished batch as it is.
    pub fn push(&mut self, batch: AnyBatch) {
        self.ready.push_back(batch);
    }

    /// Gives a batch back to be filled again.
    #[inline]
    pub fn recycle(&mut self, mut batch: AnyBatch) {
        if self.spare.len() < SPARES {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// An emptied batch to fill again, if there is one: of the type that the port has.
    #[inline]
    pub fn spare(&mut self) -> Option<AnyBatch> {
        self.spare.pop()
    }

    /// Whether so much is waiting to be sent that an operator that can go on later should.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.ready.len() >= FULL
    }

    /// An empty batch of `T`.
    #[inline]
    pub fn empty<T: Data>(&mut self) -> AnyBatch {
        // An exchange may send elements at one time, and what they came to at another.
        if let Some(mut spare) = self.spare.pop()
            && is_of::<T>(&mut *spare)
        {
            return spare;
        }
        Box::new(Batch::<T>::default())
    }
}

/// The typed face of an [`Outbox`].
pub struct Emitter<'a, T> {
    out: &'a mut Outbox,
    element: PhantomData<fn(T)>,
}

impl<'a, T: Data> Emitter<'a, T> {
    /// An emitter of `T` into `out`.
    pub fn new(out: &'a mut Outbox) -> Self {
        Emitter { out, element: PhantomData }
    }

    /// Lets `fill` fill an empty batch and sends it, if anything is in it then. What `fill` returns is passed on; after
    /// an error nothing is sent.
    #[inline]
    pub fn try_with<R, E: From<Error>>(&mut self, fill: impl FnOnce(&mut Batch<T>) -> Result<R, E>) -> Result<R, E> {
        let mut batch = self.out.empty::<T>();
        let result = fill(typed::<T>(&mut *batch)?)?;
        if batch.is_empty() {
            self.out.recycle(batch);
        } else {
            self.out.push(batch);
        }
        Ok(result)
    }

    /// [`try_with`](Self::try_with) for what cannot fail.
    #[inline]
    pub fn with<R>(&mut self, fill: impl FnOnce(&mut Batch<T>) -> R) -> Result<R> {
        self.try_with(|batch| Ok(fill(batch)))
    }

    /// Sends all that is in `batch`, by swapping it out.
    #[inline]
    pub fn forward(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.with(|out| std::mem::swap(out, batch))
    }

    /// Whether so much is waiting to be sent that an operator that can go on later should.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.out.is_full()
    }
}

/// The output ports of an operator: a tuple of element types, `(T,)` for a single one.
pub trait Ports: 'static {
    /// One [`Emitter`] per port.
    type Emitters<'a>;

    /// Emitters into `out`, which has one outbox per port.
    fn emitters(out: &mut [Outbox]) -> Result<Self::Emitters<'_>>;

    /// The names of the element types.
    fn type_names() -> Vec<&'static str>;
}

macro_rules! ports {
    ($count:literal: $($t:ident $o:ident),+) => {
        impl<$($t: Data),+> Ports for ($($t,)+) {
            type Emitters<'a> = ($(Emitter<'a, $t>,)+);

            #[inline]
            fn emitters(out: &mut [Outbox]) -> Result<Self::Emitters<'_>> {
                match out {
                    [$($o),+] => Ok(($(Emitter::new($o),)+)),
                    _ => Err(Error::internal(concat!("an operator with ", $count, " outputs was given another number"))),
                }
            }

            fn type_names() -> Vec<&'static str> {
                vec![$(type_name::<$t>()),+]
            }
        }
    };
}
ports!(1: A a);
ports!(2: A a, B b);
ports!(3: A a, B b, C c);
ports!(4: A a, B b, C c, D d);

/// A step without outputs, such as a sink.
impl Ports for () {
    type Emitters<'a> = ();

    fn emitters(_: &mut [Outbox]) -> Result<()> {
        Ok(())
    }

    fn type_names() -> Vec<&'static str> {
        vec![]
    }
}
