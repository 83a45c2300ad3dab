use stanch_machine::inspect::Content;

use super::*;
use crate::baseline::Row;

fn header() -> Header {
    use std::os::unix::ffi::OsStrExt as _;
    let strange = Path::new(std::ffi::OsStr::from_bytes(b"/srv/\xff\n\xe6"));
    Header {
        host: "web01".to_owned(),
        time: 1_772_323_200,
        tool: "0.1.0".to_owned(),
        place: "live".to_owned(),
        scope: Scope {
            roots: vec!["/etc".into(), strange.to_owned()],
            except: vec!["/etc/x".into()],
            digests: Digests::Both,
            crossing: Crossing::None,
        },
        follows: Some([7; 32]),
    }
}

fn items() -> Vec<Item> {
    let whole = Row {
        path: b"/etc/a\x01\xff \"\\x41".to_vec(),
        mode: 0o104_755,
        uid: 1000,
        gid: u32::MAX,
        size: u64::MAX,
        inode: 3,
        links: 2,
        device: 0,
        modified: -1,
        changed: i64::MAX,
        born: Some(i64::MIN),
        flags: Some(0x10),
        target: None,
        attributes: vec![
            (b"security.capability".to_vec(), vec![1, 0, 0, 2]),
            (b"user.empty".to_vec(), Vec::new()),
        ],
        package: b"a".to_vec(),
        content: Content::Whole,
        blake3: Some([1; 32]),
        sha256: Some([2; 32]),
    };
    let link = Row {
        path: b"/etc/link".to_vec(),
        mode: 0o120_777,
        target: Some(b"\xff".to_vec()),
        ..Row::default()
    };
    let disk = Row {
        path: b"/etc/sda".to_vec(),
        mode: 0o060_660,
        device: 8 << 32,
        content: Content::Changed,
        ..Row::default()
    };
    let directory = Row { path: b"/srv".to_vec(), mode: 0o040_755, ..Row::default() };
    vec![
        Item::Row(Box::new(whole)),
        Item::Row(Box::new(link)),
        Item::Row(Box::new(disk)),
        Item::Unseen(b"/etc/secret".to_vec()),
        Item::Row(Box::new(directory)),
        Item::UnseenBelow(b"/srv".to_vec()),
    ]
}

fn gaps() -> Vec<Gap> {
    vec![Gap::new(NAME, GapKind::Denied, "permission denied").at("/etc/secret")]
}

fn file() -> (Vec<u8>, Ended) {
    let mut writer = Writer::begin(Vec::new(), &header()).unwrap();
    for item in items() {
        writer.push(&item).unwrap();
    }
    writer.end(&gaps()).unwrap()
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<Item>, Ended), Damage> {
    let mut reader = Reader::open(bytes)?;
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(item);
    }
    Ok((reader.header().clone(), items, reader.ended().unwrap().clone()))
}

#[test]
fn what_is_written_is_read_again_with_hostile_names_and_extreme_numbers() {
    let (bytes, ended) = file();
    assert_eq!(read(&bytes).unwrap(), (header(), items(), ended.clone()));
    assert_eq!((ended.rows, ended.gaps), (4, gaps()));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (bytes, _) = file();
    let mut altered = bytes.clone();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            altered[place] ^= 1 << bit;
            assert!(read(&altered).is_err(), "byte {place} bit {bit}");
            altered[place] ^= 1 << bit;
        }
    }
    assert!(read(&altered).is_ok());
}

#[test]
fn a_file_cut_anywhere_is_torn_and_one_that_goes_on_is_refused() {
    let (bytes, _) = file();
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            Err(Damage::NotOne) if length < FIRST_LINE.len() => {}
            Err(Damage::Torn { .. }) if length >= FIRST_LINE.len() => {}
            other => panic!("{length}: {other:?}"),
        }
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(matches!(read(&longer), Err(Damage::Strange { .. })));
    let twice = [&bytes[..], &bytes[..]].concat();
    assert!(read(&twice).is_err());
}

#[test]
fn frames_cannot_change_places_or_be_left_out() {
    let mut writer = Writer::begin(Vec::new(), &header()).unwrap();
    let row = |number: u32| {
        let path = format!("/etc/{number:08}").into_bytes();
        let blake3 = Some(*blake3::hash(&path).as_bytes());
        Item::Row(Box::new(Row { path, blake3, ..Row::default() }))
    };
    for number in 0..20_000 {
        writer.push(&row(number)).unwrap();
    }
    let (bytes, ended) = writer.end(&[]).unwrap();
    assert_eq!(read(&bytes).unwrap().2, ended);
    // Where frames begin.
    let mut frames = Vec::new();
    let mut at = FIRST_LINE.len();
    while at < bytes.len() {
        let packed = u32::from_le_bytes(bytes[at + 5..at + 9].try_into().unwrap()) as usize;
        frames.push(at..at + 9 + packed + 32);
        at += 9 + packed + 32;
    }
    assert!(frames.len() >= 5, "{}", frames.len());
    let joined = |order: &[usize]| {
        let parts = order.iter().flat_map(|&number| bytes[frames[number].clone()].to_vec());
        [FIRST_LINE.to_vec(), parts.collect()].concat()
    };
    let all: Vec<usize> = (0..frames.len()).collect();
    assert!(read(&joined(&all)).is_ok());
    let mut swapped = all.clone();
    swapped.swap(1, 2);
    let without: Vec<usize> = all.iter().copied().filter(|&number| number != 2).collect();
    for order in [swapped, without] {
        assert!(matches!(read(&joined(&order)), Err(Damage::Altered { .. })), "{order:?}");
    }
}

#[test]
fn items_out_of_order_are_not_written_and_not_read() {
    let mut writer = Writer::begin(Vec::new(), &header()).unwrap();
    writer.push(&Item::Unseen(b"/b".to_vec())).unwrap();
    for path in [&b"/a"[..], b"/b"] {
        let again = writer.push(&Item::Unseen(path.to_vec()));
        assert!(matches!(again, Err(WriteError::Order)));
    }
    let bytes = file().0;
    let mut reader = Reader::open(&bytes[..]).unwrap();
    let mut raw = Vec::new();
    put_item(&mut raw, &Item::Unseen(b"/b".to_vec()), b"");
    put_item(&mut raw, &Item::Unseen(b"/a".to_vec()), b"/b");
    assert!(reader.parse(&raw).is_err());
}

#[test]
fn what_is_no_baseline_is_a_gap() {
    for bytes in [&b""[..], b"stanch-baseline/2\n", b"AIDE"] {
        let mut seen = Seen::default();
        assert_eq!((parse(bytes, &mut seen), seen.gaps.len()), (0, 1));
    }
    let mut seen = Seen::default();
    assert_eq!((parse(&file().0, &mut seen), seen.gaps.len()), (6, 0));
}
