//! Documents of backup and restore, byte for byte.

use stanch_wire::{Backup, BackupInit, Restore, Snapshot, Snapshots};

use super::{gap, written};

fn snapshot() -> Snapshot {
    Snapshot {
        id: "3c".repeat(32),
        time: "2026-03-01T08:12:44Z".into(),
        host: "web01".into(),
        paths: vec!["/etc".into(), "/srv".into()],
        tags: vec!["nightly".into()],
        program: "stanch 0.1.0".into(),
        files: Some(1830),
        bytes: Some(81_920_000),
        parent: Some("4b".repeat(32)),
        case_entry: Some(7),
    }
}

#[test]
fn backup_init_stays_as_it_is() {
    let document = BackupInit {
        schema: BackupInit::SCHEMA.into(),
        repository: "/mnt/disk/repo".into(),
        id: "5a".repeat(32),
    };
    assert_eq!(written(&document), include_str!("backup-init.json"));
}

#[test]
fn backup_stays_as_it_is() {
    let document = Backup {
        schema: Backup::SCHEMA.into(),
        repository: "/mnt/disk/repo".into(),
        snapshot: snapshot(),
        files: 1830,
        folders: 211,
        others: 4,
        bytes: 81_920_000,
        new: 12,
        changed: 3,
        unchanged: 1819,
        added: 1_442_300,
        stored: 512_044,
        manifest_sha256: "0f".repeat(32),
        case_entry: 7,
        gaps: vec![gap()],
    };
    assert_eq!(written(&document), include_str!("backup.json"));
}

#[test]
fn snapshots_stay_as_they_are() {
    let document = Snapshots {
        schema: Snapshots::SCHEMA.into(),
        repository: "/mnt/disk/repo".into(),
        snapshots: vec![snapshot()],
    };
    assert_eq!(written(&document), include_str!("snapshots.json"));
}

#[test]
fn restore_stays_as_it_is() {
    let document = Restore {
        schema: Restore::SCHEMA.into(),
        snapshot: snapshot(),
        to: "/srv/staging".into(),
        files: 1830,
        bytes: 81_920_000,
        folders: 211,
        others: 4,
        manifest_sha256: "0f".repeat(32),
        as_recorded: true,
        gaps: vec![gap()],
    };
    assert_eq!(written(&document), include_str!("restore.json"));
}
