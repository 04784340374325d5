//! The graph as text.

use super::{Graph, Lifting, Node, Role, Routing};
use crate::Boundedness;
use std::fmt::Write;

impl Graph {
    /// The graph and its fused stages, as text, for a run on `shards` threads.
    pub fn explain(&self, shards: usize) -> String {
        let threads = if shards == 1 { "1 thread".to_owned() } else { format!("{shards} threads") };
        let mut text = format!("pipeline \"{}\" on {threads}\n", self.name);
        for (i, stage) in self.stages(shards).iter().enumerate() {
            let _ = writeln!(text, "stage {}", i + 1);
            for id in stage {
                self.explain_node(&self.nodes[id.0], shards, &mut text);
            }
        }
        text
    }

    fn explain_node(&self, node: &Node, shards: usize, text: &mut String) {
        let _ = write!(text, "  {} [{}", node.name, node.transform);
        if !node.detail.is_empty() {
            let _ = write!(text, ": {}", node.detail);
        }
        text.push(']');
        for input in &node.inputs {
            let from = &self.nodes[input.from.node.0];
            let _ = match from.outputs.len() {
                1 => write!(text, " <- {}", from.name),
                _ => write!(text, " <- {}.{}", from.name, self.port(input.from).tag),
            };
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
