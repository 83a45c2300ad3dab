//! Documents of evidence, byte for byte.

use stanch_wire::{Preserve, PreserveArtifact, SealFlaw, SealVerify};

use super::{gap, written};

#[test]
fn preserve_stays_as_it_is() {
    let document = Preserve {
        schema: Preserve::SCHEMA.into(),
        file: "web01.tar.gz".into(),
        host: "web01".into(),
        begun: "2026-03-01T08:12:44Z".into(),
        ended: "2026-03-01T08:12:51Z".into(),
        items: 4021,
        bytes: 81_920_000,
        packed: 9_437_184,
        merkle_root: "0f".repeat(32),
        chain_head: "1e".repeat(32),
        tool_sha256: Some("2d".repeat(32)),
        signed_by: None,
        case_entry: Some(7),
        artifacts: vec![PreserveArtifact {
            id: "processes".into(),
            title: "Processes, in several ways".into(),
            taken: 1830,
            bytes: 1_442_300,
            not_whole: 1,
            missed: 2,
            left_out: 3,
        }],
        gaps: vec![gap()],
    };
    assert_eq!(written(&document), include_str!("preserve.json"));
}

#[test]
fn seal_verify_stays_as_it_is() {
    let document = SealVerify {
        schema: SealVerify::SCHEMA.into(),
        file: "web01.tar.gz".into(),
        holds: false,
        cut: false,
        last: None,
        whole: 4001,
        noted: 19,
        flaws: vec![SealFlaw {
            name: "[root]/etc/passwd".into(),
            how: "altered".into(),
            why: "its size is 7, sealed was 8".into(),
        }],
        host: Some("web01".into()),
        sealed: Some("2026-03-01T08:12:51Z".into()),
        merkle_root: Some("0f".repeat(32)),
        signed: "no".into(),
        key: None,
    };
    assert_eq!(written(&document), include_str!("seal-verify.json"));
}
