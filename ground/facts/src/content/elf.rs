//! Programs that are not built as compilers build them: packed, without a table of sections, with
//! code that can be written, or that begin where no code is.
//!
//! Source: the System V ABI, chapters 4 and 5 (ELF); UPX's `src/stub/src/include/linux.h`
//! (`l_info`, with the mark `UPX!`). The measure is catalogue row F31: entropy above 7.2 bits.

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, elf};

use super::Oddity;

/// Above so many bits of entropy for each byte, code is packed: that of compilers has 5.5 to 6.6.
const PACKED: f64 = 7.2;
/// Less is too little to measure.
const LEAST: usize = 4096;
/// How many segments, sections and needed libraries are looked at.
const MOST: usize = 4096;
/// The longest name of a library.
const NAME: usize = 256;

/// What is read of a program or library.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// `e_type`: 2 is a program, 3 a library or a program that can lie anywhere.
    pub kind: u16,
    /// Where it begins.
    pub entry: u64,
    /// Its segments that are loaded.
    pub segments: Vec<Range>,
    /// Its sections; none if there is no table of them.
    pub sections: Option<Vec<Range>>,
    /// Whether the table of sections lies behind the bytes that are known.
    pub is_cut: bool,
    /// Whether another program loads it (`PT_INTERP`) or it has a dynamic part.
    pub is_dynamic: bool,
    /// Whether there are symbols for people.
    pub has_symbols: bool,
    /// The libraries that it needs (`DT_NEEDED`).
    pub needed: Vec<String>,
    /// Where it looks for them first (`DT_RUNPATH`, `DT_RPATH`).
    pub search: Vec<String>,
}

/// A segment or a section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// A section's name.
    pub name: String,
    /// Where its bytes stand in the file, and how many.
    pub offset: u64,
    /// How many bytes it has in the file.
    pub length: u64,
    /// Where it is loaded.
    pub address: u64,
    /// How long it is when loaded.
    pub size: u64,
    /// Whether it can be written.
    pub is_writable: bool,
    /// Whether it can be executed.
    pub is_executable: bool,
}

impl Range {
    fn has(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|past| past < self.size)
    }

    fn bytes<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX).min(bytes.len());
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        bytes.get(from..from.saturating_add(length).min(bytes.len())).unwrap_or_default()
    }
}

impl Program {
    /// Reads a program; nothing if it is not ELF or its header is broken.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.get(4)? {
            1 => read::<elf::FileHeader32<Endianness>>(bytes),
            2 => read::<elf::FileHeader64<Endianness>>(bytes),
            _ => None,
        }
    }

    /// Returns the folders among those of its libraries in which nobody installs any.
    pub fn strange_folders(&self) -> impl Iterator<Item = &str> {
        const TEMPORARY: [&str; 5] = ["/tmp", "/var/tmp", "/dev", "/run", "/home"];
        let folders = self.search.iter().flat_map(|folders| folders.split(':'));
        folders.filter(|folder| {
            TEMPORARY.iter().any(|place| std::path::Path::new(folder).starts_with(place))
        })
    }

    fn is_run(&self) -> bool {
        [elf::ET_EXEC.0, elf::ET_DYN.0].contains(&self.kind)
    }
}

fn read<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Program> {
    let header = H::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let mut program = Program {
        kind: header.e_type(endian).0,
        entry: header.e_entry(endian).into(),
        ..Program::default()
    };
    let segments = header.program_headers(endian, bytes).unwrap_or_default();
    for segment in segments.iter().take(MOST) {
        match segment.p_type(endian) {
            elf::PT_LOAD => program.segments.push(Range {
                name: String::new(),
                offset: segment.p_offset(endian).into(),
                length: segment.p_filesz(endian).into(),
                address: segment.p_vaddr(endian).into(),
                size: segment.p_memsz(endian).into(),
                is_writable: segment.p_flags(endian).0 & elf::PF_W.0 != 0,
                is_executable: segment.p_flags(endian).0 & elf::PF_X.0 != 0,
            }),
            elf::PT_INTERP | elf::PT_DYNAMIC => program.is_dynamic = true,
            _ => {}
        }
        if let Ok(Some(entries)) = segment.dynamic(endian, bytes) {
            libraries::<H>(endian, bytes, entries, &mut program);
        }
    }
    let table: u64 = header.e_shoff(endian).into();
    program.is_cut = table >= bytes.len() as u64;
    if table == 0 || header.e_shnum(endian) == 0 && program.is_cut {
        program.is_cut = false;
        return Some(program);
    }
    let sections = header.sections(endian, bytes).ok().filter(|sections| !sections.is_empty());
    program.sections = sections.map(|sections| {
        let ranges = sections.iter().take(MOST).map(|section| {
            program.has_symbols |= section.sh_type(endian) == elf::SHT_SYMTAB;
            let flags = section.sh_flags(endian).0;
            let name = sections.section_name(endian, section).unwrap_or_default();
            Range {
                name: shown(name),
                offset: section.sh_offset(endian).into(),
                length: section.sh_size(endian).into(),
                address: section.sh_addr(endian).into(),
                size: section.sh_size(endian).into(),
                is_writable: flags & elf::SHF_WRITE.0 != 0,
                is_executable: flags & elf::SHF_EXECINSTR.0 != 0,
            }
        });
        ranges.collect()
    });
    Some(program)
}

/// Takes the names of libraries out of the dynamic part; their text is found by its address.
fn libraries<H: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    bytes: &[u8],
    entries: &[H::Dyn],
    program: &mut Program,
) {
    let value = |tag: elf::DynamicTag| {
        let entry = entries.iter().find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian).into())
    };
    let Some(address) = value(elf::DT_STRTAB) else { return };
    let Some(segment) = program.segments.iter().find(|segment| segment.has(address)) else {
        return;
    };
    let start = address.saturating_sub(segment.address).saturating_add(segment.offset);
    let text = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    for entry in entries.iter().take(MOST) {
        let at = usize::try_from(entry.d_val(endian).into()).unwrap_or(usize::MAX);
        let name = || {
            let rest = text.get(at..)?;
            let rest = rest.get(..rest.len().min(NAME))?;
            Some(shown(rest.split(|&byte| byte == 0).next()?))
        };
        match entry.d_tag(endian) {
            elf::DT_NEEDED => program.needed.extend(name()),
            elf::DT_RUNPATH | elf::DT_RPATH => program.search.extend(name()),
            _ => {}
        }
    }
}

fn shown(name: &[u8]) -> String {
    stanch_words::text::from_bytes(name.get(..name.len().min(NAME)).unwrap_or_default())
}

/// Returns what is odd about a program.
pub(super) fn judge(bytes: &[u8]) -> Vec<Oddity> {
    let Some(program) = Program::parse(bytes).filter(Program::is_run) else { return Vec::new() };
    let mut odd = Vec::new();
    let mut tell = |what, score, detail: String| {
        odd.push(Oddity { what, score, detail, lines: Vec::new() });
    };
    let packed = packed(bytes, &program);
    if let Some((score, detail)) = &packed {
        tell("packed", *score, detail.clone());
    }
    // What a packer leaves has no sections, writes its own code, and is linked to nothing.
    if packed.is_some() {
        return odd;
    }
    if program.sections.is_none() && !program.is_cut && !program.segments.is_empty() {
        tell("no-section-table", 50, "it has no table of sections".to_owned());
    }
    if program.segments.iter().any(|it| it.is_writable && it.is_executable) {
        tell("writable-code", 35, "a segment can be written and executed".to_owned());
    }
    if let Some(detail) = strange_entry(&program) {
        tell("entry-outside-code", 60, detail);
    }
    let is_static = program.kind == elf::ET_EXEC.0 && !program.is_dynamic;
    let sections = program.sections.is_some() && !program.has_symbols;
    if is_static && sections && !is_of_go_or_rust(bytes, &program) {
        tell("static-and-stripped", 20, "it needs no library and has no symbols".to_owned());
    }
    odd
}

/// Returns how it is packed, if it is.
fn packed(bytes: &[u8], program: &Program) -> Option<(i64, String)> {
    let head = bytes.get(..bytes.len().min(LEAST * 2)).unwrap_or_default();
    let tail = bytes.get(bytes.len().saturating_sub(LEAST)..).unwrap_or_default();
    let has = |part: &[u8], mark: &[u8]| memchr::memmem::find(part, mark).is_some();
    // The mark stands behind the headers and at the end; unpacking needs both.
    let marks = (has(head, b"UPX!"), has(tail, b"UPX!"));
    let says = has(bytes, b"$Info: This file is packed with the UPX");
    let code = program.segments.iter().filter(|it| it.is_executable).map(|it| it.bytes(bytes));
    let densest = code.filter(|code| code.len() >= LEAST).map(entropy).fold(0.0, f64::max);
    let is_dense = densest > PACKED;
    match marks {
        (true, true) if says || is_dense => Some((55, "packed with UPX".to_owned())),
        (true, _) | (_, true) if is_dense => Some((
            75,
            "packed with UPX, whose marks were altered so that it does not unpack".to_owned(),
        )),
        _ if is_dense => {
            Some((70, format!("its code is packed or encrypted: {densest:.2} bits for each byte")))
        }
        _ => None,
    }
}

/// Returns the entropy of bytes, in bits for each.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    let all: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let part = |count: f64| if count > 0.0 { -(count / all) * (count / all).log2() } else { 0.0 };
    counts.iter().map(|&count| part(f64::from(count))).sum()
}

/// Returns where it begins, if not in code as a linker lays it out.
fn strange_entry(program: &Program) -> Option<String> {
    let sections = program.sections.as_ref()?;
    if program.entry == 0 {
        return None;
    }
    if !program.segments.iter().any(|it| it.is_executable && it.has(program.entry)) {
        // A library may carry any number here: nobody jumps there.
        let is_started = program.is_dynamic || program.kind == elf::ET_EXEC.0;
        return (is_started && program.kind == elf::ET_EXEC.0)
            .then(|| "it begins where no code is loaded".to_owned());
    }
    let of_code = |name: &str| {
        [".text", ".init", ".head", ".start", ".boot", ".plt"]
            .iter()
            .any(|usual| name.starts_with(usual))
    };
    // A section without an address is not loaded; what is not named is the linker's own.
    let entry = sections.iter().find(|it| it.address > 0 && it.has(program.entry));
    match entry {
        Some(section) if of_code(&section.name) && !section.is_writable => None,
        Some(section) => Some(format!("it begins in the section `{}`", section.name)),
        None => Some("it begins in no section".to_owned()),
    }
}

/// Compilers that link everything in, and whose programs are often stripped.
fn is_of_go_or_rust(bytes: &[u8], program: &Program) -> bool {
    let names = program.sections.iter().flatten().map(|section| section.name.as_str());
    let mut go =
        names.filter(|name| [".gopclntab", ".go.buildinfo", ".note.go.buildid"].contains(name));
    let has = |mark: &[u8]| memchr::memmem::find(bytes, mark).is_some();
    go.next().is_some() || has(b"\xff Go buildinf:") || has(b"/rustc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of two segments, code at 0x401000 and data at 0x402000, with `sections` named.
    fn program(flags: u32, entry: u64, code: &[u8], sections: &[(&str, u64, u64)]) -> Vec<u8> {
        let code_at = 0x1000_u64;
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        let names: Vec<u8> = sections
            .iter()
            .flat_map(|(name, ..)| name.bytes().chain([0]))
            .chain(*b".shstrtab\0")
            .collect();
        let table = code_at + code.len() as u64 + names.len() as u64;
        let count = u16::try_from(sections.len()).unwrap();
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(62_u16.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(entry.to_le_bytes());
        bytes.extend(64_u64.to_le_bytes());
        bytes.extend(if count == 0 { 0 } else { table }.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        let (shnum, shstrndx) = if count == 0 { (0, 0) } else { (count + 2, count + 1) };
        for half in [64, 56, 1, 64, shnum, shstrndx] {
            bytes.extend(u16::to_le_bytes(half));
        }
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        let size = code.len() as u64;
        for word in [code_at, 0x40_1000, 0x40_1000, size, size, 0x1000] {
            bytes.extend(u64::to_le_bytes(word));
        }
        bytes.resize(0x1000, 0);
        bytes.extend(code);
        bytes.extend(&names);
        if count == 0 {
            return bytes;
        }
        bytes.resize(bytes.len() + 64, 0);
        let mut name = 0_u32;
        let all = sections.iter().copied().chain([(".shstrtab", 0, 0)]);
        for (own, address, flags) in all {
            let is_names = own == ".shstrtab";
            bytes.extend(name.to_le_bytes());
            bytes.extend(if is_names { 3_u32 } else { 1 }.to_le_bytes());
            let offset = if is_names { code_at + size } else { code_at };
            let length = if is_names { names.len() as u64 } else { size };
            for word in [flags, address, offset, length] {
                bytes.extend(u64::to_le_bytes(word));
            }
            bytes.extend([0; 24]);
            name += u32::try_from(own.len() + 1).unwrap();
        }
        bytes
    }

    fn told(bytes: &[u8]) -> Vec<&'static str> {
        judge(bytes).iter().map(|odd| odd.what).collect()
    }

    /// Bytes as dense as packed ones, from a generator of numbers.
    fn dense(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    const TEXT: &[(&str, u64, u64)] = &[(".text", 0x40_1000, 6)];

    #[test]
    fn what_a_compiler_makes_is_not_odd_but_static() {
        let bytes = program(5, 0x40_1010, &[0x90; 8192], TEXT);
        let read = Program::parse(&bytes).unwrap();
        assert_eq!((read.segments.len(), read.sections.as_ref().unwrap().len()), (1, 3));
        assert_eq!(told(&bytes), ["static-and-stripped"]);
        let rust = program(5, 0x40_1010, &[b"/rustc/".as_slice(), &[0x90; 8192]].concat(), TEXT);
        assert_eq!(told(&rust), Vec::<&str>::new());
    }

    #[test]
    fn each_oddity_is_told_by_its_name() {
        assert_eq!(told(&program(5, 0x40_1010, &[0x90; 99], &[])), ["no-section-table"]);
        let rwx = program(7, 0x40_1010, &[0x90; 99], TEXT);
        assert_eq!(told(&rwx), ["writable-code", "static-and-stripped"]);
        let data = program(5, 0x40_1010, &[0x90; 99], &[(".data", 0x40_1000, 3)]);
        assert!(told(&data).contains(&"entry-outside-code"));
        let none = program(5, 0x40_1010, &[0x90; 99], &[(".text", 0x50_0000, 6)]);
        assert!(told(&none).contains(&"entry-outside-code"));
        assert_eq!(told(&program(5, 0x40_1010, &dense(8192), TEXT)), ["packed"]);
    }

    #[test]
    fn upx_is_known_by_its_marks_and_one_that_was_taken_away_is_told() {
        let marked = [b"UPX!".as_slice(), &dense(8192), b"UPX!"].concat();
        let of = |bytes: &[u8]| judge(&program(5, 0x40_1010, bytes, &[]))[0].clone();
        assert_eq!((of(&marked).what, of(&marked).score), ("packed", 55));
        let altered = of(&marked[4..]);
        assert!(altered.score > 55 && altered.detail.contains("altered"), "{altered:?}");
        // Who only speaks of it is not packed.
        let speaks = [b"UPX!".as_slice(), &[0x90; 8192]].concat();
        assert_eq!(told(&program(5, 0x40_1010, &speaks, &[])), ["no-section-table"]);
    }

    #[test]
    fn a_program_that_is_cut_or_changed_anywhere_never_kills() {
        let whole = program(7, 0x40_1010, &dense(600), TEXT);
        for at in (0..whole.len()).filter(|at| *at < 300 || *at > whole.len() - 300) {
            let _cut = judge(&whole[..at]);
            for value in [0, 0xff, 0x7f] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _changed = judge(&changed);
            }
        }
        // Cut before its table of sections, it is not said to have none.
        assert_eq!(told(&whole[..whole.len() - 200]), ["writable-code"]);
    }

    #[test]
    fn libraries_of_a_real_program_are_read() {
        // The test itself is one, wherever it runs.
        let own = stanch_machine::Live::new();
        let own = stanch_machine::Machine::read(&own, "/proc/self/exe".as_ref(), 1 << 30).unwrap();
        let read = Program::parse(&own.bytes).unwrap();
        assert!(read.is_dynamic && read.has_symbols && read.sections.is_some());
        assert!(read.needed.iter().any(|name| name.starts_with("libc.so")), "{read:?}");
        assert_eq!(judge(&own.bytes), []);
    }
}
