//! Entries read ahead: one thread finds them in the file while the caller makes events of those
//! before. What a thread hands on is a [`Batch`], whose room comes back to be filled again.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use stanch_machine::{Machine, Miss, beside};
use stanch_words::GapKind;

use super::roles::Role;
use super::{Depth, Entry, Field, Summary, emptied, read as read_here};

/// A batch is handed on when it has so many bytes: few enough to stay in the processor's cache.
const FULL: usize = 256 << 10;
/// How many batches are under way.
const BATCHES: usize = 3;
/// The largest file that is not worth a thread.
const SMALL: u64 = 1 << 20;

/// Entries with copies of their fields.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    fields: Vec<Kept>,
    entries: Vec<Head>,
}

/// An entry without its fields, and how many those are.
struct Head {
    entry: Entry<'static>,
    fields: usize,
}

/// A field: name and value lie behind those of the field before.
struct Kept {
    name: usize,
    value: usize,
    object: u64,
    role: Role,
}

impl Batch {
    fn push(&mut self, entry: &Entry<'_>) {
        for field in entry.fields() {
            self.bytes.extend_from_slice(field.name);
            self.bytes.extend_from_slice(field.value);
            let (name, value) = (field.name.len(), field.value.len());
            self.fields.push(Kept { name, value, object: field.object, role: field.role });
        }
        let fields = entry.fields().len();
        self.entries.push(Head { entry: Entry { fields: &[], ..*entry }, fields });
    }

    /// Shows the entries and empties the batch.
    fn show(&mut self, room: &mut Vec<Field<'static>>, each: &mut dyn FnMut(&Entry<'_>)) {
        let (mut bytes, mut kept) = (self.bytes.as_slice(), self.fields.iter());
        for Head { entry, fields: count } in &self.entries {
            let mut fields = emptied(std::mem::take(room));
            fields.extend(kept.by_ref().take(*count).map_while(|kept| {
                let (name, rest) = bytes.split_at_checked(kept.name)?;
                let (value, rest) = rest.split_at_checked(kept.value)?;
                bytes = rest;
                Some(Field { name, value, object: kept.object, role: kept.role })
            }));
            each(&Entry { fields: &fields, ..*entry });
            *room = emptied(fields);
        }
        self.bytes.clear();
        self.fields.clear();
        self.entries.clear();
    }
}

/// Reads the entries of a journal file with their fields, ahead of the caller where the file is
/// worth it.
///
/// # Errors
/// A [`Miss`] if it cannot be opened, or is no journal.
pub(super) fn read(
    machine: &dyn Machine,
    path: &Path,
    each: &mut dyn FnMut(&Entry<'_>),
) -> Result<Summary, Miss> {
    if machine.stat(path)?.size <= SMALL {
        return read_here(machine, path, Depth::Fields, each);
    }
    let (full, filled) = sync_channel(BATCHES);
    let (empty, emptied) = sync_channel(BATCHES);
    std::thread::scope(|threads| {
        let reader = beside(threads, || ahead(machine, path, full, emptied));
        // No thread to be had: the caller's own must do.
        let Ok(reader) = reader else { return read_here(machine, path, Depth::Fields, each) };
        let mut room = Vec::new();
        for mut batch in filled {
            batch.show(&mut room, each);
            // The reader is at its end already.
            let _unwanted = empty.try_send(batch);
        }
        let failed = || Miss::new(GapKind::Failed, "the reading thread failed", path);
        reader.join().map_err(|_panic| failed())?
    })
}

fn ahead(
    machine: &dyn Machine,
    path: &Path,
    full: SyncSender<Batch>,
    emptied: Receiver<Batch>,
) -> Result<Summary, Miss> {
    let mut batch = Batch::default();
    let summary = read_here(machine, path, Depth::Fields, &mut |entry| {
        batch.push(entry);
        if batch.bytes.len() >= FULL {
            let next = emptied.try_recv().unwrap_or_default();
            // Nobody listens any more: what is read on is counted only.
            let _unheard = full.send(std::mem::replace(&mut batch, next));
        }
    })?;
    let _unheard = full.send(batch);
    Ok(summary)
}
