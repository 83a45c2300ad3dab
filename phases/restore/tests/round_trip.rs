//! A pretend machine, kept and brought back; root is not needed. restic is the judge in the range.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::Pretend;
use stanch_restore::{
    About, Backed, Entered, Entering, Excluded, Options, Password, Repository, RestoreError,
    Sources, backup, stage,
};

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("password"), "  correct horse \n").unwrap();
        Self(path)
    }

    fn password(&self) -> Password {
        Password::from_file(&self.0.join("password")).unwrap()
    }
}

fn run(repository: &Repository, machine: Pretend, paths: &[&str]) -> Result<Backed, RestoreError> {
    let sources = Sources {
        paths: paths.iter().map(PathBuf::from).collect(),
        excluded: Excluded(Arc::new(|path: &Path| path.ends_with("cache"))),
        entered: Entering(Arc::new(|_| Entered::Yes)),
    };
    let text = |text: &str| text.to_owned();
    let about =
        About { now: 1_000_000_000, host: text("web01"), who: text("li"), tool: text("stanch") };
    backup(repository, Arc::new(machine), sources, &about)
}

#[test]
fn what_is_kept_comes_back_and_what_is_denied_is_told() {
    let folder = Folder::new("round-trip");
    let path = folder.0.join("repo");
    let made = Repository::init(&path, &folder.password(), "web01", "li").unwrap();
    let machine = || {
        Pretend::new()
            .file("/srv/shop/index.php", "<?php")
            .file("/srv/shop/cache/page", "left out")
            .file("/srv/shop/secret", "denied")
            .denied("/srv/shop/secret")
            .link("/srv/shop/out", "/etc/passwd")
            .file("/etc/passwd", "root")
            .file("/home/li/notes", "not asked for")
    };
    let first = run(&made, machine(), &["/srv/shop", "/etc/passwd", "/srv"]).unwrap();
    let gaps: Vec<String> =
        first.gaps.iter().map(|gap| format!("{} {:?}", gap.kind.name(), gap.path)).collect();
    assert_eq!(gaps, ["denied Some(\"/srv/shop/secret\")"], "{gaps:?}");
    assert_eq!((first.manifest.files, first.manifest.others), (2, 1));
    assert_eq!(first.snapshot.paths, ["/etc/passwd", "/srv"]);
    let again = run(&made, machine(), &["/srv/shop", "/etc/passwd", "/srv"]).unwrap();
    assert_eq!(again.manifest, first.manifest, "nothing changed, yet the manifest did");
    assert_eq!((again.new, again.changed), (0, 0));

    let opened = Repository::open(&path, &folder.password()).unwrap();
    assert_eq!(opened.id(), made.id());
    assert_eq!(opened.snapshots().unwrap().len(), 2);
    let to = folder.0.join("back");
    let recorded = vec![(first.snapshot.id.clone(), first.manifest.sha256.clone())];
    let options = Options { to: to.clone(), recorded, now: 0, include: Vec::new() };
    let staged = stage(&opened, first.snapshot.id.get(..10).unwrap(), &options).unwrap();
    assert!(staged.is_recorded);
    assert_eq!(fs::read_to_string(to.join("srv/shop/index.php")).unwrap(), "<?php");
    assert_eq!(fs::read_link(to.join("srv/shop/out")).unwrap(), Path::new("/etc/passwd"));
    assert!(!to.join("home").exists() && !to.join("srv/shop/cache").exists());

    let called = |id: &str, options: &Options| stage(&opened, id, options).unwrap_err();
    assert!(matches!(called("latest", &options), RestoreError::NotEmpty { .. }));
    assert!(matches!(called("zz", &options), RestoreError::NoSnapshot { .. }));
    assert!(matches!(called("", &options), RestoreError::NoSnapshot { .. }));
    let other = vec![(first.snapshot.id.clone(), "0".repeat(64))];
    let to = folder.0.join("never");
    let forged = Options { to: to.clone(), recorded: other, ..Options::default() };
    assert!(matches!(called(&first.snapshot.id, &forged), RestoreError::NotAsRecorded { .. }));
    let include = vec![PathBuf::from("/srv/none")];
    let absent = Options { to: to.clone(), include, ..Options::default() };
    assert!(matches!(called("latest", &absent), RestoreError::NotInside { .. }));
    assert!(!to.exists(), "a refused restore made a folder");
}

#[test]
fn passwords_and_places_that_are_none_are_told_apart() {
    let folder = Folder::new("no-password");
    let path = folder.0.join("repo");
    drop(Repository::init(&path, &folder.password(), "web01", "li").unwrap());
    fs::write(folder.0.join("password"), "another").unwrap();
    let wrong = Repository::open(&path, &folder.password()).err().unwrap();
    assert!(matches!(wrong, RestoreError::WrongPassword), "{wrong:?}");
    let none = Repository::open(&folder.0, &folder.password()).err().unwrap();
    assert!(matches!(none, RestoreError::NoRepository { .. }), "{none:?}");
    let twice = Repository::init(&path, &folder.password(), "web01", "li").err().unwrap();
    assert!(matches!(twice, RestoreError::NotEmpty { .. }), "{twice:?}");
    for bad in [&b""[..], b" \n", b"\xff\xfe"] {
        fs::write(folder.0.join("password"), bad).unwrap();
        assert!(Password::from_file(&folder.0.join("password")).is_err(), "{bad:?}");
    }
}
