//! A tick of the clock within a bundle: what the bundle has brought is not given out before it ends.

#![allow(clippy::unwrap_used)]

use dataflow_core::graph::{Graph, NodeId};
use dataflow_core::plane::Batch;
use dataflow_core::{Error, Pipeline, PipelineOptions, PipelineResult, Result, Runner};
use dataflow_exec::{Executor, transforms::*};
use dataflow_windows::{
    AfterProcessingTime, Duration, FixedWindows, Repeatedly, Sessions, Timestamp, Windowing, WindowingStrategy,
};

/// Steps the executor of a pipeline by hand.
struct ByHand(fn(&mut Executor) -> Result<()>);

impl Runner for ByHand {
    fn name(&self) -> &str {
        "by hand"
    }

    fn run(&self, graph: Graph, _: &PipelineOptions) -> Result<PipelineResult> {
        (self.0)(&mut Executor::new(&graph, 0, 1, None)?)?;
        Err(Error::options("done"))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn push(executor: &mut Executor, value: u64, second: i64) -> Result<()> {
    let mut batch = Batch::default();
    batch.push((1u64, value), at(second));
    executor.push(NodeId(0), Box::new(batch))
}

/// Two elements in a bundle, a third one in another, during which the time of the first pane comes.
fn steps(executor: &mut Executor) -> Result<()> {
    executor.processing_time(at(0))?;
    push(executor, 1, 0)?;
    push(executor, 2, 8)?;
    executor.flush()?;
    push(executor, 3, 4)?;
    executor.processing_time(at(2))?;
    executor.flush()?;
    executor.processing_time(at(10))?;
    executor.source_watermark(NodeId(0), Timestamp::MAX)?;
    executor.close()
}

#[test]
fn a_pane_in_the_midst_of_a_bundle_has_nothing_of_it() {
    let later = || Repeatedly::forever(AfterProcessingTime::delay(Duration::seconds(1)));
    let strategies: [WindowingStrategy; 2] = [
        Sessions::with_gap(Duration::seconds(10)).triggering(later()),
        FixedWindows::of(Duration::minutes(1)).triggering(later()),
    ];
    for strategy in strategies {
        for (strategy, expected) in [
            (strategy.clone(), [vec![1, 2], vec![3], vec![]]),
            (strategy.accumulating(), [vec![1, 2], vec![1, 2, 3], vec![1, 2, 3]]),
        ] {
            let p = Pipeline::new("test");
            let out = p.create("Elements", Vec::<(u64, u64)>::new()).window("Window", strategy.clone());
            let out = out.group_by_key("Group").collect("Out");
            let done = p.run_on(&ByHand(steps), &PipelineOptions::default());
            assert!(done.is_err_and(|e| e.message() == "done"));
            let mut panes: Vec<_> = out.elements().into_iter().map(|e| (e.pane.index, e.value.1)).collect();
            panes.sort_unstable();
            let panes: Vec<Vec<u64>> = panes.into_iter().map(|(_, values)| values).collect();
            assert_eq!(panes, expected, "{strategy}");
        }
    }
}
