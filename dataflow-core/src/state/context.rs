//! What a stateful DoFn is told about a call.

use dataflow_windows::{Duration, Timestamp, Window};

/// What there is to know of a call of a [`KeyedDoFn`](crate::KeyedDoFn), but for the key. For operators; users have a
/// [`KeyContext`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The window.
    pub window: Window,
    /// The timestamp of what is emitted, unless told otherwise.
    pub timestamp: Timestamp,
    /// The event time of the call: what timers of event time are relative to.
    pub event_time: Timestamp,
    /// When the timer that is firing was to fire; otherwise the event time.
    pub fired_at: Timestamp,
    /// The processing time.
    pub processing_time: Timestamp,
    /// The last time that a timer of event time can be set for: a moment before the window expires.
    pub limit: Timestamp,
}

impl Call {
    /// For an element, in a window that expires at the watermark `expiry`.
    #[inline]
    pub fn for_element(timestamp: Timestamp, window: Window, processing_time: Timestamp, expiry: Timestamp) -> Self {
        let limit = expiry - Duration::micros(1);
        Call { window, timestamp, event_time: timestamp, fired_at: timestamp, processing_time, limit }
    }
}

/// What a [`KeyedDoFn`](crate::KeyedDoFn) is told about a call: the key, the window and the time.
#[derive(Clone, Copy, Debug)]
pub struct KeyContext<'a, K> {
    key: &'a K,
    call: Call,
}

impl<'a, K> KeyContext<'a, K> {
    /// For a call.
    #[inline]
    pub fn new(key: &'a K, call: Call) -> Self {
        KeyContext { key, call }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a K {
        self.key
    }

    /// The window.
    #[inline]
    pub fn window(&self) -> Window {
        self.call.window
    }

    /// The timestamp of what is emitted, unless told otherwise: that of the element; the output timestamp of the timer; the
    /// last timestamp of the window when it expires.
    #[inline]
    pub fn timestamp(&self) -> Timestamp {
        self.call.timestamp
    }

    /// The time that the firing timer was set for, on its own clock. It may be before the watermark or the processing time,
    /// which may move in long jumps. For an element, its timestamp.
    #[inline]
    pub fn fired_at(&self) -> Timestamp {
        self.call.fired_at
    }

    /// The processing time.
    #[inline]
    pub fn processing_time(&self) -> Timestamp {
        self.call.processing_time
    }

    /// `time`, or the last timestamp of the window if that is earlier: a time that a timer can be set for.
    #[inline]
    pub fn within_window(&self, time: Timestamp) -> Timestamp {
        time.min(self.call.window.max_timestamp())
    }

    pub(super) fn call(&self) -> &Call {
        &self.call
    }
}
