//! A window function of a user that merges.

use dataflow_windows::{CustomWindowFn, Duration, FixedWindows, Timestamp, Window};

/// Windows of ten seconds, and all of a key that overlap or touch become one.
pub struct Touching;

impl CustomWindowFn for Touching {
    fn describe(&self) -> String {
        "touching tens of seconds".to_owned()
    }

    fn assign(&self, t: Timestamp, windows: &mut Vec<Window>) {
        windows.push(FixedWindows::of(Duration::seconds(10)).assign(t));
    }

    fn is_merging(&self) -> bool {
        true
    }

    fn join(&self, a: Window, b: Window) -> Option<Window> {
        let meet = a.start() <= b.end() && b.start() <= a.end();
        meet.then(|| Window::new(a.start().min(b.start()), a.end().max(b.end())))
    }
}
