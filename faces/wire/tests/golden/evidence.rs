//! Documents of evidence, byte for byte.

use stanch_wire::{
    EvidenceEntry, EvidenceList, EvidenceNote, Preserve, PreserveArtifact, SealFlaw, SealVerify,
};

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

#[test]
fn evidence_list() {
    let document = EvidenceList {
        schema: EvidenceList::SCHEMA.into(),
        file: "web01.tar.gz".into(),
        bytes: 4_096,
        sha256: "12".repeat(32),
        host: "web01".into(),
        begun: "2026-03-01T08:00:00Z".into(),
        sealed: Some("2026-03-01T08:00:09Z".into()),
        tool: "stanch 0.1.0".into(),
        tool_sha256: Some("34".repeat(32)),
        merkle_root: Some("56".repeat(32)),
        seal_sha256: Some("78".repeat(32)),
        chain_head: Some("9a".repeat(32)),
        signed: "no".into(),
        key: None,
        not_taken: 2,
        custody: vec![EvidenceNote {
            time: "2026-03-01T07:59:00Z".into(),
            who: "li wei".into(),
            what: "preserve.note".into(),
            text: "disk handed over".into(),
            in_bundle: true,
        }],
        items: vec![EvidenceEntry {
            number: 7,
            name: "passwd".into(),
            path: "/etc/passwd".into(),
            size: 41,
            sha256: Some("bc".repeat(32)),
            modified: "2026-02-01T00:00:00Z".into(),
            taken: "2026-03-01T08:00:02Z".into(),
            method: "open, read".into(),
            status: "whole".into(),
            remark: String::new(),
        }],
    };
    assert_eq!(written(&document), include_str!("evidence-list.json"));
}
