//! Standard input and named pipes: read by a thread of their own, so that nobody waits for who writes into them.
//!
//! What was read but not handed out stays in the process when a reader goes: the next one takes it up. It cannot
//! survive the process.

use crate::compression::Compression;
use crate::files::{self, STANDARD_INPUT};
use crate::scanner::Buffered;
use dataflow_core::{Error, Result};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

// So many pieces of so many bytes are read ahead: 1 MiB.
const PIECES: usize = 4;
const PIECE: usize = 256 * 1024;

/// The streams that this process has begun to read; `None` while a reader has one.
static STREAMS: Mutex<BTreeMap<PathBuf, Option<Resting>>> = Mutex::new(BTreeMap::new());

/// A stream between two readers.
struct Resting {
    stream: Stream,
    buffered: Buffered,
}

/// What comes in.
pub(crate) struct Stream {
    path: PathBuf,
    pieces: Receiver<io::Result<Vec<u8>>>,
}

/// What a look at a [`Stream`] brings.
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Failed(io::Error),
}

impl Stream {
    /// Takes the stream, with what is left over from its last reader.
    pub(crate) fn take(path: &Path, compression: Compression) -> Result<(Stream, Buffered)> {
        let mut streams = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.insert(path.to_owned(), None) {
            Some(Some(resting)) => Ok((resting.stream, resting.buffered)),
            Some(None) => Err(Error::options(format!(
                "{} is read twice at the same time: read it once and use the collection twice",
                name(path)
            ))),
            None => match Self::start(path, compression) {
                Ok(stream) => Ok((stream, Buffered::default())),
                Err(e) => {
                    streams.remove(path);
                    Err(e)
                }
            },
        }
    }

    fn start(path: &Path, compression: Compression) -> Result<Stream> {
        let (sender, pieces) = sync_channel(PIECES);
        let what = path.to_owned();
        // Detached: it may wait for input for ever, which must not keep the process from ending.
        thread::Builder::new()
            .name("dataflow-stream".to_owned())
            .spawn(move || {
                if let Err(e) = pump(&what, compression, &sender) {
                    let _ = sender.send(Err(e)); // if nobody listens any more, nobody needs to know
                }
            })
            .map_err(|e| Error::io(format!("no thread can be started to read {}", name(path)), e))?;
        Ok(Stream { path: path.to_owned(), pieces })
    }

    /// Gives the stream back, with what was not handed out.
    pub(crate) fn give_back(self, buffered: Buffered) {
        let mut streams = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
        streams.insert(self.path.clone(), Some(Resting { stream: self, buffered }));
    }

    /// What has come since the last look.
    pub(crate) fn next(&mut self) -> Piece {
        match self.pieces.try_recv() {
            Ok(Ok(bytes)) => Piece::Bytes(bytes),
            Ok(Err(e)) => Piece::Failed(e),
            Err(TryRecvError::Empty) => Piece::Nothing,
            Err(TryRecvError::Disconnected) => Piece::End,
        }
    }
}

/// Where a new run begins to read: after what an earlier run in this process has had. A pipe that was read to its end
/// is a new pipe.
pub(crate) fn begin(path: &Path) -> u64 {
    let mut streams = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
    let position = match streams.get(path) {
        Some(Some(resting)) if path == Path::new(STANDARD_INPUT) || !resting.buffered.is_spent() => {
            return resting.buffered.position();
        }
        Some(None) => return 0, // `take` will tell
        _ => 0,
    };
    streams.remove(path);
    position
}

/// What people call it.
pub(crate) fn name(path: &Path) -> String {
    match path == Path::new(STANDARD_INPUT) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// Moves pieces from the stream to `to` until one of them ends.
fn pump(path: &Path, compression: Compression, to: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut raw: Box<dyn Read + Send> = match path == Path::new(STANDARD_INPUT) {
        true => Box::new(io::stdin()),
        false => Box::new(files::open(path).map_err(io::Error::other)?),
    };
    let mut magic = Vec::new();
    // As long as it may be compressed; nobody waits for a second byte of what is plainly text.
    while magic.len() < 4 && matches!(magic.first(), None | Some(0x1f | 0x28 | 0x50..=0x5f)) {
        if (&mut raw).take(1).read_to_end(&mut magic)? == 0 {
            break;
        }
    }
    let compression = compression.resolve(Path::new(""), &magic).map_err(io::Error::other)?;
    let mut reader = compression.decode(Cursor::new(magic).chain(raw))?;
    let mut buffer = vec![0; PIECE];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) if to.send(Ok(buffer[..n].to_vec())).is_err() => return Ok(()),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
