//! A bundle made of a machine in memory: what is in it, and that nothing can be changed in it
//! without being named.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and asks plain tar")]

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use stanch_facts::Snapshot;
use stanch_machine::tar::{Found, Member, Raw, Tar, headers, padding};
use stanch_machine::{Pretend, Stalls};
use stanch_preserve::{
    About, Broken, Collected, Item, Options, Secrets, Status, Verified, collect, verify,
};
use stanch_rules::Profile;
use stanch_rules::forensic_artifacts::{Definitions, Library};
use stanch_words::GapKind;

fn machine() -> Pretend {
    let odd = Path::new(OsStr::from_bytes(b"/tmp/a\nb\x1b[2J\xff|\\"));
    Pretend::new()
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nu:x:1000:1000::/home/u:/bin/sh\n")
        .file("/etc/shadow", "root:!:19000::::::\n")
        .denied("/etc/shadow")
        .file("/etc/hostname", "web01\n")
        .link("/etc/localtime", "/usr/share/zoneinfo/UTC")
        .file("/usr/share/zoneinfo/UTC", "TZif")
        .file("/home/u/.bash_history", "id\ncurl x|sh\n")
        .file("/home/u/.bashrc", "HISTFILE=~/.pgpass\n")
        .file("/home/u/.ssh/authorized_keys", "ssh-ed25519 AAAA eve\n")
        .file(odd, "odd")
        .file("/tmp/pipe", "")
        .with("/tmp/pipe", |stat| stat.mode = 0o010_644)
        .file("/var/log/auth.log", "x".repeat(200_000))
        .file("/var/log/huge", "y".repeat(3000))
        .file("/srv/media/film.php", "left out")
        .file("/home/u/.pgpass", "db:5432:*:u:secret")
        .file("/etc/ssl/hidden.pem", "x\n-----BEGIN RSA PRIVATE KEY-----\nAAAA\n")
        .file("/etc/ssl/shown.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")
}

fn made(options: &Options) -> (Vec<u8>, Collected) {
    let snapshot = Arc::new(Snapshot::new(Arc::new(machine()), Stalls::default()));
    let about = About {
        tool: "stanch 0.1.0".into(),
        who: "li".into(),
        host: "web01".into(),
        notes: vec![("2026-03-01T00:00:00Z".into(), "li".into(), "disk sealed".into())],
        ..About::default()
    };
    let mut bytes = Vec::new();
    let collected = collect(&snapshot, options, &about, &mut bytes).unwrap();
    (bytes, collected)
}

fn usual() -> (Vec<u8>, Collected) {
    made(&Options { exclude: vec!["/srv/media".into()], largest: 250_000, ..Options::default() })
}

fn verified(bytes: &[u8]) -> Verified {
    verify(&mut &*bytes).unwrap()
}

/// Returns the members of a bundle.
fn members(bytes: &[u8]) -> Vec<(Raw, Vec<u8>)> {
    let mut unfolded = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unfolded).unwrap();
    let (mut source, mut tar, mut members) = (&*unfolded, Tar::default(), Vec::new());
    while let Found::Entry(raw) = tar.next(&mut source).unwrap() {
        let size = usize::try_from(raw.size).unwrap();
        members.push((raw.clone(), source[..size].to_vec()));
        source = &source[size + usize::try_from(raw.padding).unwrap()..];
    }
    members
}

/// Packs members again, as somebody would who changes them.
fn packed(members: &[(Raw, Vec<u8>)]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for (raw, content) in members {
        let member = Member {
            name: &raw.name,
            kind: raw.kind,
            mode: raw.mode,
            owner: raw.owner,
            size: content.len() as u64,
            modified: raw.modified,
            accessed: raw.accessed,
            changed: raw.changed,
            target: &raw.target,
            comment: raw.comment.as_deref(),
        };
        encoder.write_all(&headers(&member)).unwrap();
        encoder.write_all(content).unwrap();
        encoder.write_all(padding(content.len() as u64)).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}

fn items(bytes: &[u8]) -> Vec<Item> {
    let members = members(bytes);
    let (_, manifest) = members.iter().find(|(raw, _)| raw.name == b"meta/manifest.jsonl").unwrap();
    let lines = manifest.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn what_is_there_is_taken_and_what_is_missing_is_told() {
    let (bytes, collected) = usual();
    let answer = verified(&bytes);
    assert_eq!(answer.flaws, []);
    assert!(answer.holds());
    assert_eq!(answer.seal, Some(collected.seal.clone()));
    let items = items(&bytes);
    assert_eq!(items.len() as u64, collected.seal.items);
    let of = |name: &str| {
        items.iter().find(|item| item.name == name).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(of("[root]/etc/passwd").status, Status::Whole);
    let shadow = of("[root]/etc/shadow");
    assert_eq!((shadow.status, shadow.why.as_str()), (Status::Denied, "permission denied"));
    assert_eq!(of("[root]/tmp/pipe").status, Status::Described);
    let link = of("[root]/etc/localtime");
    assert_eq!(link.target.as_deref(), Some("/usr/share/zoneinfo/UTC"));
    assert_eq!(of("[root]/usr/share/zoneinfo/UTC").size, 4, "what it leads to comes with it");
    assert_eq!(of("[root]/home/u/.bash_history").artifact, "histories");
    assert_eq!(of("[root]/srv/media/film.php").why, "excluded");
    let odd = items.iter().find(|item| item.name_hex.is_some()).unwrap();
    assert_eq!(odd.name_bytes(), b"[root]/tmp/a\nb\x1b[2J\xff|\\");
    assert_eq!(odd.size, 3);
    // The bodyfile and the tables are items as others are.
    assert!(of("bodyfile/bodyfile.txt").size > 100);
    assert!(of("live/users.jsonl").size > 10);
    assert!(!items.iter().any(|item| item.name == "live/processes.jsonl"), "nothing runs here");
    assert!(collected.gaps.iter().any(|gap| gap.path.as_deref() == Some("/etc/shadow")));
    let small = made(&Options { largest: 2000, ..Options::default() });
    let huge = self::items(&small.0).into_iter().find(|item| item.name.ends_with("/huge")).unwrap();
    assert_eq!((huge.status, huge.why.as_str()), (Status::LeftOut, "3000 bytes, larger than 2000"));
}

#[test]
fn plain_tar_and_sha256sum_read_it() {
    let (bytes, _) = usual();
    let folder = std::env::temp_dir().join(format!("stanch-plain-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("case.tar.gz"), &bytes).unwrap();
    let ran = std::process::Command::new("sh")
        .arg("-ec")
        .arg("tar xzf case.tar.gz 2>said && test ! -s said && sha256sum --quiet -c meta/sha256sums")
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stdout));
    let taken = std::fs::read(folder.join("[root]/home/u/.bash_history")).unwrap();
    assert_eq!(taken, b"id\ncurl x|sh\n");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn one_bit_turned_over_anywhere_is_found() {
    let (bytes, _) = usual();
    // Spread over all of it by a number that has no factor in common with the length.
    let mut named = 0_usize;
    for turn in 0..200_usize {
        let place = turn * 7919 * 31 % bytes.len();
        let mut turned = bytes.clone();
        turned[place] ^= 1 << (turn % 8);
        // At its very start it is no bundle at all any more.
        let Ok(answer) = verify(&mut &*turned) else { continue };
        assert!(!answer.holds(), "{place}");
        named += usize::from(!answer.flaws.is_empty());
    }
    assert!(named > 190, "{named}");
    // The last bytes, and those of the header, one by one.
    for place in (0..12).chain(bytes.len() - 70..bytes.len()) {
        let mut turned = bytes.clone();
        turned[place] ^= 4;
        assert!(verify(&mut &*turned).map_or(true, |answer| !answer.holds()), "{place}");
    }
}

#[test]
fn one_that_is_cut_off_holds_up_to_its_last_whole_item() {
    let (bytes, _) = usual();
    let whole = verified(&bytes).whole;
    let mut last = 0;
    for share in 1..20_usize {
        let cut = &bytes[..bytes.len() * share / 20];
        let answer = verified(cut);
        assert!(answer.is_cut && !answer.holds(), "{share}");
        assert_eq!(answer.flaws, [], "{share}");
        assert!(answer.whole >= last && answer.whole <= whole);
        assert_eq!(answer.last.is_some(), answer.whole > 0);
        last = answer.whole;
    }
    assert!(last > whole / 2, "{last} of {whole}");
    // Nothing but the end is missing.
    let answer = verified(&bytes[..bytes.len() - 10]);
    assert!(!answer.holds());
}

/// Returns members without one of them; the lines that stand with it go on with the next.
fn without(members: &[(Raw, Vec<u8>)], gone: usize) -> Vec<(Raw, Vec<u8>)> {
    let mut left = members.to_vec();
    let (raw, _) = left.remove(gone);
    let lines = [raw.comment, left[gone].0.comment.take()];
    let lines: Vec<Vec<u8>> = lines.into_iter().flatten().collect();
    left[gone].0.comment = (!lines.is_empty()).then(|| lines.join(&b'\n'));
    left
}

#[test]
fn what_is_altered_missing_or_added_is_named() {
    let (bytes, _) = usual();
    let members = members(&bytes);
    let at = |name: &[u8]| members.iter().position(|(raw, _)| raw.name == name).unwrap();
    let first = |changed: &[(Raw, Vec<u8>)]| {
        let answer = verified(&packed(changed));
        let flaw = answer.flaws.first().unwrap();
        (flaw.name.clone(), flaw.broken)
    };
    let history = b"[root]/home/u/.bash_history";
    let name = String::from_utf8_lossy(history).into_owned();
    let mut altered = members.clone();
    altered[at(history)].1[0] = b'I';
    assert_eq!(first(&altered), (name.clone(), Broken::Altered));
    let mut altered = members.clone();
    altered[at(history)].0.mode = 0o600;
    assert_eq!(first(&altered), (name.clone(), Broken::Altered));
    // Another kind of member with the same bytes: whoever unpacks it gets another thing.
    let mut altered = members.clone();
    altered[at(history)].0.kind = b'5';
    assert_eq!(first(&altered), (name.clone(), Broken::Altered));
    let mut altered = members.clone();
    altered[at(b"[root]/etc/localtime")].0.target = b"/usr/share/zoneinfo/CET".to_vec();
    assert_eq!(first(&altered), ("[root]/etc/localtime".to_owned(), Broken::Altered));
    assert_eq!(first(&without(&members, at(history))), (name, Broken::Missing));
    let mut added = members.clone();
    let mut more = members[at(history)].clone();
    more.0.name = b"[root]/home/u/.added".to_vec();
    more.0.comment = None;
    added.insert(at(history), more);
    assert_eq!(first(&added), ("[root]/home/u/.added".to_owned(), Broken::Added));
    for list in [&b"meta/manifest.jsonl"[..], b"meta/sha256sums", b"meta/custody.jsonl"] {
        let mut altered = members.clone();
        let content = &mut altered[at(list)].1;
        content[3] ^= 1;
        let name = String::from_utf8_lossy(list).into_owned();
        assert_eq!(first(&altered), (name.clone(), Broken::Altered));
        assert_eq!(first(&without(&members, at(list))), (name, Broken::Missing));
    }
}

#[test]
fn what_is_no_bundle_is_refused() {
    for bytes in [&b""[..], b"nothing", &packed(&[])] {
        assert_eq!(verify(&mut &*bytes).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }
}

#[test]
fn more_is_taken_in_full_and_nothing_older_than_asked_for() {
    let triage = usual().1.taken.len();
    let full = made(&Options { profile: Profile::Full, ..Options::default() });
    assert!(full.1.taken.len() > triage);
    assert!(verified(&full.0).holds());
    // The machine's files are of the second at which its clock stands.
    let since = Options { since: Some(1_772_323_201), ..Options::default() };
    let items = items(&made(&since).0);
    let log = items.iter().find(|item| item.name == "[root]/var/log/auth.log").unwrap();
    assert_eq!((log.status, log.why.as_str()), (Status::LeftOut, "not changed since then"));
    let passwd = items.iter().find(|item| item.name == "[root]/etc/passwd").unwrap();
    assert_eq!(passwd.status, Status::Whole, "accounts are taken however old they are");
}

#[test]
fn secrets_are_named_by_digest_and_taken_only_when_asked_for() {
    let (bytes, _) = usual();
    let unfolded = members(&bytes);
    for secret in [&b"5432:*:u:secret"[..], b"RSA PRIVATE KEY"] {
        let holds = |content: &Vec<u8>| content.windows(secret.len()).any(|some| some == secret);
        assert!(!unfolded.iter().any(|(_, content)| holds(content)));
    }
    let items = items(&bytes);
    let of = |name: &str| items.iter().find(|item| item.name == name).unwrap();
    for name in ["[root]/home/u/.pgpass", "[root]/etc/ssl/hidden.pem"] {
        let item = of(name);
        let expected = (Status::LeftOut, "a secret: only its digest");
        assert_eq!((item.status, item.why.as_str()), expected);
        assert_eq!(item.sha256.as_ref().unwrap().len(), 64);
    }
    assert_eq!(of("[root]/etc/ssl/shown.pem").status, Status::Whole);
    let asked = made(&Options { secrets: Secrets::Contents, ..Options::default() }).0;
    let item = self::items(&asked).into_iter().find(|item| item.name.ends_with("/.pgpass"));
    assert_eq!(item.unwrap().status, Status::Whole);
    assert!(verified(&asked).holds());
}

#[test]
fn every_page_names_tables_that_there_are_and_all_of_the_running_kernel_are_named() {
    let artifacts = stanch_rules::content::artifacts().unwrap();
    let named: Vec<&str> =
        artifacts.iter().flat_map(|page| page.tables.iter().map(String::as_str)).collect();
    let unknown: Vec<&&str> =
        named.iter().filter(|name| stanch_facts::tables::find(name).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let live = stanch_facts::tables::ALL.iter().map(|table| table.spec);
    let live = live.filter(|spec| spec.sees == stanch_words::Sees::Live);
    let missing: Vec<&str> =
        live.map(|spec| spec.name).filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_page_asks_the_collector_only_for_what_it_can() {
    let artifacts = stanch_rules::content::artifacts().unwrap();
    let unknown: Vec<&String> = artifacts
        .iter()
        .flat_map(|page| &page.native)
        .filter(|name| !stanch_preserve::NATIVE.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn logs_and_hooks_are_met_wherever_they_lie() {
    let machine = machine()
        .file("/srv/app/deep/err.LOG.1", "boom")
        .file("/srv/app/log", "boom")
        .file("/srv/app/logic", "no log")
        .file("/srv/code/.git/hooks/post-merge", "#!/bin/sh")
        .file("/srv/code/.git/hooks.txt", "no hook");
    let snapshot = Arc::new(Snapshot::new(Arc::new(machine), Stalls::default()));
    let mut bytes = Vec::new();
    collect(&snapshot, &Options::default(), &About::default(), &mut bytes).unwrap();
    let items = items(&bytes);
    let of = |name: &str| {
        let item = items.iter().find(|item| item.name == format!("[root]{name}"));
        item.map(|item| (item.artifact.as_str(), item.status))
    };
    let log = Some(("logs_anywhere", Status::Whole));
    assert_eq!((of("/srv/app/deep/err.LOG.1"), of("/srv/app/log")), (log, log));
    let hook = Some(("git_hooks", Status::Whole));
    assert_eq!(of("/srv/code/.git/hooks/post-merge"), hook);
    assert_eq!((of("/srv/app/logic"), of("/srv/code/.git/hooks.txt")), (None, None));
    assert_eq!(of("/var/log/auth.log"), Some(("logs", Status::Whole)), "each is taken once");
}

#[test]
fn definitions_of_others_are_taken_as_they_are_and_commands_are_told() {
    let text = "name: Own\nsources:\n- type: FILE\n  attributes: {paths: ['%%users.homedir%%/.pgp*', \
                /srv/**1]}\n- type: PATH\n  attributes: {paths: [/srv/media]}\n- type: COMMAND\n  \
                attributes: {cmd: /bin/rpm, args: [-qa]}\n";
    let mut library = Library::default();
    library.add("own.yaml", Definitions::parse("own.yaml", text).unwrap()).unwrap();
    let more = vec![library.artifact("Own", 10_000).unwrap()];
    let options = Options { own_list: Some(vec!["ssh".into()]), more, ..Options::default() };
    let (bytes, collected) = made(&options);
    let items = items(&bytes);
    let own = items.iter().filter(|item| item.artifact == "forensicartifacts.Own");
    let own: Vec<(&str, Status)> = own.map(|item| (item.name.as_str(), item.status)).collect();
    assert_eq!(
        own,
        [("[root]/home/u/.pgpass", Status::Whole), ("[root]/srv/media", Status::Described)]
    );
    assert!(!items.iter().any(|item| item.artifact == "logs"), "only what the list names");
    let told: Vec<_> = collected.gaps.iter().filter(|gap| gap.kind == GapKind::NotDone).collect();
    assert_eq!((told.len(), told[0].path.as_deref()), (1, Some("/bin/rpm -qa")));
}

/// Takes so many bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_fills_up_ends_it_with_the_number_of_whole_items() {
    let snapshot = Arc::new(Snapshot::new(Arc::new(machine()), Stalls::default()));
    for room in [0, 100, 3000] {
        let failed = collect(&snapshot, &Options::default(), &About::default(), &mut Full(room));
        let error = failed.unwrap_err().to_string();
        assert!(error.starts_with("the bundle could not be written on after"), "{error}");
    }
}
