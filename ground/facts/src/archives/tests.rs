use std::io::Write as _;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_entry(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[156] = kind;
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header.extend_from_slice(bytes);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar: Vec<u8> =
        members.iter().flat_map(|(name, bytes)| tar_entry(name, b'0', bytes)).collect();
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut ar = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let head =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len());
        ar.extend_from_slice(head.as_bytes());
        ar.extend_from_slice(bytes);
        ar.resize(ar.len().next_multiple_of(2), b'\n');
    }
    ar
}

/// One member of a zip: its name, method, flags, and bytes as they are packed.
struct Zipped<'z>(&'z str, u16, u16, Vec<u8>);

fn zip(members: &[Zipped<'_>]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for Zipped(name, method, flags, packed) in members {
        let at = u32::try_from(zip.len()).unwrap();
        let size = u32::try_from(packed.len()).unwrap();
        let length = u16::try_from(name.len()).unwrap();
        let mut common = Vec::new();
        common.extend([20, 0]);
        common.extend(flags.to_le_bytes());
        common.extend(method.to_le_bytes());
        common.extend([0; 8]);
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend([0; 2]);
        zip.extend(b"PK\x03\x04");
        zip.extend(&common);
        zip.extend(name.as_bytes());
        zip.extend(packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length) =
        (u32::try_from(zip.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(members.len()).unwrap();
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.to_le_bytes());
    zip.extend(count.to_le_bytes());
    zip.extend(length.to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

fn format(bytes: &[u8]) -> Format {
    match content::kind(bytes, "") {
        Kind::Archive(format) => format,
        other => panic!("{other:?}"),
    }
}

/// Returns the whole members by name, and what was left out.
fn looked_into(bytes: &[u8], name: &str, caps: Caps) -> (Vec<(String, Vec<u8>)>, Vec<Left>) {
    let mut members = Vec::new();
    let left = walk(&bytes, format(bytes), name, caps, &|| false, &mut |member| {
        members.push((member.name.to_owned(), member.bytes.to_vec()));
    });
    (members, left)
}

fn names(bytes: &[u8], name: &str) -> Vec<String> {
    let (members, left) = looked_into(bytes, name, Caps::USUAL);
    assert_eq!(left, [], "{name}");
    assert!(members.iter().any(|(_, bytes)| bytes == MARK), "{name}");
    members.into_iter().map(|(name, _)| name).collect()
}

const MARK: &[u8] = b"a harmless mark";

#[test]
fn every_kind_of_archive_gives_its_members() {
    assert_eq!(names(&tar(&[("./a/b", MARK), ("c", b"other")]), "x.tar"), ["a/b", "c"]);
    assert_eq!(names(&gzip(MARK), "notes.txt.gz"), ["notes.txt"]);
    assert_eq!(names(&gzip(&tar(&[("b", MARK)])), "x.tar.gz"), ["b"]);
    assert_eq!(names(&bzip2(&tar(&[("b", MARK)])), "x.tar.bz2"), ["b"]);
    let stored = zip(&[Zipped("d/", 0, 0, Vec::new()), Zipped("d/s", 0, 0, MARK.to_vec())]);
    assert_eq!(names(&stored, "x.zip"), ["d/s"]);
    assert_eq!(names(&zip(&[Zipped("p", 8, 0, deflate(MARK))]), "x.zip"), ["p"]);
    assert_eq!(names(&zip(&[Zipped("p", 12, 0, bzip2(MARK))]), "x.zip"), ["p"]);
}

#[test]
fn archives_within_archives_are_shown_as_a_path() {
    let data = gzip(&tar(&[("./usr/bin/x", MARK)]));
    let deb = ar(&[("debian-binary", b"2.0\n"), ("data.tar.gz", &data)]);
    assert_eq!(names(&deb, "x.deb"), ["debian-binary", "data.tar.gz", "data.tar.gz!/usr/bin/x"]);
    let jar = zip(&[Zipped("A.class", 8, 0, deflate(MARK))]);
    let war = zip(&[Zipped("WEB-INF/lib/a.jar", 0, 0, jar)]);
    assert_eq!(names(&war, "x.war"), ["WEB-INF/lib/a.jar", "WEB-INF/lib/a.jar!/A.class"]);
    let twice = gzip(&gzip(MARK));
    assert_eq!(names(&twice, "x.gz.gz"), ["x.gz", "x.gz!/x"]);
}

#[test]
fn long_names_and_sizes_of_tar_and_ar_are_read() {
    let long = "d/".repeat(80) + "end";
    let mut gnu = tar_entry("././@LongLink", b'L', format!("{long}\0").as_bytes());
    gnu.extend(tar(&[("cut", MARK)]));
    assert_eq!(names(&gnu, "x.tar"), [long.as_str()]);
    let record = format!("path={long}\n");
    let length = record.len() + 4;
    let mut pax = tar_entry("pax", b'x', format!("{length} {record}").as_bytes());
    pax.extend(tar(&[("cut", MARK)]));
    assert_eq!(names(&pax, "x.tar"), [long.as_str()]);
    let table = format!("{}/\n", "n".repeat(30));
    let gnu = ar(&[("//", table.as_bytes()), ("/0", MARK)]);
    assert_eq!(names(&gnu, "x.a"), ["n".repeat(30)]);
    let bsd = ar(&[("#1/4", &[b"name", MARK].concat())]);
    assert_eq!(names(&bsd, "x.a"), ["name"]);
}

#[test]
fn a_zip_behind_a_program_and_one_without_its_directory_are_read() {
    let whole = zip(&[Zipped("p", 8, 0, deflate(MARK)), Zipped("q", 0, 0, MARK.to_vec())]);
    let behind = [b"PK\x03\x04#!/bin/sh\n".as_slice(), &whole].concat();
    assert_eq!(names(&behind, "x.zip"), ["p", "q"]);
    let end = memchr::memmem::find(&whole, b"PK\x01\x02").unwrap();
    let (members, left) = looked_into(&whole[..end], "x.zip", Caps::USUAL);
    assert_eq!(members.len(), 2);
    assert_eq!(left[0].kind, GapKind::Damaged);
}

#[test]
fn what_cannot_be_read_is_told_once_with_a_count() {
    let locked = zip(&[
        Zipped("a", 8, 1, deflate(MARK)),
        Zipped("b", 8, 1, deflate(MARK)),
        Zipped("c", 98, 0, MARK.to_vec()),
        Zipped("d", 0, 0, MARK.to_vec()),
    ]);
    let (members, left) = looked_into(&locked, "x.zip", Caps::USUAL);
    assert_eq!(members, [("d".to_owned(), MARK.to_vec())]);
    let told: Vec<_> = left.iter().map(|one| (one.member.as_str(), one.count)).collect();
    assert_eq!(told, [("a", 2), ("c", 1)]);
}

#[test]
fn bombs_end_at_a_cap_which_is_told() {
    let caps = Caps { bytes: 4 << 20, free: 1 << 20, ratio: 10, ..Caps::USUAL };
    let zeros = vec![0; 16 << 20];
    let flat = zip(&[Zipped("z", 8, 0, deflate(&zeros))]);
    let nested = gzip(&tar(&[("z.gz", &gzip(&gzip(&zeros)))]));
    let many = zip(&[Zipped("z", 8, 0, deflate(&zeros)), Zipped("y", 8, 0, deflate(&zeros))]);
    for bomb in [gzip(&zeros), flat, nested, many] {
        let (members, left) = looked_into(&bomb, "bomb", caps);
        let given: usize = members.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(given < 5 << 20, "{given}");
        let [left] = &*left else { panic!("{left:?}") };
        assert_eq!(left.kind, GapKind::Truncated, "{left:?}");
    }
}

#[test]
fn depth_members_and_time_have_caps() {
    let mut deep = MARK.to_vec();
    for _ in 0..20 {
        deep = zip(&[Zipped("z", 0, 0, deep)]);
    }
    let (members, left) = looked_into(&deep, "x.zip", Caps::USUAL);
    assert_eq!((members.len(), left.len()), (Caps::USUAL.depth, 1));
    assert_eq!(left[0].kind, GapKind::Truncated);

    let caps = Caps { members: 3, ..Caps::USUAL };
    let many: Vec<(&str, &[u8])> = vec![("m", MARK); 10];
    let (members, left) = looked_into(&tar(&many), "x.tar", caps);
    assert_eq!((members.len(), left[0].kind), (3, GapKind::Truncated));

    let bytes = tar(&many);
    let left = walk(&&*bytes, Format::Tar, "x", Caps::USUAL, &|| true, &mut |_| panic!());
    assert_eq!(left[0].kind, GapKind::TimedOut);
}

#[test]
fn a_large_member_comes_in_pieces_that_overlap() {
    let mut large = vec![b'x'; PIECE * 2 + 100];
    large[PIECE - 4..PIECE + 11].copy_from_slice(MARK);
    let (members, left) = looked_into(&tar(&[("l", &large)]), "x.tar", Caps::USUAL);
    assert_eq!(left, []);
    assert!(members.len() >= 3);
    let found = members.iter().any(|(_, bytes)| memchr::memmem::find(bytes, MARK).is_some());
    assert!(found);
}

#[test]
fn a_byte_changed_and_a_cut_anywhere_never_kill() {
    let data = gzip(&tar(&[("./usr/bin/x", MARK), ("y", &[7; 700])]));
    let deb = ar(&[("debian-binary", b"2.0\n"), ("data.tar.gz", &data)]);
    let all = zip(&[Zipped("a.deb", 8, 0, deflate(&deb)), Zipped("b", 0, 0, MARK.to_vec())]);
    for at in 0..all.len() {
        for bytes in [all[..at].to_vec(), [&all[..at], &[all[at] ^ 0xff], &all[at + 1..]].concat()]
        {
            let Kind::Archive(format) = content::kind(&bytes, "") else { continue };
            let mut given = 0;
            let each = &mut |member: Member<'_>| given += member.bytes.len();
            let _left = walk(&&*bytes, format, "x", Caps::USUAL, &|| false, each);
            assert!(given < 1 << 20);
        }
    }
}
