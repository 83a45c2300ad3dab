use std::io::Write as _;

use super::*;
use crate::tar::{Member, headers, padding};

/// Name, kind, target, content.
type Given<'g> = (&'g [u8], u8, &'g [u8], &'g [u8]);

/// Returns an archive of members, and its end.
fn archive(members: &[Given<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, target, content) in members {
        let size = content.len() as u64;
        let modified = 1_772_323_200_000_000_000;
        let (name, kind, target) = (*name, *kind, *target);
        out.extend(headers(&Member {
            name,
            kind,
            target,
            mode: 0o644,
            size,
            modified,
            ..Member::default()
        }));
        out.extend_from_slice(content);
        out.extend_from_slice(padding(size));
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn opened(name: &str, bytes: &[u8]) -> Result<Bundle, Miss> {
    let path = std::env::temp_dir().join(format!("stanch-bundle-{name}-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let bundle = Bundle::open(&path, &[Path::new("/tmp")]);
    std::fs::remove_file(&path).unwrap();
    bundle
}

fn text(bundle: &Bundle, path: &str) -> Result<String, String> {
    let read = bundle.read(path.as_ref(), 1000).map_err(|miss| miss.detail)?;
    Ok(String::from_utf8(read.bytes).unwrap())
}

fn told(bundle: &Bundle) -> Vec<String> {
    let told = |gap: &Gap| format!("{} {}", gap.path.clone().unwrap_or_default(), gap.detail);
    bundle.strange().iter().map(told).collect()
}

#[test]
fn files_links_and_records_of_a_bundle_are_those_of_a_machine() {
    let bodyfile =
        b"0|/etc/shadow|7|-rw-r-----|0|42|900|1|2|3|4\n0|/etc|5|drwxr-xr-x|0|0|0|1|2|3|4\n\
        0|/etc/passwd|6|-rw-r--r--|0|0|5|1|2|3|4\nnonsense\n";
    let bytes = packed(&archive(&[
        (b"meta/begin.json", b'0', b"", b"{}"),
        (b"live/processes.jsonl", b'0', b"", b"{\"pid\":1}\n"),
        (b"[root]/etc/passwd", b'0', b"", b"root:"),
        (b"[root]/bin", b'2', b"usr/bin", b""),
        (b"[root]/usr/bin/tool", b'0', b"", b"tool"),
        (b"[root]/usr/bin/same", b'1', b"[root]/usr/bin/tool", b""),
        (b"[root]/etc/out", b'2', b"/../../etc/passwd", b""),
        (b"[root]/etc/round", b'2', b"round", b""),
        (b"bodyfile/bodyfile.txt", b'0', b"", bodyfile),
    ]));
    let bundle = opened("whole", &bytes).unwrap();
    assert_eq!(told(&bundle), [" lines of the bodyfile not understood: 1"]);
    assert_eq!(bundle.now(), 1_772_323_200);
    assert_eq!(text(&bundle, "/etc/passwd").unwrap(), "root:");
    assert_eq!(text(&bundle, "/bin/tool").unwrap(), "tool");
    assert_eq!(text(&bundle, "/usr/bin/same").unwrap(), "tool");
    // Both absolute links and `..` stay inside.
    assert_eq!(text(&bundle, "/etc/out").unwrap(), "root:");
    assert_eq!(text(&bundle, "/etc/round").unwrap_err(), "too many symlinks");
    assert_eq!(text(&bundle, "/etc/shadow").unwrap_err(), "its content is not in the bundle");
    assert!(bundle.read("/etc/none".as_ref(), 1).unwrap_err().absent);
    let passwd = bundle.stat("/etc/passwd".as_ref()).unwrap();
    assert_eq!((passwd.inode, passwd.born, passwd.size), (6, Some(4_000_000_000), 5));
    assert_eq!(passwd.modified, 1_772_323_200_000_000_000, "the finer time stays");
    assert_eq!(bundle.stat("/etc".as_ref()).unwrap().inode, 5);
    assert_eq!(bundle.stat("/etc/shadow".as_ref()).unwrap().mode, 0o100_640);
    let names = bundle.list("/etc".as_ref()).unwrap().entries;
    let names: Vec<_> = names.iter().map(|entry| entry.name.to_str().unwrap()).collect();
    assert_eq!(names, ["out", "passwd", "round", "shadow"]);
    assert_eq!(bundle.record("processes", 100).unwrap().unwrap().bytes, b"{\"pid\":1}\n");
    assert!(bundle.record("sockets", 100).is_none());
}

#[test]
fn a_name_that_leads_out_and_a_member_behind_a_link_are_left_out_and_told() {
    let bytes = packed(&archive(&[
        (b"[root]/../../etc/cron.d/x", b'0', b"", b"out"),
        (b"../evil", b'0', b"", b"out"),
        (b"[root]/run", b'2', b"/etc", b""),
        (b"[root]/run/hosts", b'0', b"", b"through the link"),
        (b"[root]/etc/hosts", b'0', b"", b"127.0.0.1"),
        (&[b"[root]/", &*b"a/".repeat(3000), b"x"].concat(), b'0', b"", b"deep"),
    ]));
    let bundle = opened("out", &bytes).unwrap();
    assert!(bundle.stat("/a".as_ref()).is_err(), "few bytes made thousands of folders");
    let mut told = told(&bundle);
    assert!(told.pop().unwrap().ends_with("a name that is longer than any path"));
    assert_eq!(
        told,
        [
            "[root]/../../etc/cron.d/x its name leads out",
            "../evil its name leads out",
            "[root]/run/hosts what should be a directory above it is none",
        ]
    );
    assert_eq!(text(&bundle, "/run/hosts").unwrap(), "127.0.0.1");
}

#[test]
fn one_that_is_cut_off_is_opened_as_far_as_it_goes_and_no_bundle_is_refused() {
    let content: Vec<u8> = (0..40_000_u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    let whole = packed(&archive(&[
        (b"[root]/etc/hosts", b'0', b"", b"127.0.0.1"),
        (b"[root]/var/log/big", b'0', b"", &content),
    ]));
    let bundle = opened("cut", &whole[..whole.len() / 2]).unwrap();
    assert_eq!(text(&bundle, "/etc/hosts").unwrap(), "127.0.0.1");
    assert!(told(&bundle)[0].starts_with("[root]/var/log/big it breaks off here"));
    assert!(bundle.stat("/var/log/big".as_ref()).is_err());
    for (name, bytes) in [("none", &b"nothing"[..]), ("empty", b""), ("half", &whole[..12])] {
        assert!(opened(name, bytes).is_err(), "{name}");
    }
    assert_eq!(opened("pipe", b"").unwrap_err().kind, GapKind::Damaged);
}

#[test]
fn a_packing_that_unfolds_without_end_is_stopped() {
    let packed = std::cell::Cell::new(10);
    let mut capped = unpack_capped(&packed);
    let mut room = vec![0_u8; 1 << 20];
    let mut total = 0_u64;
    let error = loop {
        match std::io::Read::read(&mut capped, &mut room) {
            Ok(read) => total += read as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "it unfolds to more than any evidence does");
    assert!(total <= 4 << 30, "{total}");
}

fn unpack_capped(packed: &std::cell::Cell<u64>) -> impl std::io::Read + '_ {
    unpack::endless(packed)
}

/// Returns a ZIP of members: name, content, and whether it is deflated.
fn zipped(members: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content, is_packed) in members {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        let packed = if *is_packed { encoder.finish().unwrap() } else { content.to_vec() };
        let at = u32::try_from(out.len()).unwrap();
        // Version, flags, method, time and date (2026-03-01 08:12:44), sum, sizes, lengths.
        let mut same = Vec::new();
        for number in [20_u16, 0, if *is_packed { 8 } else { 0 }, 0x4196, 0x5c61] {
            same.extend(number.to_le_bytes());
        }
        for number in [0_usize, packed.len(), content.len()] {
            same.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        same.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        same.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&same);
        out.extend(name.as_bytes());
        out.extend(&packed);
        list.extend(b"PK\x01\x02\x14\x00");
        list.extend(&same);
        list.extend([0; 10]);
        list.extend(at.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (at, count) = (u32::try_from(out.len()).unwrap(), u16::try_from(members.len()).unwrap());
    let length = u32::try_from(list.len()).unwrap();
    out.extend(list);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

#[test]
fn a_collection_of_velociraptor_is_a_machine_as_far_as_it_goes() {
    let rows = b"{\"Pid\":42}\n";
    let bytes = zipped(&[
        ("client_info.json", b"{}", true),
        ("collection_context.json", b"{}", true),
        ("uploads/auto/etc/passwd", b"root:x:0:0::/root:/bin/sh\n", true),
        ("uploads/file/tmp/a%2Cb%22c", b"odd", false),
        ("uploads/auto/var/log/sparse", b"x", false),
        ("uploads/auto/var/log/sparse.idx", b"{}", false),
        ("uploads/auto/srv/pack.idx", b"a file of this name", false),
        ("uploads/auto/a/%2E%2E/etc/shadow", b"out", false),
        ("uploads/ntfs/C%3A/x", b"of another system", false),
        ("results/Linux.Sys.Pslist.json", rows, true),
        ("results/Linux.Network.Netstat%2FTCP4.json", b"{}\n", true),
    ]);
    let bundle = opened("velociraptor", &bytes).unwrap();
    assert_eq!(text(&bundle, "/etc/passwd").unwrap(), "root:x:0:0::/root:/bin/sh\n");
    assert_eq!(text(&bundle, "/tmp/a,b\"c").unwrap(), "odd");
    assert_eq!(text(&bundle, "/srv/pack.idx").unwrap(), "a file of this name");
    assert!(text(&bundle, "/var/log/sparse").is_err() && text(&bundle, "/etc/shadow").is_err());
    let record = |name: &str| bundle.record(name, 1000).map(|it| it.unwrap().bytes);
    assert_eq!(record("results/Linux.Sys.Pslist"), Some(rows.to_vec()));
    assert!(record("results/Linux.Network.Netstat/TCP4").is_some());
    assert_eq!(bundle.now(), 1_772_352_764);
    let told = told(&bundle).join("\n");
    for part in
        ["%2E%2E/etc/shadow its name leads out", "without its holes", "no owners and rights"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_zip_that_is_torn_or_lies_is_told_and_never_more_than_it_says() {
    let bytes = zipped(&[("uploads/auto/etc/passwd", &[b'x'; 5000], true)]);
    for end in (4..bytes.len()).step_by(7) {
        assert!(opened("torn-zip", &bytes[..end]).is_err(), "{end}");
    }
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 0xff;
        // Whatever it becomes: no panic, and no more content than the list says.
        if let Ok(bundle) = opened("turned-zip", &other) {
            let read = bundle.read("/etc/passwd".as_ref(), 1 << 20);
            assert!(read.is_ok_and(|read| read.bytes.len() <= 5000) || !told(&bundle).is_empty());
        }
    }
}
