//! The documents about baselines.

use stanch_wire::{Baseline, BaselineCheck, BaselineDifference, BaselineFile, PackageRun};

use crate::{gap, written};

fn baseline() -> Baseline {
    Baseline {
        schema: Baseline::SCHEMA.into(),
        file: "web01.base".into(),
        host: "web01".into(),
        time: "2026-03-01T00:00:00Z".into(),
        tool: "0.1.0".into(),
        roots: vec!["/etc".into(), "/usr".into()],
        digests: "both".into(),
        files: 2,
        bytes: 4096,
        seal: "00".repeat(32),
        follows: None,
        older: None,
        signed: "yes".into(),
        key: Some("5CF338F2CF867D5A".into()),
        gaps: vec![gap()],
    }
}

#[test]
fn a_baseline_and_its_check_stay_as_they_are() {
    assert_eq!(written(&baseline()), include_str!("baseline.json"));
    let file = BaselineFile {
        kind: "regular".into(),
        mode: "4755".into(),
        uid: 0,
        gid: 0,
        size: 68_248,
        inode: 7,
        links: 1,
        mtime: "2026-03-01T00:00:00Z".into(),
        ctime: "2026-03-02T08:12:44.5Z".into(),
        btime: None,
        flags: Some(16),
        target: None,
        attributes: vec![("user.x".into(), "79".into())],
        package: Some("passwd".into()),
        blake3: Some("11".repeat(32)),
        sha256: None,
    };
    let difference = BaselineDifference {
        path: "/usr/bin/passwd".into(),
        change: "altered".into(),
        fields: vec!["content".into(), "ctime".into()],
        time_kept: true,
        rights_gained: false,
        during_packages: false,
        was: Some(file),
        now: None,
    };
    let document = BaselineCheck {
        schema: BaselineCheck::SCHEMA.into(),
        host: "web01".into(),
        baseline: baseline(),
        took_ms: 812,
        compared: 2,
        differences: vec![difference],
        more: 0,
        package_runs: vec![PackageRun {
            time: "2026-03-02T00:00:00Z".into(),
            until: "2026-03-02T00:00:09Z".into(),
            packages: vec![("less".into(), "590-2".into())],
            files: 23,
        }],
        times_only: 1,
        unseen: 0,
        gaps: Vec::new(),
    };
    assert_eq!(written(&document), include_str!("baseline-check.json"));
}
