//! Finds the records of a split: reads large chunks, looks for line feeds, hands out slices.
//!
//! Invariant: a record is given out once, by the split in whose range it begins, whatever the sizes of chunks; and
//! memory is bounded by the length a line may have, not by the one it has.

use crate::compression::{Compression, OnTruncated};
use crate::framing::Framing;
use crate::input::{Got, Input};
use crate::line::{Cut, Line};
use crate::split::{END, TextSplit};
use crate::stream::Stream;
use bytes::Bytes;
use dataflow_core::{Error, ErrorKind, Poll, Progress, Result};
use std::io;
use std::sync::Arc;

// What is kept of a line that is too long, for people to recognise it by.
const KEPT_OF_LONG_LINES: usize = 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a [`Scanner`] reads.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) chunk_bytes: usize,
    pub(crate) max_line: usize,
    pub(crate) on_truncated: OnTruncated,
    pub(crate) min_split_bytes: u64,
    pub(crate) framing: Framing,
}

/// What was read of the input and not yet handed out.
#[derive(Default)]
pub(crate) struct Buffered {
    /// A part of the input.
    chunk: Bytes,
    /// Where in the input it begins.
    base: u64,
    /// Where in the chunk the next record begins.
    next: usize,
    /// `chunk[next..scanned]` has no end of a record.
    scanned: usize,
    /// The record at hand is the rest of one that began before the split.
    skipping: bool,
    /// The record at hand is too long to be kept.
    long: Option<Long>,
    framing: Framing,
    ended: Option<Ended>,
}

struct Long {
    offset: u64,
    beginning: Vec<u8>,
    length: u64,
    last: u8,
}

#[derive(Clone)]
enum Ended {
    Cleanly,
    /// Cut off. The error has already been told, or is to be told when all before it is handed out.
    Failed(io::ErrorKind, String),
    /// All is said.
    Done,
}

impl Buffered {
    /// What begins here is not handed out.
    pub(crate) fn position(&self) -> u64 {
        self.long.as_ref().map_or(self.base + self.next as u64, |long| long.offset)
    }

    /// Whether nothing is left, and nothing will come.
    pub(crate) fn is_spent(&self) -> bool {
        let all_given = self.next == self.chunk.len() && self.long.is_none();
        matches!(self.ended, Some(Ended::Done)) || (matches!(self.ended, Some(Ended::Cleanly)) && all_given)
    }
}

/// A record in the chunk, without its line end.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// Reads one split, record by record.
pub(crate) struct Scanner {
    file: Arc<str>,
    split: TextSplit,
    settings: Settings,
    input: Input,
    buffered: Buffered,
    /// What the last poll has found: first `cut`, then `spans`.
    spans: Vec<Span>,
    cut: Option<Line>,
    /// Where the last poll began to look.
    polled_from: u64,
}

impl Scanner {
    pub(crate) fn open(split: TextSplit, settings: Settings) -> Result<Scanner> {
        let framing = settings.framing.clone();
        let (input, buffered) = if split.stream {
            let (stream, mut buffered) = Stream::take(split.path(), split.compression)?;
            if buffered.position() != split.from {
                let (now, then) = (buffered.position(), split.from);
                stream.give_back(buffered);
                return Err(Error::data(format!(
                    "{} stands at byte {now} and cannot go back to byte {then}: a stream does not survive the process \
                     that reads it, so begin the run anew, or read from a file",
                    split.name()
                )));
            }
            if buffered.long.is_none() {
                (buffered.framing, buffered.scanned) = (framing, buffered.next);
            }
            (Input::Stream(stream), buffered)
        } else {
            // A line begins at `from` if the byte before is a line feed.
            let skipping = matches!(framing, Framing::Lines) && split.is_plain_file() && split.from > 0;
            let base = split.from - u64::from(skipping);
            (Input::open(&split, base)?, Buffered { base, skipping, framing, ..Buffered::default() })
        };
        let (file, polled_from) = (split.name().into(), split.from);
        Ok(Scanner { file, split, settings, input, buffered, spans: vec![], cut: None, polled_from })
    }

    /// Looks for about `max` records; they are then in [`records`](Self::records). Reads at most one chunk.
    pub(crate) fn poll(&mut self, max: usize) -> Result<Poll> {
        self.spans.clear();
        self.cut = None;
        self.polled_from = self.position();
        self.find(max);
        if self.is_empty() && !self.is_done() {
            if self.buffered.ended.is_none() && !self.refill() {
                return Ok(Poll::Pending);
            }
            self.find(max);
            if self.is_empty() && !self.is_done() && self.buffered.ended.is_some() {
                self.finish()?;
            }
        }
        // The last line, if it has no line end, comes with those before it.
        let ended = self.buffered.long.is_none() && matches!(self.buffered.ended, Some(Ended::Cleanly));
        if ended && self.spans.len() < max && !self.is_done() {
            self.finish()?;
        }
        Ok(if self.is_done() { Poll::End } else { Poll::More })
    }

    fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.cut.is_none()
    }

    fn is_done(&self) -> bool {
        self.buffered.long.is_none() && self.begin() >= self.split.to || self.buffered.is_spent()
    }

    /// Where in the input the search stands.
    fn begin(&self) -> u64 {
        self.buffered.base + self.buffered.next as u64
    }

    /// Finds the records that end in the chunk.
    fn find(&mut self, max: usize) {
        let Buffered { chunk, base, next, scanned, skipping, long, framing, .. } = &mut self.buffered;
        // Records that begin from here on are for another split.
        let limit = usize::try_from(self.split.to.saturating_sub(*base)).unwrap_or(usize::MAX);
        while *next < limit || long.is_some() {
            if self.spans.len() >= max {
                return;
            }
            let Some(found) = framing.find_end(&chunk[*scanned..]) else {
                *scanned = chunk.len();
                break;
            };
            let (start, end) = (*next, *scanned + found);
            (*next, *scanned) = (end + 1, end + 1);
            if let Some(Long { offset, beginning, length, last }) = long.take() {
                let last = if end > start { chunk[end - 1] } else { last };
                let length = length + (end - start) as u64 - u64::from(last == b'\r');
                self.cut = Some(Line::cut_off(&beginning, Cut::TooLong { length }, &self.file, offset));
            } else if *skipping {
                *skipping = false;
            } else {
                let return_before = end > start && chunk[end - 1] == b'\r';
                self.spans.push(without_mark(chunk, *base, Span { start, end: end - usize::from(return_before) }));
            }
        }
        self.forget_what_is_too_much();
    }

    /// Drops what nobody will get, so that the chunks do not grow: the rest of a line of another split, and of one that
    /// is too long.
    fn forget_what_is_too_much(&mut self) {
        let Buffered { chunk, base, next, scanned, skipping, long, .. } = &mut self.buffered;
        let rest = chunk.get(*next..).unwrap_or_default();
        if *scanned != chunk.len() || rest.is_empty() {
            return;
        }
        if let Some(long) = long {
            long.length += rest.len() as u64;
            long.last = rest[rest.len() - 1];
        // One more than it may be long, as it may end in a carriage return.
        } else if !*skipping && rest.len() > self.settings.max_line.saturating_add(1) {
            let kept = rest.len().min(KEPT_OF_LONG_LINES).min(self.settings.max_line);
            *long = Some(Long {
                offset: *base + *next as u64,
                beginning: rest[..kept].to_vec(),
                length: rest.len() as u64,
                last: rest[rest.len() - 1],
            });
        } else if !*skipping {
            return;
        }
        *next = chunk.len();
    }

    /// Reads the next chunk; what is left of the last one comes before it. Says no if nothing has come.
    fn refill(&mut self) -> bool {
        let Buffered { chunk, base, next, scanned, ended, .. } = &mut self.buffered;
        let rest = &chunk[*next..];
        // Growing by half at least, so that a long line is copied a few times only.
        let mut want = self.settings.chunk_bytes.max(rest.len());
        let read_to = *base + chunk.len() as u64;
        if self.split.to != END {
            // Not much beyond the range: the last line's end is mostly near.
            let beyond = 4 * 1024 + rest.len() as u64;
            want = want.min(usize::try_from(self.split.to.saturating_sub(read_to) + beyond).unwrap_or(want));
        }
        let Some((bytes, got)) = self.input.read_after(rest, want) else { return false };
        *base += *next as u64;
        *scanned -= *next;
        *next = 0;
        *chunk = Bytes::from(bytes);
        let reached = *base + chunk.len() as u64;
        match got {
            Got::Bytes => {}
            Got::End if self.split.to != END && reached < self.split.to => {
                let message = format!("it ends at byte {reached}, and had {} bytes when the run began", self.split.to);
                *ended = Some(Ended::Failed(io::ErrorKind::Other, message));
            }
            Got::End => *ended = Some(Ended::Cleanly),
            Got::Failed(e) => *ended = Some(Ended::Failed(e.kind(), e.to_string())),
        }
        true
    }

    /// The input has ended, and what is left has no line end.
    fn finish(&mut self) -> Result<()> {
        let offset = self.position();
        let reached = self.buffered.base + self.buffered.chunk.len() as u64;
        let Buffered { chunk, base, next, scanned, long, ended, skipping, .. } = &mut self.buffered;
        match ended.clone() {
            Some(Ended::Failed(io::ErrorKind::UnexpectedEof, _))
                if self.settings.on_truncated == OnTruncated::EndFile =>
            {
                let rest = if *skipping { &[] } else { &chunk[*next..] };
                let beginning = long.take().map_or_else(|| rest.to_vec(), |long| long.beginning);
                self.cut = Some(Line::cut_off(&beginning, Cut::FileTruncated, &self.file, offset));
            }
            Some(Ended::Failed(kind, message)) => return Err(self.damaged(reached, kind, message)),
            _ => match long.take() {
                Some(Long { offset, beginning, length, .. }) => {
                    self.cut = Some(Line::cut_off(&beginning, Cut::TooLong { length }, &self.file, offset));
                }
                None if *skipping => {}
                None => self.spans.push(without_mark(chunk, *base, Span { start: *next, end: chunk.len() })),
            },
        }
        (*next, *scanned) = (chunk.len(), chunk.len());
        *ended = Some(Ended::Done);
        Ok(())
    }

    fn damaged(&self, reached: u64, kind: io::ErrorKind, message: String) -> Error {
        let name = &self.file;
        let text = match (kind, self.split.compression) {
            (io::ErrorKind::Other, Compression::None) if !self.split.stream => {
                format!("{name} has become shorter while it was read: leave files alone until the run has ended")
            }
            (io::ErrorKind::UnexpectedEof, _) => format!(
                "{name} is truncated: its compressed content breaks off after byte {reached}; fetch it again, or read \
                 what there is with on_truncated(OnTruncated::EndFile)"
            ),
            (_, Compression::Gzip | Compression::Zstd) => {
                format!("{name} is damaged: its compressed content cannot be read after byte {reached}; fetch it again")
            }
            _ => format!("{name} cannot be read after byte {reached}"),
        };
        let cause = io::Error::new(kind, message);
        match kind {
            io::ErrorKind::UnexpectedEof => Error::new(ErrorKind::Io, text), // there is no more to say
            _ => Error::io(text, cause),
        }
    }

    /// What the last poll has found, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let cut = self.cut.iter().map(Record::Cut);
        cut.chain(self.spans.iter().map(|span| self.record(*span)))
    }

    /// How many there are.
    pub(crate) fn found(&self) -> usize {
        self.spans.len() + usize::from(self.cut.is_some())
    }

    #[inline]
    fn record(&self, span: Span) -> Record<'_> {
        Record::Found(Found { scanner: self, span })
    }

    /// Adds what the last poll has found to `to`.
    pub(crate) fn lines_to(&mut self, to: &mut Vec<Line>) {
        to.extend(self.cut.take());
        to.extend(self.spans.iter().map(|span| self.line(*span)));
    }

    #[inline]
    fn line(&self, Span { start, end }: Span) -> Line {
        let (chunk, offset) = (&self.buffered.chunk, self.buffered.base + start as u64);
        if end - start > self.settings.max_line {
            let kept = (end - start).min(KEPT_OF_LONG_LINES).min(self.settings.max_line);
            let cut = Cut::TooLong { length: (end - start) as u64 };
            return Line::cut_off(&chunk[start..start + kept], cut, &self.file, offset);
        }
        Line::whole(chunk.slice(start..end), &self.file, offset)
    }

    /// Where the records begin that were not handed out.
    fn position(&self) -> u64 {
        self.buffered.position().max(self.split.from)
    }

    /// What is left to read.
    pub(crate) fn rest(&self) -> TextSplit {
        TextSplit { from: self.position(), ..self.split.clone() }
    }

    /// Gives away the last `fraction` of what is left.
    pub(crate) fn split_off(&mut self, fraction: f64) -> Option<TextSplit> {
        if !self.split.is_plain_file() || !matches!(self.settings.framing, Framing::Lines) {
            return None;
        }
        // A long line of which a part is forgotten stays with this reader.
        let first = self.position() + u64::from(self.buffered.long.is_some());
        let left = self.split.to.saturating_sub(first);
        let given = (left as f64 * fraction.min(1.0)) as u64;
        if given < self.settings.min_split_bytes.max(1) || given > left {
            return None;
        }
        let part = TextSplit { from: self.split.to - given, ..self.split.clone() };
        self.split.to = part.from;
        Some(part)
    }

    pub(crate) fn progress(&self, from: u64) -> Progress {
        use std::sync::atomic::Ordering::Relaxed;
        match &self.input {
            Input::Decoder { consumed, size, .. } => Progress { done: consumed.load(Relaxed), total: Some(*size) },
            _ => {
                let total = (self.split.to != END).then(|| self.split.to.saturating_sub(from));
                let done = self.position() - from;
                Progress { done: total.map_or(done, |total| done.min(total)), total }
            }
        }
    }

    /// Where the last poll has read.
    pub(crate) fn polled(&self) -> String {
        format!("{}, bytes {} to {}", self.file, self.polled_from, self.position())
    }
}

/// A record that was found, or what there is of it.
pub(crate) enum Record<'a> {
    Found(Found<'a>),
    Cut(&'a Line),
}

/// A record with all of its bytes.
pub(crate) struct Found<'a> {
    scanner: &'a Scanner,
    span: Span,
}

impl Found<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.scanner.buffered.chunk[self.span.start..self.span.end]
    }

    /// Where it begins.
    pub(crate) fn offset(&self) -> u64 {
        self.scanner.buffered.base + self.span.start as u64
    }

    /// The record as a line; [cut](Line::cut) if it is too long.
    pub(crate) fn line(&self) -> Line {
        self.scanner.line(self.span)
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.span.end - self.span.start > self.scanner.settings.max_line
    }
}

/// Some editors begin files with a mark that is no part of the text.
#[inline]
fn without_mark(chunk: &[u8], base: u64, span: Span) -> Span {
    let marked = base + span.start as u64 == 0 && chunk[span.start..span.end].starts_with(BYTE_ORDER_MARK);
    Span { start: span.start + if marked { BYTE_ORDER_MARK.len() } else { 0 }, ..span }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        if let Input::Stream(stream) = std::mem::replace(&mut self.input, Input::Closed) {
            stream.give_back(std::mem::take(&mut self.buffered));
        }
    }
}
