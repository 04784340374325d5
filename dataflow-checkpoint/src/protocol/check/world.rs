//! All that there is: the chain, the target of a sink, and processes that are each somewhere in their work.
//!
//! A process that is killed is one that never takes its next step, so nobody needs to kill. It may take it after all,
//! much later: then it is a zombie.

use super::driver::Driver;
use super::target::Target;
use crate::protocol::mutation::{Mutated, Mutation};
use crate::{Action, Append, AttemptId, Event, LineageId, Manifest, Process, ProcessOptions, Publish, SinkKind};
use dataflow_windows::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is tried.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) kind: SinkKind,
    pub(super) shards: u8,
    /// The inputs are the numbers below. Those of a shard are the ones that leave its number when divided.
    pub(super) inputs: u8,
    pub(super) processes: u8,
    /// Nobody appends more manifests than these; only the one that completes the output may.
    pub(super) manifests: u8,
    pub(super) brokers_time_out: bool,
    pub(super) answers_get_lost: bool,
    pub(super) forks: bool,
    pub(super) sweeps: bool,
    pub(super) markers_expire: bool,
    pub(super) mutation: Option<Mutation>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct World {
    /// By number; none where it is swept.
    chain: Vec<Option<Arc<Manifest<u8>>>>,
    targets: Vec<Target>,
    processes: Vec<Arc<Driver>>,
    /// A request to append that nobody waits for any more.
    in_flight: Option<Arc<Manifest<u8>>>,
    /// Whether a fork was begun for which duplicates are accepted.
    accepted: bool,
    /// The lineages in which a process has run that accepts duplicates: from then on nobody needs to accept them again.
    ran: BTreeSet<LineageId>,
    /// Whether a marker has expired.
    expired: bool,
}

/// What happened, for the trace: which process, and what.
pub(super) type Label = (usize, &'static str);

/// Takes a world that may be next: who does what, and how that changes it.
type Add<'a> = dyn FnMut(usize, &'static str, &dyn Fn(&mut World)) + 'a;

const SINK: &str = "Sink";

impl World {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut world = World {
            chain: Vec::new(),
            targets: vec![Target::default(); rules.shards as usize],
            processes: Vec::new(),
            in_flight: None,
            accepted: false,
            ran: BTreeSet::new(),
            expired: false,
        };
        world.start(rules, None, false);
        world
    }

    fn start(&mut self, rules: &Rules, from: Option<u64>, accepts: bool) {
        let attempt = AttemptId::from_u128(self.processes.len() as u128 + 1);
        let sinks = BTreeMap::from([(SINK.to_owned(), (rules.kind, u32::from(rules.shards)))]);
        let options = ProcessOptions { attempt, now: Timestamp::from_micros(0), sinks, accept_duplicates: accepts };
        let machine = Process::mutated(options, 0, Mutated(rules.mutation));
        let mut driver = Driver { machine, from, accepts, todo: Vec::new(), open: BTreeMap::new(), exit: None };
        driver.take_actions();
        self.processes.push(Arc::new(driver));
        self.accepted |= accepts;
    }

    /// Every world that may be next.
    pub(super) fn next(&self, rules: &Rules) -> Vec<(Label, World)> {
        let mut worlds = Vec::new();
        let mut add = |process: usize, what: &'static str, change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            worlds.push(((process, what), world));
        };
        if self.processes.len() < rules.processes as usize {
            add(self.processes.len(), "starts", &|world| world.start(rules, None, false));
            for number in (1..self.chain.len() as u64).filter(|_| rules.forks) {
                if self.manifest(number).is_some() {
                    add(self.processes.len(), "starts from an older one", &|w| w.start(rules, Some(number), false));
                    add(self.processes.len(), "starts from an older one, accepting", &|w| {
                        w.start(rules, Some(number), true)
                    });
                }
            }
        }
        if rules.brokers_time_out {
            for shard in (0..self.targets.len()).filter(|shard| self.targets[*shard].open.is_some()) {
                add(0, "transaction times out", &|world| {
                    (world.targets[shard].open, world.targets[shard].holder) = (None, None);
                });
            }
        }
        if self.in_flight.is_some() {
            add(0, "late append arrives", &|world| {
                if let Some(late) = world.in_flight.take() {
                    world.create(&late);
                }
            });
        }
        if rules.markers_expire && !self.expired {
            for shard in (0..self.targets.len()).filter(|shard| self.targets[*shard].marker.is_some()) {
                add(0, "marker expires", &|world| (world.targets[shard].marker, world.expired) = (None, true));
            }
        }
        if rules.sweeps && self.chain.len() > 1 && self.chain[self.chain.len() - 2].is_some() {
            add(0, "all but the newest manifest is swept", &|world| {
                let newest = world.chain.len() - 1;
                world.chain[..newest].fill(None);
            });
        }
        for (p, driver) in self.processes.iter().enumerate() {
            for (n, action) in driver.todo.iter().enumerate() {
                self.act(rules, p, n, action, &mut add);
            }
            let position = driver.position();
            let may_append = self.chain.len() < rules.manifests as usize;
            if driver.has_inputs(rules) && driver.machine.epochs_behind() < 2 && may_append {
                for end in position + 1..=rules.inputs.min(position + 2) {
                    add(p, "takes a checkpoint", &|world| world.process(p).checkpoint(rules, end));
                }
            }
        }
        worlds
    }

    /// All that can come of an action.
    fn act(&self, rules: &Rules, p: usize, n: usize, action: &Action<u8>, add: &mut Add<'_>) {
        match action {
            Action::ReadStart => add(p, "reads what to start from", &|world| {
                let newest = world.chain.len() as u64;
                let from = world.manifest(world.processes[p].from.unwrap_or(newest)).map(|m| Box::new((**m).clone()));
                if newest == 0 || from.is_some() {
                    world.answer(p, n, Event::Start { newest, from });
                }
            }),
            Action::Append(manifest) => {
                if self.chain.len() >= rules.manifests as usize && manifest.number as usize > self.chain.len() {
                    return;
                }
                add(p, "appends", &|world| {
                    let result = world.create(manifest);
                    world.answer(p, n, Event::Appended(result));
                });
                if rules.answers_get_lost && self.in_flight.is_none() {
                    add(p, "appends, the answer gets lost", &|world| {
                        world.create(manifest);
                        world.answer(p, n, Event::Appended(Append::Unknown));
                    });
                    add(p, "appends, the request is late", &|world| {
                        world.in_flight = Some(Arc::new((**manifest).clone()));
                        world.answer(p, n, Event::Appended(Append::Unknown));
                    });
                }
            }
            Action::ReadNewest => add(p, "reads the newest", &|world| {
                let newest = world.chain.len() as u64;
                if let Some(owner) = world.manifest(newest).map(|manifest| manifest.owner) {
                    world.answer(p, n, Event::Newest(newest, owner));
                }
            }),
            Action::Fence(id) => add(p, "fences", &|world| {
                let target = &mut world.targets[id.index as usize];
                (target.holder, target.open) = (Some(p), None);
                world.process(p).open.remove(id);
                world.answer(p, n, Event::Held(*id));
            }),
            Action::ReadMarkers(id) => add(p, "reads markers", &|world| {
                let found = world.targets[id.index as usize].markers();
                world.answer(p, n, Event::Markers(*id, found));
            }),
            Action::WriteMarker(id, marker) => add(p, "writes a marker", &|world| {
                let target = &mut world.targets[id.index as usize];
                if target.holder == Some(p) {
                    target.marker = Some(*marker);
                    world.answer(p, n, Event::Committed(*id, marker.records));
                } else {
                    world.answer(p, n, Event::Interrupted(*id));
                }
            }),
            Action::Publish(publish) if rules.kind == SinkKind::Named => add(p, "publishes a file", &|world| {
                let record = world.processes[p].record(publish, publish.from);
                let target = &mut world.targets[publish.shard.index as usize];
                target.names.entry((publish.made_in, publish.epoch, publish.from)).or_insert(record);
                world.answer(p, n, Event::Committed(publish.shard, publish.from + 1));
            }),
            Action::Publish(publish) => self.publish(rules, p, n, publish, add),
            Action::Run(_) | Action::Completed { .. } | Action::Exit(_) => {}
        }
    }

    /// A transaction: produce, then commit.
    fn publish(&self, rules: &Rules, p: usize, n: usize, publish: &Publish, add: &mut Add<'_>) {
        let shard = publish.shard;
        let is_holder = self.targets[shard.index as usize].holder == Some(p);
        let Some(end) = self.processes[p].open.get(&shard).copied() else {
            if !is_holder {
                return add(p, "produces, and is fenced", &|world| world.answer(p, n, Event::Interrupted(shard)));
            }
            for end in BTreeSet::from([publish.from + 1, publish.to]) {
                add(p, "produces", &|world| {
                    let records = (publish.from..end).map(|at| world.processes[p].record(publish, at)).collect();
                    world.targets[shard.index as usize].open = Some((records, publish.marker(end)));
                    world.process(p).open.insert(shard, end);
                });
            }
            return;
        };
        if !is_holder || self.targets[shard.index as usize].open.is_none() {
            return add(p, "commits, and is fenced", &|world| {
                world.process(p).open.remove(&shard);
                world.answer(p, n, Event::Interrupted(shard));
            });
        }
        let commit = |world: &mut World| {
            world.process(p).open.remove(&shard);
            let target = &mut world.targets[shard.index as usize];
            if let Some((records, marker)) = target.open.take() {
                target.records.extend(records.into_iter().map(|record| (record, marker.lineage)));
                if rules.mutation != Some(Mutation::OutputsWithoutMarker) {
                    target.marker = Some(marker);
                }
            }
        };
        add(p, "commits", &|world| {
            commit(world);
            world.answer(p, n, Event::Committed(shard, end));
        });
        if rules.answers_get_lost {
            add(p, "commits, the answer gets lost", &|world| {
                commit(world);
                world.answer(p, n, Event::Interrupted(shard));
            });
        }
    }

    fn manifest(&self, number: u64) -> Option<&Arc<Manifest<u8>>> {
        self.chain.get((number as usize).checked_sub(1)?)?.as_ref()
    }

    /// Creates a manifest, unless one of the number is there.
    fn create(&mut self, manifest: &Manifest<u8>) -> Append {
        let at = manifest.number as usize - 1;
        if at == self.chain.len() {
            self.chain.push(None);
        }
        match &mut self.chain[at] {
            Some(_) => Append::Taken,
            free => {
                *free = Some(Arc::new(manifest.clone()));
                Append::Written
            }
        }
    }

    fn process(&mut self, p: usize) -> &mut Driver {
        Arc::make_mut(&mut self.processes[p])
    }

    fn answer(&mut self, p: usize, n: usize, event: Event<u8>) {
        let driver = self.process(p);
        driver.todo.remove(n);
        driver.machine.on(event).unwrap();
        driver.take_actions();
        let driver = &self.processes[p];
        if let (true, true, Some(last)) = (driver.accepts, driver.machine.is_running(), driver.machine.last()) {
            self.ran.insert(last.lineage.id);
        }
    }

    /// Whether what is published is right so far: what is not, if not.
    pub(super) fn check(&self, rules: &Rules) -> Result<(), String> {
        for (shard, target) in self.targets.iter().enumerate() {
            let expected: Vec<u8> = rules.of_shard(shard).collect();
            target.check(&expected, self.accepted).map_err(|wrong| format!("shard {shard}: {wrong}"))?;
        }
        Ok(())
    }

    /// Whether a new process, alone, completes the output.
    pub(super) fn check_completion(&self, rules: &Rules) -> Result<(), String> {
        let refused = match self.complete(rules, None, false) {
            Err(_) if self.expired => return self.complete(rules, None, true),
            Err(why) if rules.forks => why,
            result => return result,
        };
        // A fork that was refused late, since another process was not fenced yet: the way back costs no duplicates.
        let mut left = (1..self.chain.len() as u64).rev().filter(|number| self.manifest(*number).is_some());
        if left.any(|number| self.complete(rules, Some(number), false).is_ok()) {
            return Ok(());
        }
        // A fork that was accepted, and has not come far enough to need that no more.
        let has_run =
            self.manifest(self.chain.len() as u64).is_some_and(|newest| self.ran.contains(&newest.lineage.id));
        if !self.accepted || has_run {
            return Err(refused);
        }
        self.complete(rules, None, true).map_err(|why| format!("{refused}; and if it accepts: {why}"))
    }

    fn complete(&self, rules: &Rules, from: Option<u64>, accepts: bool) -> Result<(), String> {
        let rules = Rules { manifests: u8::MAX, answers_get_lost: false, ..rules.clone() };
        let mut world = self.clone();
        let p = world.processes.len();
        world.start(&rules, from, accepts);
        world.accepted = self.accepted || self.expired;
        for _ in 0..200 {
            let mut next = Vec::new();
            if let Some((n, action)) = world.processes[p].todo.iter().enumerate().next() {
                let mut add = |_, _, change: &dyn Fn(&mut World)| {
                    let mut after = world.clone();
                    change(&mut after);
                    next.push(after);
                };
                world.act(&rules, p, n, action, &mut add);
            } else if world.processes[p].has_inputs(&rules) {
                let mut after = world.clone();
                after.process(p).checkpoint(&rules, rules.inputs);
                next.push(after);
            }
            match next.pop() {
                Some(after) => world = after,
                None => break,
            }
        }
        if let Some(why) = &world.processes[p].exit {
            return Err(format!("a new process exits: {why}"));
        }
        world.check(&rules).map_err(|wrong| format!("after a new process, {wrong}"))?;
        for (shard, target) in world.targets.iter().enumerate() {
            let all = rules.of_shard(shard).count();
            if target.covered() != all {
                return Err(format!("a new process leaves shard {shard} with {} of {all} inputs", target.covered()));
            }
        }
        Ok(())
    }

    /// What decides whether the output can be completed: all but the processes.
    pub(super) fn without_processes(&self) -> World {
        let mut world = self.clone();
        world.processes = Vec::new();
        world.targets.iter_mut().for_each(|target| (target.holder, target.open) = (None, None));
        world.in_flight = None;
        world
    }
}

impl Rules {
    fn of_shard(&self, shard: usize) -> impl Iterator<Item = u8> {
        let shards = self.shards;
        (0..self.inputs).filter(move |input| usize::from(input % shards) == shard)
    }
}
