use std::sync::{Arc, Mutex};

use stanch_machine::Pretend;

use super::*;
use crate::Host;
use crate::baseline::{
    Because, Collected, Crossing, Digests, Explained, Header, Owners, Scope, Writer, collect,
    explain,
};

fn scope() -> Scope {
    Scope {
        roots: vec!["/usr".into(), "/etc".into(), "/usr/bin".into(), "/gone".into()],
        except: vec!["/usr/cache".into()],
        digests: Digests::Both,
        crossing: Crossing::Storage,
    }
}

fn walked(machine: &Pretend) -> (Vec<Item>, Vec<stanch_words::Gap>) {
    let (items, collected) = (Mutex::new(Vec::new()), Collected::default());
    let host = Host::new(Arc::new(machine.clone()));
    collect(&host, &scope(), Owners::Asked, &collected, &|some| {
        items.lock().unwrap().extend(some);
        true
    });
    (items.into_inner().unwrap(), collected.gaps())
}

fn file(machine: &Pretend, time: i64) -> Vec<u8> {
    let header = Header { time, scope: scope(), ..Header::default() };
    let mut writer = Writer::begin(Vec::new(), &header).unwrap();
    for item in walked(machine).0 {
        writer.push(&item).unwrap();
    }
    writer.end(&[]).unwrap().0
}

fn compared(was: &Pretend, now: &Pretend) -> Compared {
    let bytes = file(was, 0);
    compare(&mut Reader::open(&bytes[..]).unwrap(), &mut walked(now).0.into_iter(), &|| true)
        .unwrap()
}

fn told(compared: &Compared) -> Vec<String> {
    compared
        .differences
        .iter()
        .map(|one| {
            let fields: Vec<&str> = one.fields.iter().map(|field| field.name()).collect();
            let path = String::from_utf8_lossy(one.path());
            format!("{} {path} {}", one.change.name(), fields.join(" ")).trim_end().to_owned()
        })
        .collect()
}

fn before() -> Pretend {
    Pretend::new()
        .file("/usr/bin/passwd", "good")
        .file("/usr/bin/sudo", "sudo")
        .with("/usr/bin/sudo", |stat| stat.mode = 0o104_755)
        .file("/usr/cache/x", "1")
        .file("/usr/lib/a!b", "x")
        .file("/usr/lib/a/b", "x")
        .link("/usr/sh", "dash")
        .file("/etc/cron", "* * *")
        .file("/etc/hosts", "hosts")
        .file("/etc/old", "old")
        .file("/home/u", "u")
}

#[test]
fn the_walk_is_in_order_and_leaves_out_what_it_should() {
    let (items, gaps) = walked(&before());
    let paths: Vec<String> =
        items.iter().map(|item| String::from_utf8_lossy(item.path()).into_owned()).collect();
    assert_eq!(
        paths,
        [
            "/etc",
            "/etc/cron",
            "/etc/hosts",
            "/etc/old",
            "/usr",
            "/usr/bin",
            "/usr/bin/passwd",
            "/usr/bin/sudo",
            "/usr/cache",
            "/usr/lib",
            "/usr/lib/a",
            "/usr/lib/a/b",
            "/usr/lib/a!b",
            "/usr/sh",
        ]
    );
    assert_eq!(gaps, []);
    let Item::Row(row) = &items[6] else { panic!("{:?}", items[6]) };
    let digest = <sha2::Sha256 as sha2::Digest>::digest(b"good");
    assert_eq!(row.sha256.unwrap()[..], digest[..]);
    assert_eq!(row.blake3.unwrap(), *blake3::hash(b"good").as_bytes());
    assert_eq!(compared(&before(), &before()), Compared { compared: 14, ..Compared::default() });
}

#[test]
fn each_kind_of_change_is_named_and_times_alone_are_folded() {
    let later = before()
        .file("/usr/bin/passwd", "evil")
        .with("/usr/bin/passwd", |stat| stat.changed += 5)
        .with("/usr/bin/sudo", |stat| stat.links = 2)
        .with("/etc/hosts", |stat| stat.modified += 1)
        .link("/etc/cron", "/tmp/cron")
        .with_attribute("/usr/lib/a!b", "security.capability", b"\x01")
        .with_attribute("/usr/lib/a/b", "user.x", b"y")
        .file("/usr/bin/new", "new")
        .link("/usr/sh", "bash");
    let mut with = before();
    // The files keep their inodes: only what is told differs.
    with = with.with("/etc/hosts", |stat| stat.modified += 1);
    assert_eq!(compared(&before(), &with).times_count, 1);
    let found = compared(&before(), &later);
    let has = |start: &str| {
        assert!(told(&found).iter().any(|l| l.starts_with(start)), "{start}: {:#?}", told(&found))
    };
    has("altered /usr/bin/passwd content");
    has("altered /usr/bin/sudo links");
    has("altered /etc/cron type size target mode");
    has("altered /usr/lib/a!b capabilities");
    has("altered /usr/lib/a/b attributes");
    has("added /usr/bin/new");
    has("altered /usr/sh target");
    assert_eq!((told(&found).len(), found.times_count), (7, 1), "{:#?}", told(&found));
    let passwd = found.differences.iter().find(|one| one.path() == b"/usr/bin/passwd").unwrap();
    assert!(passwd.keeps_time() && !passwd.gains_rights());
    let capable = found.differences.iter().find(|one| one.path() == b"/usr/lib/a!b").unwrap();
    assert!(capable.gains_rights());
}

#[test]
fn what_is_gone_is_removed_and_what_cannot_be_seen_is_not() {
    let denied = before().denied("/usr/lib/a").denied("/etc/old");
    let (items, gaps) = walked(&denied);
    assert!(items.contains(&Item::Unseen(b"/etc/old".to_vec())), "{items:?}");
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    let found = compared(&before(), &denied);
    assert_eq!((told(&found), found.unseen), (Vec::new(), 3));
    let found = compared(&denied, &before());
    assert_eq!((told(&found), found.unseen), (Vec::new(), 3));
    // A walk that was given up has not seen the rest.
    let bytes = file(&before(), 0);
    let half = walked(&before()).0.into_iter().take(6);
    let mut reader = Reader::open(&bytes[..]).unwrap();
    let found = compare(&mut reader, &mut half.into_iter(), &|| false).unwrap();
    assert_eq!((told(&found), found.compared, found.unseen), (Vec::new(), 6, 8));
    let smaller = Pretend::new().file("/etc/cron", "* * *").file("/etc/hosts", "hosts");
    let found = compared(&before(), &smaller);
    assert!(told(&found).iter().all(|line| line.starts_with("removed")), "{:?}", told(&found));
    assert_eq!(found.differences.len(), 11);
}

/// A machine with a package, before or after its upgrade on 2026-03-02.
fn packaged(version: &str, text: &str, day: i64) -> Pretend {
    use md5::Digest as _;
    let digest = stanch_words::text::hex(&md5::Md5::digest(text));
    let status = format!(
        "Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n"
    );
    let list = if version == "1" {
        "/usr\n/usr/bin/tool\n/usr/bin/old\n"
    } else {
        "/usr\n/usr/bin/tool\n"
    };
    let machine = Pretend::new()
        .at_time(1_772_323_200 + day * 86_400)
        .file("/var/lib/dpkg/status", status)
        .file("/var/lib/dpkg/info/tool.list", list)
        .file("/var/lib/dpkg/info/tool.md5sums", format!("{digest}  usr/bin/tool\n"))
        .file("/usr/bin/tool", text);
    if version == "1" {
        return machine.file("/usr/bin/old", "old");
    }
    let line = "2026-03-02 00:00:00 upgrade tool:all 1 2\n";
    machine.file("/var/log/dpkg.log", line).file("/usr/cache", "written by a trigger")
}

fn explained(now: &Pretend) -> (Vec<String>, Explained) {
    let bytes = file(&packaged("1", "one", 0), 1_772_323_200);
    let items = walked(now).0;
    let found =
        compare(&mut Reader::open(&bytes[..]).unwrap(), &mut items.into_iter(), &|| true).unwrap();
    let host = Host::new(Arc::new(now.clone()));
    let mut seen = stanch_words::Seen::default();
    let explained = explain(&host, 1_772_323_200, found.differences, &mut seen);
    assert_eq!(seen.gaps, []);
    let lines = explained.told.iter().map(|told| {
        let path = String::from_utf8_lossy(told.difference.path()).into_owned();
        let because = match told.because {
            Some(Because::Package) => "package",
            Some(Because::During) => "during",
            None => "-",
        };
        format!("{path} {because}")
    });
    (lines.collect(), explained)
}

#[test]
fn an_upgrade_explains_what_it_brought_and_took_and_nothing_else() {
    let (lines, all) = explained(&packaged("2", "two", 1));
    assert_eq!(lines, ["/usr/bin/old package", "/usr/bin/tool package", "/usr/cache during"]);
    assert_eq!(all.runs.len(), 1);
    assert_eq!(all.runs[0].files, 2);
    assert_eq!(all.runs[0].packages, [("tool".to_owned(), "2".to_owned())]);
    // Another content than the shipped one, and a right on top of it.
    let evil = packaged("2", "two", 1).file("/usr/bin/tool", "evil");
    let evil = evil.with("/usr/bin/tool", |stat| stat.changed += 86_400 * 1_000_000_000);
    assert_eq!(explained(&evil).0[1], "/usr/bin/tool -");
    let set = packaged("2", "two", 1).with("/usr/bin/tool", |stat| stat.mode |= 0o4000);
    assert_eq!(explained(&set).0[1], "/usr/bin/tool -");
    // Without a transaction since, nothing is explained.
    let quiet = packaged("2", "two", 1).file("/var/log/dpkg.log", "");
    assert_eq!(explained(&quiet).0, ["/usr/bin/old -", "/usr/bin/tool -", "/usr/cache -"]);
}
