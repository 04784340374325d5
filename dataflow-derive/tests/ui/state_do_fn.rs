use dataflow_core::state::{KeyContext, Value};
use dataflow_core::{BoxError, Element, KeyedDoFn, Output};

#[derive(Default)]
struct Counted {
    count: Value<u32>,
}

#[derive(Clone)]
struct Count;

impl KeyedDoFn for Count {
    type Key = u64;
    type In = u64;
    type Out = u32;
    type State = Counted;

    fn process(
        &mut self,
        _: &KeyContext<'_, u64>,
        _: Element<u64>,
        state: &mut Counted,
        out: &mut Output<'_, u32>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        out.emit(state.count.get_or_default());
        Ok(())
    }
}

fn main() {}
