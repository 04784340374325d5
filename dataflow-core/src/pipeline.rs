//! Pipelines and typed collections: how a graph is built.

use crate::TestStream;
use crate::graph::{Graph, Input, Node, NodeId, NodeKind, OperatorContext, OperatorFactory, OutputPort, PortId};
use crate::graph::{Path, Role, Routing, SinkHooks};
use crate::metrics::Counter;
use crate::plane::{Erase, EraseWithSide, Operator, Ports, SideOperator};
use crate::source::ErasedSource;
use crate::{Boundedness, Data, Error, Metrics, PipelineOptions, PipelineResult, Result, Runner, Source};
use dataflow_windows::WindowingStrategy;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// A pipeline: a graph of transforms that is built first and run then.
///
/// Copies are handles to the same pipeline.
#[derive(Clone)]
pub struct Pipeline(Rc<RefCell<Builder>>);

struct Builder {
    graph: Graph,
    scopes: Vec<String>,
    /// Whether it has been run.
    ran: bool,
    /// Of so many steps a run has told what became of them.
    told: usize,
}

impl Builder {
    fn new(name: &str) -> Self {
        let graph = Graph { name: name.to_owned(), nodes: Vec::new(), metrics: Metrics::default(), errors: Vec::new() };
        Builder { graph, scopes: Vec::new(), ran: false, told: 0 }
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        for node in self.graph.nodes.iter().skip(self.told) {
            if let NodeKind::Write(_, hooks) = &node.kind {
                hooks.never_ran();
            }
        }
    }
}

/// A collection of elements of type `T`, the output of a transform: possibly endless, each element with a timestamp and a
/// window.
///
/// It is a handle to a place in the graph. Using it twice gives both users all elements.
pub struct PCollection<T> {
    pipeline: Pipeline,
    port: PortId,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for PCollection<T> {
    fn clone(&self) -> Self {
        PCollection { pipeline: self.pipeline.clone(), port: self.port, element: PhantomData }
    }
}

/// A transform with a name of its own, made of others: implement it to give a part of a pipeline a name and use it again.
///
/// `In` is a [`PCollection`], a tuple of them, or a [`Pipeline`] for a transform that begins one.
///
/// ```
/// use dataflow_core::{PCollection, PTransform};
///
/// /// Cleans lines: two steps that go by one name. `lines.apply("Clean", Clean)` adds "Clean/Trim" and "Clean/Drop".
/// struct Clean;
/// # struct Trim; struct Drop;
/// # impl PTransform<PCollection<String>> for Trim {
/// #     type Out = PCollection<String>;
/// #     fn expand(self, lines: PCollection<String>) -> Self::Out { lines }
/// # }
/// # impl PTransform<PCollection<String>> for Drop {
/// #     type Out = PCollection<String>;
/// #     fn expand(self, lines: PCollection<String>) -> Self::Out { lines }
/// # }
///
/// impl PTransform<PCollection<String>> for Clean {
///     type Out = PCollection<String>;
///
///     fn expand(self, lines: PCollection<String>) -> Self::Out {
///         lines.apply("Trim", Trim).apply("Drop", Drop)
///     }
/// }
/// ```
pub trait PTransform<In> {
    /// What it makes: a collection, or a tuple of them.
    type Out;

    /// Adds its steps to the pipeline of `input`.
    fn expand(self, input: In) -> Self::Out;
}

/// A function is a transform, too: what it adds goes by the name under which it is applied.
///
/// ```
/// use dataflow_core::{PCollection, Pipeline};
///
/// fn clean(lines: PCollection<String>) -> PCollection<String> {
///     lines // .map("Trim", ..).filter("Drop", ..) are steps "Clean/Trim" and "Clean/Drop"
/// }
/// # fn of(lines: PCollection<String>) -> PCollection<String> {
/// lines.apply("Clean", clean)
/// # }
/// ```
impl<In, Out, F: FnOnce(In) -> Out> PTransform<In> for F {
    type Out = Out;

    fn expand(self, input: In) -> Out {
        self(input)
    }
}

/// What a step is, but for the operator that runs it.
pub struct StepSpec {
    /// Its name within the transform that it is part of.
    pub name: String,
    /// What it is, in Beam's terms.
    pub transform: &'static str,
    /// What more there is to know of it, for `explain()`.
    pub detail: String,
    /// Which way of doing its work it takes, for `explain()`: where there are several.
    pub path: Option<Path>,
    /// Whether it leaves what it reads as it was, so that others can read the same. [Operators](Operator::READS_ONLY) say
    /// that themselves.
    pub reads_only: bool,
    /// Which shard the elements of its main input go to.
    pub routing: Routing,
    /// How its outputs are windowed; as the input if `None`.
    pub windowing: Option<WindowingStrategy>,
    /// The names of its outputs; `main` for an only one.
    pub tags: &'static [&'static str],
}

impl StepSpec {
    /// A step that works on elements where they are.
    pub fn new(name: &str, transform: &'static str) -> Self {
        let routing = Routing::Forward;
        let (name, detail) = (name.to_owned(), String::new());
        StepSpec { name, transform, detail, path: None, reads_only: false, routing, windowing: None, tags: &["main"] }
    }
}

impl Pipeline {
    /// An empty pipeline.
    pub fn new(name: &str) -> Self {
        Pipeline(Rc::new(RefCell::new(Builder::new(name))))
    }

    /// Adds a step that reads `source`.
    pub fn read<S: Source>(&self, name: &str, mut source: S) -> PCollection<S::Element> {
        source.count_with(&|counter| self.counter(name, counter));
        let source: Arc<dyn ErasedSource> = Arc::new(source);
        let output = OutputPort {
            tag: "main".to_owned(),
            type_name: std::any::type_name::<S::Element>(),
            windowing: WindowingStrategy::default(),
            boundedness: source.boundedness(),
        };
        let spec = StepSpec { detail: source.describe(), ..StepSpec::new(name, "Read") };
        self.collection(self.add(spec, NodeKind::Read(source), vec![], vec![output]), 0)
    }

    /// Adds a step that reads a source with batches of a kind of its own: [`read`](Self::read) is for those of elements.
    /// `P` has a single port.
    pub fn read_batches<P: PortCollections>(
        &self,
        name: &str,
        transform: &'static str,
        source: Arc<dyn ErasedSource>,
    ) -> P::Collections {
        let port = |type_name| OutputPort {
            tag: "main".to_owned(),
            type_name,
            windowing: WindowingStrategy::default(),
            boundedness: source.boundedness(),
        };
        let outputs = P::type_names().into_iter().map(port).collect();
        let spec = StepSpec { detail: source.describe(), ..StepSpec::new(name, transform) };
        P::collections(self, self.add(spec, NodeKind::Read(source), vec![], outputs))
    }

    /// Adds a step that has the elements of `stream`, event by event.
    pub fn test_stream<T: Data + Sync>(&self, name: &str, stream: &TestStream<T>) -> PCollection<T> {
        let output = OutputPort {
            tag: "main".to_owned(),
            type_name: std::any::type_name::<T>(),
            windowing: WindowingStrategy::default(),
            boundedness: Boundedness::Unbounded,
        };
        let kind = NodeKind::TestStream(Arc::new(stream.clone()));
        self.collection(self.add(StepSpec::new(name, "TestStream"), kind, vec![], vec![output]), 0)
    }

    /// Applies a transform that begins a pipeline.
    pub fn apply<P: PTransform<Pipeline>>(&self, name: &str, transform: P) -> P::Out {
        self.scoped(name, || transform.expand(self.clone()))
    }

    /// A counter for user code, under the step's full name in [`PipelineResult::metrics`].
    pub fn counter(&self, step: &str, name: &str) -> Counter {
        self.metrics().counter(&self.full_name(step), name)
    }

    /// All counters.
    pub fn metrics(&self) -> Metrics {
        self.0.borrow().graph.metrics.clone()
    }

    /// How the pipeline is run with `options`, as text: which steps are fused into a stage, whose threads pass elements
    /// from step to step without queues; why the stage ends; which way of doing its work a step takes, and why it is not
    /// a faster one; and, where several steps read a collection, which of them share its elements and which need a copy.
    /// There is no copy where at most one of them takes elements by value, and the others are of a kind that reads them
    /// by reference: `map_ref`, `filter_map_ref`, `try_map`, a combining, a sink.
    ///
    /// ```
    /// use dataflow_core::{Pipeline, PipelineOptions, TestStream};
    ///
    /// let p = Pipeline::new("numbers");
    /// p.test_stream("Numbers", &TestStream::<i32>::new());
    /// let text = p.explain(&PipelineOptions::default().with_threads(2));
    /// assert_eq!(text, "pipeline \"numbers\" on 2 threads\n\
    ///                   stage 1: 1 step\n  \
    ///                     Numbers [TestStream]\n      \
    ///                       -> i32, global window, unbounded\n");
    /// ```
    pub fn explain(&self, options: &PipelineOptions) -> String {
        self.0.borrow().graph.explain(options.threads())
    }

    /// Notes that something is wrong, to be told when the pipeline is to be run.
    pub fn report(&self, error: Error) {
        self.0.borrow_mut().graph.errors.push(error);
    }

    /// Checks what can be known before data is read.
    ///
    /// # Errors
    /// All that is wrong with the graph, with steps and what to do; also that the pipeline was run already.
    pub fn check(&self) -> Result<()> {
        let builder = self.0.borrow();
        match builder.ran {
            true => Err(Error::graph(format!(
                "pipeline \"{}\" was run already, and what is added to it or run again comes too late: build a new one",
                builder.graph.name
            ))),
            false => builder.graph.check(),
        }
    }

    /// Starts to run the pipeline on `runner`. It can be run once: build a new one for another run.
    ///
    /// # Errors
    /// If the graph is wrong, the pipeline was run already, or the runner cannot start.
    pub fn run_on(&self, runner: &dyn Runner, options: &PipelineOptions) -> Result<PipelineResult> {
        // From here on the run's error or its result tells what became of the steps.
        let steps = self.0.borrow().graph.nodes.len();
        self.0.borrow_mut().told = steps;
        self.check()?;
        let graph = {
            let builder = &mut *self.0.borrow_mut();
            builder.ran = true;
            builder.graph.take()
        };
        let hooks = |node: &Node| match &node.kind {
            NodeKind::Write(_, hooks) => Some(hooks.clone()),
            _ => None,
        };
        let hooks = graph.nodes.iter().filter_map(hooks).collect();
        Ok(runner.run(graph, options)?.heard_by(hooks))
    }

    fn full_name(&self, step: &str) -> String {
        let builder = self.0.borrow();
        builder.scopes.iter().map(String::as_str).chain([step]).collect::<Vec<_>>().join("/")
    }

    fn scoped<R>(&self, name: &str, expand: impl FnOnce() -> R) -> R {
        self.0.borrow_mut().scopes.push(name.to_owned());
        let out = expand();
        self.0.borrow_mut().scopes.pop();
        out
    }

    fn add(&self, spec: StepSpec, kind: NodeKind, inputs: Vec<Input>, outputs: Vec<OutputPort>) -> NodeId {
        let name = self.full_name(&spec.name);
        let is_sound = |input: &Input| self.0.borrow().graph.port(input.from).windowing.check().is_ok();
        // What is wrong is told once, not of all steps that follow.
        let inputs_are_sound =
            inputs.iter().filter(|i| i.from.node.0 < self.0.borrow().graph.nodes.len()).all(is_sound);
        for output in outputs.iter().filter(|_| inputs_are_sound) {
            if let Err(message) = output.windowing.check() {
                self.report(Error::graph(message).at_step(&name));
            }
        }
        let nodes = &mut self.0.borrow_mut().graph.nodes;
        let StepSpec { transform, detail, path, reads_only, .. } = spec;
        nodes.push(Node { name, transform, detail, path, reads_only, kind, inputs, outputs });
        NodeId(nodes.len() - 1)
    }

    /// An output of a step as a collection: for [`PortCollections`] of crates with batches of a kind of their own. A `T`
    /// that is not the output's type is an error of the run.
    pub fn collection<T>(&self, node: NodeId, port: usize) -> PCollection<T> {
        PCollection { pipeline: self.clone(), port: PortId { node, port }, element: PhantomData }
    }
}

/// Output ports as the collections that come out of a step.
pub trait PortCollections: Ports {
    /// A [`PCollection`] per port.
    type Collections;

    /// The collections of the outputs of `node`.
    fn collections(pipeline: &Pipeline, node: NodeId) -> Self::Collections;
}

impl PortCollections for () {
    type Collections = ();
    fn collections(_: &Pipeline, _: NodeId) {}
}

impl<A: Data> PortCollections for (A,) {
    type Collections = PCollection<A>;
    fn collections(pipeline: &Pipeline, node: NodeId) -> PCollection<A> {
        pipeline.collection(node, 0)
    }
}

macro_rules! port_collections {
    ($($t:ident $n:literal),+) => {
        impl<$($t: Data),+> PortCollections for ($($t,)+) {
            type Collections = ($(PCollection<$t>,)+);
            fn collections(pipeline: &Pipeline, node: NodeId) -> Self::Collections {
                ($(pipeline.collection(node, $n),)+)
            }
        }
    };
}
port_collections!(A 0, B 1);
port_collections!(A 0, B 1, C 2);
port_collections!(A 0, B 1, C 2, D 3);

impl<T: Data> PCollection<T> {
    /// Applies a transform under a name: its steps are called `name/...`.
    pub fn apply<P: PTransform<PCollection<T>>>(&self, name: &str, transform: P) -> P::Out {
        self.pipeline.scoped(name, || transform.expand(self.clone()))
    }

    /// The pipeline it is part of.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// How it is windowed.
    pub fn windowing(&self) -> WindowingStrategy {
        self.pipeline.0.borrow().graph.port(self.port).windowing.clone()
    }

    /// Whether it ends.
    pub fn boundedness(&self) -> Boundedness {
        self.pipeline.0.borrow().graph.port(self.port).boundedness
    }

    /// Adds a step that an operator runs: the primitive that all transforms are made of.
    pub fn apply_operator<O>(
        &self,
        spec: StepSpec,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> <O::Out as PortCollections>::Collections
    where
        O: Operator<In = T>,
        O::Out: PortCollections,
    {
        let spec = StepSpec { reads_only: O::READS_ONLY, ..spec };
        self.apply_step::<O::Out>(spec, Arc::new(move |context| Ok(Box::new(Erase(make(context)?)))))
    }

    /// Adds a step that need not take [`Batch`](crate::plane::Batch)es: for crates with batches of a kind of their own.
    /// What it takes must be what this collection has, which is not checked before the run.
    pub fn apply_step<P: PortCollections>(&self, spec: StepSpec, factory: OperatorFactory) -> P::Collections {
        let inputs = vec![self.main_input(&spec)];
        self.add_operator::<P>(spec, NodeKind::Operator(factory), inputs)
    }

    /// Adds a step that an operator runs which looks at all of `side`.
    pub fn apply_side_operator<O>(
        &self,
        spec: StepSpec,
        side: &PCollection<O::Side>,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> <O::Out as PortCollections>::Collections
    where
        O: SideOperator<In = T>,
        O::Out: PortCollections,
    {
        let from = self.port_of(side, &spec.name);
        let factory: OperatorFactory = Arc::new(move |context| Ok(Box::new(EraseWithSide(make(context)?))));
        let side = Input { from, role: Role::Side, routing: Routing::Broadcast };
        let inputs = vec![self.main_input(&spec), side];
        let spec = StepSpec { reads_only: O::READS_ONLY, ..spec };
        self.add_operator::<O::Out>(spec, NodeKind::Operator(factory), inputs)
    }

    /// Adds a step that an operator runs which writes, with what is to be done once per run.
    pub fn apply_write<O>(
        &self,
        spec: StepSpec,
        hooks: Arc<dyn SinkHooks>,
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) where
        O: Operator<In = T, Out = ()>,
    {
        let factory: OperatorFactory = Arc::new(move |context| Ok(Box::new(Erase(make(context)?))));
        let inputs = vec![self.main_input(&spec)];
        let spec = StepSpec { reads_only: O::READS_ONLY, ..spec };
        self.add_operator::<O::Out>(spec, NodeKind::Write(factory, hooks), inputs);
    }

    /// Adds a step that takes the elements of this collection and of `others`, which must be windowed alike.
    pub fn apply_to_all<O>(
        &self,
        spec: StepSpec,
        others: &[PCollection<T>],
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> <O::Out as PortCollections>::Collections
    where
        O: Operator<In = T>,
        O::Out: PortCollections,
    {
        let mut inputs = vec![self.main_input(&spec)];
        for other in others {
            let from = self.port_of(other, &spec.name);
            if other.windowing() != self.windowing() {
                let (a, b) = (self.windowing(), other.windowing());
                self.report(
                    &spec.name,
                    format!("its inputs are windowed differently ({a}; {b}): window them alike first"),
                );
            }
            inputs.push(Input { from, role: Role::Main, routing: spec.routing.clone() });
        }
        let factory: OperatorFactory = Arc::new(move |context| Ok(Box::new(Erase(make(context)?))));
        self.add_operator::<O::Out>(spec, NodeKind::Operator(factory), inputs)
    }

    /// Notes that something is wrong with the step `name`, to be told when the pipeline is to be run.
    pub fn report(&self, name: &str, message: impl Into<String>) {
        self.pipeline.report(Error::graph(message).at_step(self.pipeline.full_name(name)));
    }

    /// The place of another collection in the graph. That of this one if it is of another graph, which is an error.
    fn port_of<U>(&self, other: &PCollection<U>, name: &str) -> PortId {
        if Rc::ptr_eq(&self.pipeline.0, &other.pipeline.0) {
            return other.port;
        }
        self.report(name, "its inputs are of different pipelines: build both on the same one");
        self.port
    }

    fn main_input(&self, spec: &StepSpec) -> Input {
        Input { from: self.port, role: Role::Main, routing: spec.routing.clone() }
    }

    fn add_operator<P: PortCollections>(&self, spec: StepSpec, kind: NodeKind, inputs: Vec<Input>) -> P::Collections {
        let windowing = spec.windowing.clone().unwrap_or_else(|| self.windowing());
        let unbounded = {
            let graph = &self.pipeline.0.borrow().graph;
            let is_unbounded = |i: &Input| {
                graph
                    .nodes
                    .get(i.from.node.0)
                    .is_some_and(|n| n.outputs[i.from.port].boundedness == Boundedness::Unbounded)
            };
            inputs.iter().any(|i| i.role == Role::Main && is_unbounded(i))
        };
        let boundedness = if unbounded { Boundedness::Unbounded } else { Boundedness::Bounded };
        let port = |(i, type_name): (usize, &'static str)| OutputPort {
            tag: spec.tags.get(i).map_or_else(|| i.to_string(), |tag| (*tag).to_owned()),
            type_name,
            windowing: windowing.clone(),
            boundedness,
        };
        let outputs = P::type_names().into_iter().enumerate().map(port).collect();
        let node = self.pipeline.add(spec, kind, inputs, outputs);
        P::collections(&self.pipeline, node)
    }
}
