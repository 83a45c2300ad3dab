//! What goes from the reader to the judges.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use stanch_machine::{FileKind, OpenFile, Stat};
use stanch_words::{Gap, GapKind, Seen, Value};

use super::{Archives, FILE, Intact, OVERLAP, PIECE, Scan};
use crate::digest::Digest;

/// Bytes to be judged, and where they are from.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) path: PathBuf,
    /// The member of the archive at that path; empty for the file itself.
    pub(super) member: String,
    pub(super) stat: Stat,
    /// The account that owns the file.
    pub(super) owner: Arc<str>,
    /// What the package database says: `altered`, `config`, `unowned`, … or, before the digest is
    /// taken, what it should be.
    pub(super) state: State,
    /// A rule may keep them that takes too long over them.
    pub(super) bytes: Arc<Vec<u8>>,
    /// Where in the file (or in a process's memory) the bytes begin.
    pub(super) offset: u64,
    /// Whether these are all bytes of the file.
    pub(super) is_whole: bool,
    pub(super) process: Option<Process>,
}

/// The process whose program or memory this is.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: i64,
    pub(super) start: i64,
    pub(super) is_memory: bool,
}

/// What is known of who shipped a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is known.
    Known(&'static str),
    /// A package owns it, and its digest decides.
    Owned(Digest, String),
}

impl Scan<'_> {
    /// Reads a file and hands its pieces to the judges.
    pub(super) fn file(
        &self,
        path: &Path,
        met: &Stat,
        sender: &SyncSender<Piece>,
        seen: &mut Seen,
    ) {
        if met.size == 0 {
            return;
        }
        let state = self.state(path, seen);
        let opened = self.host.machine().open(path).and_then(|file| Ok((file.stat()?, file)));
        let (stat, file) = match opened {
            Ok(opened) => opened,
            Err(miss) => return crate::host::note(self.table, &miss, seen),
        };
        if (stat.device, stat.inode) != (met.device, met.inode) || stat.kind() != FileKind::Regular
        {
            let gap =
                Gap::new(self.table, GapKind::Changed, "another file by the time it was opened");
            return seen.gap(gap.at(Value::from(path).to_string()));
        }
        if self.own.as_ref().is_some_and(|own| own.is(&*file, &stat)) {
            return;
        }
        // A large file of a package is compared whole, by the one that reads it.
        let state = match state {
            State::Owned(..) if stat.size > PIECE as u64 => {
                State::Known(self.index.verify(self.host, self.table, path, seen).state.name())
            }
            other => other,
        };
        if state == State::Known("intact") && self.scope.intact == Intact::Counted {
            super::Counts::add(&self.counts.intact, 1);
            return;
        }
        let owner = self.owner(stat.uid, seen);
        let made = |bytes, offset, is_whole| Piece {
            path: path.to_owned(),
            member: String::new(),
            stat,
            owner: Arc::clone(&owner),
            state: state.clone(),
            bytes,
            offset,
            is_whole,
            process: None,
        };
        self.pieces(&*file, path, &stat, sender, seen, &made);
    }

    /// Reads an open file in pieces that overlap, without its holes, and tells whether it changed
    /// meanwhile.
    pub(super) fn pieces(
        &self,
        file: &dyn OpenFile,
        path: &Path,
        stat: &Stat,
        sender: &SyncSender<Piece>,
        seen: &mut Seen,
        made: &dyn Fn(Arc<Vec<u8>>, u64, bool) -> Piece,
    ) {
        let size = stat.size;
        let end = size.min(FILE);
        let mut at = 0_u64;
        let mut read_in_all = 0_u64;
        while at < end {
            // A terabyte of nothing is passed over.
            let data =
                if at == 0 || size <= PIECE as u64 { Ok(Some(at)) } else { file.next_data(at) };
            let read = data.and_then(|data| {
                let Some(data) = data.filter(|data| *data < end) else { return Ok(None) };
                let length = end.saturating_sub(data).min(PIECE as u64);
                let mut bytes = vec![0; usize::try_from(length).unwrap_or(PIECE)];
                let read = file.read_at(data, &mut bytes)?;
                bytes.truncate(read);
                Ok(Some((data, bytes)))
            });
            let (data, bytes) = match read {
                Ok(Some((data, bytes))) if !bytes.is_empty() => (data, bytes),
                Ok(_end_or_hole) => break,
                Err(miss) => return crate::host::note(self.table, &miss, seen),
            };
            let length = bytes.len() as u64;
            read_in_all = read_in_all.saturating_add(length);
            let past = data.saturating_add(length);
            let is_whole = data == 0 && past >= size;
            if sender.send(made(Arc::new(bytes), data, is_whole)).is_err() {
                return;
            }
            at = if past >= end {
                end
            } else {
                past.saturating_sub(OVERLAP).max(at.saturating_add(1))
            };
            if self.is_over() {
                break;
            }
        }
        if size > PIECE as u64 && self.scope.archives == Archives::LookedInto {
            self.members(file, path, end, sender, seen, made);
        }
        if size > FILE {
            let detail = format!("only the first {FILE} bytes of {size} were judged");
            let gap = Gap::new(self.table, GapKind::Truncated, detail);
            seen.gap(gap.at(Value::from(path).to_string()));
        }
        let is_same = |after: Stat| (after.size, after.modified) == (size, stat.modified);
        if !file.stat().is_ok_and(is_same) {
            let gap = Gap::new(self.table, GapKind::Changed, "it changed while it was read");
            seen.gap(gap.at(Value::from(path).to_string()));
        }
    }

    fn state(&self, path: &Path, seen: &mut Seen) -> State {
        if !self.index.is_readable() {
            return State::Known("unknown");
        }
        let Some(owner) = self.index.owner(path) else { return State::Known("unowned") };
        if owner.config {
            return State::Known("config");
        }
        let expected = self.index.expected(self.host, self.table, &owner, seen);
        match (expected, owner.package.algorithm()) {
            (Some(expected), Some(algorithm)) => State::Owned(algorithm, expected),
            _ => State::Known("unverified"),
        }
    }

    pub(super) fn owner(&self, uid: u32, seen: &mut Seen) -> Arc<str> {
        let accounts = crate::accounts::Accounts::of(self.host, self.table, seen);
        accounts.by_uid(uid).map_or_else(|| uid.to_string().into(), |one| Arc::clone(&one.name))
    }
}
