//! What was taken away as a document, and what a document tells of what was found.

use stanch_incident::eradication::{Item, Suspect, Was};
use stanch_wire as wire;
use stanch_words::{Level, Subject, SubjectKind};

/// Returns `stanch.quarantine/1`.
pub fn quarantine(items: &[Item]) -> wire::Quarantine {
    wire::Quarantine {
        schema: wire::Quarantine::SCHEMA.to_owned(),
        items: items.iter().map(item).collect(),
    }
}

fn item(item: &Item) -> wire::QuarantineItem {
    let file = match &item.was {
        Was::File(file) => Some(file),
        _ => None,
    };
    let target = match &item.was {
        Was::Link { target, .. } => Some(target.clone()),
        _ => None,
    };
    wire::QuarantineItem {
        id: item.deed.id.clone(),
        act: item.deed.step.act.clone(),
        time: item.deed.time.clone(),
        path: item.path.clone(),
        can_come_back: item.is_there,
        kept_at: item.place.as_ref().map(|place| place.display().to_string()),
        target,
        size: file.map(|file| file.size),
        sha256: file.map(|file| file.sha256.clone()),
        mode: file.map(|file| format!("{:04o}", file.mode)),
        uid: file.map(|file| file.uid),
        gid: file.map(|file| file.gid),
        flags: file.map(|file| file.flags),
        attributes: file.map(|file| file.attributes.iter().cloned().collect()).unwrap_or_default(),
    }
}

/// Returns what a finding of a report tells; nothing if its level or kind is none.
pub fn suspect(finding: &wire::Finding) -> Option<Suspect> {
    let entity = &finding.entity;
    let subject = Subject {
        kind: SubjectKind::from_name(&entity.kind)?,
        pid: entity.pid,
        start: entity.start,
        path: entity.path.clone(),
        name: entity.name.clone(),
        address: entity.address.clone(),
        port: entity.port,
    };
    let line = |one: &wire::Evidence| one.line.map(|at| (one.source.clone(), at));
    Some(Suspect {
        finding: finding.id.clone(),
        sign: finding.sign.clone(),
        level: Level::from_name(&finding.level)?,
        subject,
        lines: finding.evidence.iter().filter_map(line).collect(),
    })
}
