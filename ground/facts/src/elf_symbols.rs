//! The functions that a shared library gives to the programs which load it, and those it asks for.
//!
//! Only what the loader itself uses is read (the dynamic section), because the section table can
//! be taken away without harm to the library. Source: elf(5), the System V ABI's gABI.

/// Most symbols of one library, and most bytes of their names.
const SYMBOLS: u64 = 200_000;
const NAMES: u64 = 16 << 20;

/// Reads some bytes at an offset, as many as there are.
pub(crate) type ReadAt<'a> = &'a dyn Fn(u64, usize) -> Vec<u8>;

/// Names of symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    /// Functions that it has itself.
    pub(crate) given: Vec<String>,
    /// Names that it needs of others.
    pub(crate) needed: Vec<String>,
}

/// A file with its word size and byte order.
struct Elf<'a> {
    read_at: ReadAt<'a>,
    wide: bool,
    big: bool,
}

impl Elf<'_> {
    fn number(&self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) })
    }

    /// Returns a number at the place that it has in files of 64 and of 32 bits, each with a size.
    fn field(&self, bytes: &[u8], wide: (usize, usize), narrow: (usize, usize)) -> Option<u64> {
        let (at, size) = if self.wide { wide } else { narrow };
        self.number(bytes, at, size)
    }
}

/// Returns the symbols of a file; none for what is no shared library or program.
pub(crate) fn read(read_at: ReadAt<'_>) -> Option<Symbols> {
    let head = read_at(0, 64);
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let elf = Elf { read_at, wide: head.get(4) == Some(&2), big: head.get(5) == Some(&2) };
    let table = elf.field(&head, (32, 8), (28, 4))?;
    let size = usize::try_from(elf.field(&head, (54, 2), (42, 2))?).ok()?;
    let count = usize::try_from(elf.field(&head, (56, 2), (44, 2))?).ok()?;
    let bytes = read_at(table, size.checked_mul(count.min(256))?);
    // Loaded parts: where in memory, where in the file, how long.
    let mut loads: Vec<[u64; 3]> = Vec::new();
    let mut dynamic = None;
    for entry in bytes.chunks_exact(size.max(32)) {
        let offset = elf.field(entry, (8, 8), (4, 4))?;
        let address = elf.field(entry, (16, 8), (8, 4))?;
        let length = elf.field(entry, (32, 8), (16, 4))?;
        match elf.number(entry, 0, 4)? {
            1 => loads.push([address, offset, length]),
            2 => dynamic = Some((offset, length)),
            _ => {}
        }
    }
    let in_file = |address: u64| {
        let holds = |load: &&[u64; 3]| address.checked_sub(load[0]).is_some_and(|at| at < load[2]);
        let load = loads.iter().find(holds)?;
        load[1].checked_add(address.checked_sub(load[0])?)
    };
    let (start, length) = dynamic?;
    let (mut symbols, mut names, mut names_length) = (None, None, 0);
    let entry_size = if elf.wide { 16 } else { 8 };
    for entry in read_at(start, usize::try_from(length.min(1 << 16)).ok()?).chunks_exact(entry_size)
    {
        let value = elf.field(entry, (8, 8), (4, 4))?;
        match elf.field(entry, (0, 8), (0, 4))? {
            0 => break,
            5 => names = in_file(value),
            6 => symbols = in_file(value),
            10 => names_length = value.min(NAMES),
            _ => {}
        }
    }
    let names = read_at(names?, usize::try_from(names_length).ok()?);
    Some(elf.symbols(symbols?, &names))
}

impl Elf<'_> {
    /// Reads symbols until one has a name outside of the names: their number stands nowhere plainly.
    fn symbols(&self, start: u64, names: &[u8]) -> Symbols {
        let mut found = Symbols::default();
        let size = if self.wide { 24_usize } else { 16 };
        let mut at = start;
        let mut left = SYMBOLS;
        while left > 0 {
            let piece = (self.read_at)(at, size.saturating_mul(1024));
            for entry in piece.chunks_exact(size) {
                left = left.saturating_sub(1);
                let Some(symbol) = self.symbol(entry, names) else { return found };
                match symbol {
                    (name, true) if !name.is_empty() => found.given.push(name),
                    (name, false) if !name.is_empty() => found.needed.push(name),
                    _ => {}
                }
            }
            if piece.len() < size.saturating_mul(1024) {
                break;
            }
            at = at.saturating_add(piece.len() as u64);
        }
        found
    }

    /// Returns a symbol's name and whether it is a function given here; nothing past the end.
    fn symbol(&self, entry: &[u8], names: &[u8]) -> Option<(String, bool)> {
        let name = usize::try_from(self.number(entry, 0, 4)?).ok()?;
        let info = self.field(entry, (4, 1), (12, 1))?;
        let section = self.field(entry, (6, 2), (14, 2))?;
        let name = names.get(name..)?;
        let name = name.get(..memchr::memchr(0, name)?)?;
        // A function (2), or one chosen at run time (10); bound global (1) or weak (2).
        let function = matches!(info & 15, 2 | 10) && matches!(info >> 4, 1 | 2);
        if info & 15 > 10 || info >> 4 > 10 {
            return None;
        }
        let name = stanch_words::text::from_bytes(name);
        match (section, function) {
            (0, _) => Some((name, false)),
            (_, true) => Some((name, true)),
            _ => Some((String::new(), false)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A library of 64 bits that gives and needs functions.
    pub(crate) fn library(given: &[&str], needed: &[&str]) -> Vec<u8> {
        let mut names = vec![0_u8];
        let mut symbols = vec![0_u8; 24];
        for (all, section) in [(given, 1_u8), (needed, 0)] {
            for name in all {
                let mut symbol = [0_u8; 24];
                symbol[..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
                (symbol[4], symbol[6]) = (0x12, section);
                symbols.extend(symbol);
                names.extend(name.as_bytes());
                names.push(0);
            }
        }
        let (dynamic, at) = (64 + 2 * 56, 64 + 2 * 56 + 64_usize);
        let names_at = at + symbols.len();
        let mut bytes = vec![0_u8; dynamic];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64;
        (bytes[54], bytes[56]) = (56, 2);
        let whole = (names_at + names.len()) as u64;
        for (number, kind, offset, length) in [(0, 1_u8, 0, whole), (1, 2, dynamic as u64, 64)] {
            let start = 64 + number * 56;
            bytes[start] = kind;
            for (place, value) in [(8, offset), (16, offset), (32, length)] {
                bytes[start + place..start + place + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        for (tag, value) in [(5, names_at), (6, at), (10, names.len()), (0, 0)] {
            bytes.extend(u64::to_le_bytes(tag));
            bytes.extend((value as u64).to_le_bytes());
        }
        bytes.extend(symbols);
        bytes.extend(names);
        bytes
    }

    fn of(bytes: &[u8]) -> Option<Symbols> {
        read(&|offset, length| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = bytes.get(start..).unwrap_or_default();
            rest.get(..length).unwrap_or(rest).to_vec()
        })
    }

    #[test]
    fn given_and_needed_names_are_told_apart() {
        let symbols = of(&library(&["readdir64", "open"], &["dlsym", "strcmp"])).unwrap();
        assert_eq!(symbols.given, ["readdir64", "open"]);
        assert_eq!(symbols.needed, ["dlsym", "strcmp"]);
        assert_eq!(of(b"#!/bin/sh\n"), None);
        assert_eq!(of(b"\x7fELF"), None);
    }

    #[test]
    fn the_c_library_of_this_machine_gives_what_it_must() {
        let places = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/libc.so.6",
            "/lib/aarch64-linux-gnu/libc.so.6",
        ];
        let machine = stanch_machine::Live::new();
        let read = |path: &&str| {
            stanch_machine::Machine::read(&machine, std::path::Path::new(path), 64 << 20).ok()
        };
        let Some(bytes) = places.iter().find_map(read) else { return };
        let symbols = of(&bytes.bytes).unwrap();
        assert!(symbols.given.len() > 1_000, "{}", symbols.given.len());
        assert!(symbols.given.iter().any(|name| name == "readdir64"));
    }

    #[test]
    fn a_changed_byte_anywhere_is_an_answer_or_none() {
        let library = library(&["readdir64"], &["dlsym"]);
        for at in 0..library.len() {
            for value in [0, 0x7f, 0xff] {
                let mut changed = library.clone();
                changed[at] = value;
                let _answer_or_none = of(&changed);
            }
        }
    }
}
