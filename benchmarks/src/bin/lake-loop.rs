//! `lake-loop N DIR [--phases] [--seed=S]`: runs the hand-written main job over N simulated events into the folder DIR.

use anyhow::{Context, Result, bail};
use benchmarks::{lake_loop, lake_phases};
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: lake-loop N DIR [--phases] [--seed=S]";

fn main() -> Result<()> {
    let (mut positional, mut phases, mut seed) = (Vec::new(), false, 0);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            _ if argument == "--phases" => phases = true,
            Some(("--seed", number)) => seed = number.parse().context(USAGE)?,
            _ => positional.push(argument),
        }
    }
    let [n, dir] = &positional[..] else { bail!(USAGE) };
    let (n, dir): (u64, PathBuf) = (n.parse().context(USAGE)?, dir.into());
    if phases {
        let phases = lake_phases::run(n, seed, &dir)?;
        for (name, nanos) in &phases {
            println!("{name:<12} {nanos:7.1} ns/event");
        }
        println!("{:<12} {:7.1} ns/event", "sum", phases.iter().map(|(_, nanos)| nanos).sum::<f64>());
        return Ok(());
    }
    let result = lake_loop::run(n, seed, &dir)?;
    println!("{result:#?}");
    println!("{:.3} s, {:.1} ns/event", result.seconds, result.seconds * 1e9 / n.max(1) as f64);
    Ok(())
}
