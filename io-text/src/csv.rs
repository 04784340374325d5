//! stub
use crate::source::TextSource;
use std::marker::PhantomData;
/// Reads CSV.
pub struct CsvSource<T> {
    _text: TextSource,
    value: PhantomData<fn() -> T>,
}
impl<T> CsvSource<T> {
    pub(crate) fn new(text: TextSource) -> Self {
        CsvSource { _text: text, value: PhantomData }
    }
}
