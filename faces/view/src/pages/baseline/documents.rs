//! The same as documents for scripts.

use stanch_incident::{BaselineHeader, BaselineRow, Because, Difference, Made, Signed, Verified};
use stanch_wire as wire;
use stanch_words::{Gap, text};

use super::Answered;
use crate::Look;
use crate::documents::gap;

fn baseline(file: &str, header: &BaselineHeader, rows: u64, bytes: u64) -> wire::Baseline {
    let path = |path: &std::path::PathBuf| text::from_bytes(path.as_os_str().as_encoded_bytes());
    wire::Baseline {
        schema: wire::Baseline::SCHEMA.to_owned(),
        file: file.to_owned(),
        host: header.host.clone(),
        time: time(header.time.saturating_mul(1_000_000_000)),
        tool: header.tool.clone(),
        roots: header.scope.roots.iter().map(path).collect(),
        digests: header.scope.digests.name().to_owned(),
        files: rows,
        bytes,
        seal: String::new(),
        follows: header.follows.map(|seal| text::hex(&seal)),
        older: None,
        signed: "no".to_owned(),
        key: None,
        gaps: Vec::new(),
    }
}

fn gaps(gaps: &[Gap], look: Look) -> Vec<wire::Gap> {
    gaps.iter().map(|one| gap(one, look)).collect()
}

/// Returns `stanch.baseline/1` of a baseline that was made.
pub fn made(file: &str, made: &Made, look: Look) -> wire::Baseline {
    let ended = &made.ended;
    let is_signed = made.signed_by.is_some();
    wire::Baseline {
        seal: text::hex(&ended.seal),
        older: made
            .older
            .as_ref()
            .map(|path| text::from_bytes(path.as_os_str().as_encoded_bytes())),
        signed: if is_signed { "yes" } else { "no" }.to_owned(),
        key: made.signed_by.clone(),
        gaps: gaps(&ended.gaps, look),
        ..baseline(file, &made.header, ended.rows, ended.bytes)
    }
}

/// Returns `stanch.baseline/1` of a baseline that was read.
pub fn verified(file: &str, verified: &Verified, look: Look) -> wire::Baseline {
    let ended = &verified.ended;
    let (signed, key) = match &verified.signed {
        Signed::By { key, .. } => ("yes", Some(key.clone())),
        Signed::NotVerified => ("not-verified", None),
        Signed::No => ("no", None),
    };
    wire::Baseline {
        seal: text::hex(&ended.seal),
        signed: signed.to_owned(),
        key,
        gaps: gaps(&ended.gaps, look),
        ..baseline(file, &verified.header, ended.rows, ended.bytes)
    }
}

/// Returns `stanch.baseline-check/1`.
pub fn check(answered: &Answered<'_>, look: Look) -> wire::BaselineCheck {
    let (checked, compared) = (answered.checked, &answered.checked.compared);
    let runs = checked.explained.runs.iter().filter(|run| run.files > 0);
    wire::BaselineCheck {
        schema: wire::BaselineCheck::SCHEMA.to_owned(),
        host: answered.host.to_owned(),
        baseline: verified(answered.file, answered.verified, look),
        took_ms: answered.took_ms,
        compared: compared.compared,
        differences: answered
            .told()
            .map(|told| difference(&told.difference, told.because == Some(Because::During)))
            .collect(),
        more: compared.more,
        package_runs: runs
            .map(|run| wire::PackageRun {
                time: time(run.time.saturating_mul(1_000_000_000)),
                until: time(run.until.saturating_mul(1_000_000_000)),
                packages: run.packages.clone(),
                files: run.files,
            })
            .collect(),
        times_only: compared.times_count,
        unseen: compared.unseen,
        gaps: gaps(&checked.gaps, look),
    }
}

fn difference(difference: &Difference, during_packages: bool) -> wire::BaselineDifference {
    wire::BaselineDifference {
        path: text::from_bytes(difference.path()),
        change: difference.change.name().to_owned(),
        fields: difference.fields.iter().map(|field| field.name().to_owned()).collect(),
        time_kept: difference.keeps_time(),
        rights_gained: difference.gains_rights(),
        during_packages,
        was: difference.was.as_deref().map(file),
        now: difference.now.as_deref().map(file),
    }
}

fn file(row: &BaselineRow) -> wire::BaselineFile {
    let digest = |digest: Option<[u8; 32]>| digest.map(|digest| text::hex(&digest));
    let attributes = row.attributes.iter();
    wire::BaselineFile {
        kind: row.kind().name().to_owned(),
        mode: format!("{:04o}", row.mode & 0o7777),
        uid: row.uid,
        gid: row.gid,
        size: row.size,
        inode: row.inode,
        links: row.links,
        mtime: time(row.modified),
        ctime: time(row.changed),
        btime: row.born.map(time),
        flags: row.flags,
        target: row.target.as_deref().map(text::from_bytes),
        attributes: attributes
            .map(|(name, value)| (text::from_bytes(name), text::hex(value)))
            .collect(),
        package: Some(text::from_bytes(&row.package)).filter(|package| !package.is_empty()),
        blake3: digest(row.blake3),
        sha256: digest(row.sha256),
    }
}

/// Returns nanoseconds since 1970 as RFC 3339.
fn time(nanoseconds: i64) -> String {
    stanch_incident::rfc3339(nanoseconds)
}
