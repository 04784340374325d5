//! The graph as text.

use super::{Graph, Input, Lifting, Node, NodeId, PortId, Role, Routing};
use crate::Boundedness;
use std::fmt::Write;

/// A step that reads an output.
struct Reader<'a> {
    name: &'a str,
    /// Whether it leaves the elements as they were, for others.
    looks: bool,
}

impl Graph {
    /// The graph and its fused stages, as text, for a run on `shards` threads.
    pub fn explain(&self, shards: usize) -> String {
        let threads = if shards == 1 { "1 thread".to_owned() } else { format!("{shards} threads") };
        let mut text = format!("pipeline \"{}\" on {threads}\n", self.name);
        for (i, stage) in self.stages(shards).iter().enumerate() {
            let _ = write!(text, "stage {}: ", i + 1);
            let _ = match stage.len() {
                1 => write!(text, "1 step"),
                n => write!(text, "{n} steps, fused"),
            };
            self.explain_end(stage, shards, &mut text);
            text.push('\n');
            for id in stage {
                self.explain_node(*id, shards, &mut text);
            }
        }
        text
    }

    /// Why a stage ends: its elements change the thread.
    fn explain_end(&self, stage: &[NodeId], shards: usize, text: &mut String) {
        let (mut by_key, mut to_all) = (Vec::new(), Vec::new());
        for node in &self.nodes {
            let exchanged = |input: &&Input| input.is_exchanged(shards) && stage.contains(&input.from.node);
            for input in node.inputs.iter().filter(exchanged) {
                let names = if let Routing::Broadcast = input.routing { &mut to_all } else { &mut by_key };
                names.push(node.name.clone());
            }
        }
        if !by_key.is_empty() {
            let _ = write!(text, "; elements go on to the thread of their key for {}", list(&by_key));
        }
        if !to_all.is_empty() {
            let _ = write!(text, "; elements go on to all threads for {}", list(&to_all));
        }
    }

    fn explain_node(&self, id: NodeId, shards: usize, text: &mut String) {
        let node = &self.nodes[id.0];
        let _ = write!(text, "  {} [{}", node.name, node.transform);
        if !node.detail.is_empty() {
            let _ = write!(text, ": {}", node.detail);
        }
        text.push(']');
        for input in &node.inputs {
            let _ = write!(text, " <- {}", self.name_of(input.from));
            match input.routing {
                _ if shards == 1 => {}
                Routing::ByKey(_, Lifting::NotAsked) => text.push_str(" (exchange by key)"),
                Routing::ByKey(_, Lifting::Combined) => text.push_str(" (combined before the exchange by key)"),
                Routing::ByKey(_, Lifting::NotPossible(why)) => {
                    let _ = write!(text, " (exchange by key; not combined before, since {why})");
                }
                Routing::Broadcast => text.push_str(" (broadcast)"),
                Routing::Forward => {}
            }
            if input.role == Role::Side {
                text.push_str(" (side input)");
            }
        }
        for (number, input) in node.inputs.iter().enumerate() {
            self.explain_sharing((id, number), input.from, shards, text);
        }
        if let Some(path) = &node.path {
            let _ = match path.why.is_empty() {
                true => write!(text, "\n      path: {}", path.name),
                false => write!(text, "\n      path: {}, since {}", path.name, path.why),
            };
        }
        for output in &node.outputs {
            let name = if node.outputs.len() == 1 { String::new() } else { format!("{}: ", output.tag) };
            let unbounded = if output.boundedness == Boundedness::Unbounded { ", unbounded" } else { "" };
            let _ = write!(text, "\n      -> {name}{}, {}{unbounded}", short(output.type_name), output.windowing);
        }
        text.push('\n');
    }

    /// What becomes of the elements of `from` on an input of a step, if others read them, too.
    fn explain_sharing(&self, input: (NodeId, usize), from: PortId, shards: usize, text: &mut String) {
        let (readers, me) = self.readers(from, input, shards);
        if readers.len() < 2 {
            return;
        }
        let name = self.name_of(from);
        let others = readers.iter().enumerate().filter(|(i, _)| *i != me).map(|(_, r)| r.name.to_owned());
        let others = others.collect::<Vec<_>>();
        let have = if others.len() == 1 { "has" } else { "have" };
        let others = list(&others);
        let last = readers.len() - 1;
        let _ = match readers[me].looks {
            true => write!(text, "\n      reads the elements of {name} by reference, beside {others}"),
            false if me == last => write!(text, "\n      takes the elements of {name} when {others} {have} had them"),
            false => write!(
                text,
                "\n      takes a copy of the elements of {name}, since {} takes them, too",
                readers[last].name
            ),
        };
    }

    /// Those who read an output, in the order in which they get a batch, and which of them `input` is: at first those who
    /// only look, then those who take it, of whom only the last gets it without a copy.
    fn readers(&self, from: PortId, input: (NodeId, usize), shards: usize) -> (Vec<Reader<'_>>, usize) {
        let mut readers = Vec::new();
        for (id, node) in self.nodes.iter().enumerate() {
            for (number, i) in node.inputs.iter().enumerate().filter(|(_, i)| i.from == from) {
                let looks = looks(node, i, shards);
                let place = (!looks, !i.is_exchanged(shards), id, number);
                readers.push((place, (NodeId(id), number) == input, Reader { name: &node.name, looks }));
            }
        }
        readers.sort_by_key(|(place, ..)| *place);
        let me = readers.iter().position(|(_, is_me, _)| *is_me).unwrap_or_default();
        (readers.into_iter().map(|(.., reader)| reader).collect(), me)
    }

    fn name_of(&self, port: PortId) -> String {
        let node = &self.nodes[port.node.0];
        match node.outputs.len() {
            1 => node.name.clone(),
            _ => format!("{}.{}", node.name, self.port(port).tag),
        }
    }
}

/// Whether what gets a batch for `input` leaves it as it was: the step, or the exchange before it.
fn looks(node: &Node, input: &Input, shards: usize) -> bool {
    match &input.routing {
        Routing::Broadcast if shards > 1 => true,
        Routing::ByKey(exchange, _) if shards > 1 => exchange(shards).reads_only(),
        _ => node.reads_only && input.role == Role::Main,
    }
}

/// "A, B and C".
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

/// A type's name without the paths of modules.
fn short(type_name: &str) -> String {
    let mut name = String::new();
    let mut word = 0;
    for c in type_name.chars() {
        name.push(c);
        if c == ':' {
            name.truncate(word);
        } else if !(c.is_alphanumeric() || c == '_') {
            word = name.len();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    #[test]
    fn type_names_lose_their_paths() {
        assert_eq!(super::short("(alloc::string::String, my::deep::Event<u64>)"), "(String, Event<u64>)");
        assert_eq!(super::short("u64"), "u64");
    }
}
