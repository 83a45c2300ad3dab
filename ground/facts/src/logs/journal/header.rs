//! The header of a journal file, and the headers of the objects in it.
//!
//! Source: systemd, "Journal File Format" and `journal-def.h`; all numbers are little-endian.

/// The first bytes of every journal file.
pub const SIGNATURE: [u8; 8] = *b"LPKSHHRH";

/// The size of the header in the first versions; later ones are longer.
pub(super) const SMALLEST: u64 = 208;

/// What a writer last did with a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Closed after writing.
    Offline,
    /// Being written, or its writer died.
    Online,
    /// Rotated away.
    Archived,
    /// None of the three.
    #[default]
    Unknown,
}

impl State {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Archived => "archived",
            Self::Unknown => "unknown",
        }
    }
}

/// Bits of `incompatible_flags`.
pub(super) mod incompatible {
    pub(crate) const XZ: u32 = 1;
    pub(crate) const LZ4: u32 = 2;
    pub(crate) const KEYED_HASH: u32 = 4;
    pub(crate) const ZSTD: u32 = 8;
    pub(crate) const COMPACT: u32 = 16;
    pub(crate) const KNOWN: u32 = 31;
}

/// The bit of `compatible_flags` for Forward Secure Sealing.
const SEALED: u32 = 1;

/// The header of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Whether the signature is whole.
    pub signed: bool,
    /// Features that a reader may ignore.
    pub compatible: u32,
    /// Features that a reader must know.
    pub incompatible: u32,
    /// What a writer last did.
    pub state: State,
    /// The file's own random number, the key of its hashes.
    pub file_id: [u8; 16],
    /// The machine that wrote it (machine-id(5)).
    pub machine_id: [u8; 16],
    /// The numbering that its sequence numbers belong to.
    pub seqnum_id: [u8; 16],
    /// Where objects begin.
    pub header_size: u64,
    /// How many bytes of objects there are.
    pub arena_size: u64,
    /// Where the last object begins.
    pub tail_object: u64,
    /// How many entries were written.
    pub entries: u64,
    /// The last sequence number.
    pub tail_seqnum: u64,
    /// The first sequence number.
    pub head_seqnum: u64,
    /// Where the first array of entries begins.
    pub entry_array: u64,
    /// The first time, in microseconds since 1970 UTC.
    pub head_realtime: u64,
    /// The last time.
    pub tail_realtime: u64,
}

impl Header {
    /// Parses the first bytes of a file. What is no journal gives `None`; a signature with one
    /// or two wrong bytes is taken for a damaged one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let right = bytes.iter().zip(SIGNATURE).filter(|(a, b)| **a == *b).count();
        if right < 6 || bytes.len() < usize::try_from(SMALLEST).ok()? {
            return None;
        }
        let state = match bytes.get(16) {
            Some(0) => State::Offline,
            Some(1) => State::Online,
            Some(2) => State::Archived,
            _ => State::Unknown,
        };
        Some(Self {
            signed: right == 8,
            compatible: u32_at(bytes, 8),
            incompatible: u32_at(bytes, 12),
            state,
            file_id: id_at(bytes, 24),
            machine_id: id_at(bytes, 40),
            seqnum_id: id_at(bytes, 72),
            header_size: u64_at(bytes, 88),
            arena_size: u64_at(bytes, 96),
            tail_object: u64_at(bytes, 136),
            entries: u64_at(bytes, 152),
            tail_seqnum: u64_at(bytes, 160),
            head_seqnum: u64_at(bytes, 168),
            entry_array: u64_at(bytes, 176),
            head_realtime: u64_at(bytes, 184),
            tail_realtime: u64_at(bytes, 192),
        })
    }

    /// Returns whether offsets have 32 bits (since systemd 252).
    pub fn is_compact(&self) -> bool {
        self.incompatible & incompatible::COMPACT != 0
    }

    /// Returns whether hashes are keyed by the file's number (since systemd 246).
    pub fn is_keyed(&self) -> bool {
        self.incompatible & incompatible::KEYED_HASH != 0
    }

    /// Returns whether the file carries seals.
    pub fn is_sealed(&self) -> bool {
        self.compatible & SEALED != 0
    }

    /// Returns whether a reader of today cannot know all of it.
    pub(super) fn is_strange(&self) -> bool {
        self.incompatible & !incompatible::KNOWN != 0 || self.state == State::Unknown
    }

    /// Returns the compressions that it names.
    pub fn compression(&self) -> String {
        use incompatible::{LZ4, XZ, ZSTD};
        let names = [(XZ, "xz"), (LZ4, "lz4"), (ZSTD, "zstd")];
        let used = names.iter().filter(|(bit, _)| self.incompatible & bit != 0);
        used.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }
}

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Field,
    Entry,
    HashTable,
    EntryArray,
    Tag,
}

/// The header of an object: 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) size: u64,
}

/// How long the header of an object is.
pub(super) const OBJECT: u64 = 16;

impl Object {
    /// Parses an object's header if it can be one.
    pub(super) fn parse(bytes: &[u8], compact: bool) -> Option<Self> {
        let [kind, flags, 0, 0, 0, 0, 0, 0, ..] = *bytes else { return None };
        let size = u64_at(bytes, 8);
        let item = if compact { 4 } else { 8 };
        let (kind, smallest) = match kind {
            1 => (Kind::Data, data_header(compact).saturating_add(1)),
            2 => (Kind::Field, 41),
            3 => (Kind::Entry, if compact { 68 } else { 80 }),
            4 | 5 => (Kind::HashTable, 32),
            6 => (Kind::EntryArray, 24_u64.saturating_add(item)),
            7 => (Kind::Tag, 64),
            _ => return None,
        };
        let flags_fit = flags == 0 || kind == Kind::Data && matches!(flags, 1 | 2 | 4);
        (size >= smallest && flags_fit).then_some(Self { kind, flags, size })
    }

    /// Returns where the next object begins.
    pub(super) fn end(self, offset: u64) -> u64 {
        offset.saturating_add(self.size).saturating_add(7) & !7
    }
}

/// How long the header of a data object is.
pub(super) fn data_header(compact: bool) -> u64 {
    if compact { 72 } else { 64 }
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    u64::from_le_bytes(field.copied().unwrap_or_default())
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    u32::from_le_bytes(field.copied().unwrap_or_default())
}

pub(super) fn id_at(bytes: &[u8], at: usize) -> [u8; 16] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// Returns a 128-bit number as systemd writes it: 32 hexadecimal digits.
pub fn id_text(id: &[u8; 16]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
    id.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
