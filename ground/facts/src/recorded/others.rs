//! Tables that another collector kept: rows of Velociraptor's artifacts, under our columns.
//!
//! Source: Velociraptor's artifacts Linux.Sys.Pslist and Linux.Network.Netstat.

use serde_json::Value as Json;
use stanch_machine::Machine;
use stanch_words::{Gap, GapKind, Seen, TableSpec};

use super::{BYTES, MEMORY, lines, value};

/// A table of ours, a record of theirs, and which of their columns is which of ours; a point leads
/// into an object.
type Other = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SOCKETS: &[(&str, &str)] = &[
    ("inode", "socket"),
    ("ProcessInfo.Pid", "pid"),
    ("State", "state"),
    ("LocalAddr", "local_address"),
    ("LocalPort", "local_port"),
    ("RemoteAddr", "remote_address"),
    ("RemotePort", "remote_port"),
];

const OTHERS: &[Other] = &[
    (
        "processes",
        "results/Linux.Sys.Pslist",
        &[
            ("Pid", "pid"),
            ("Ppid", "parent"),
            ("Name", "name"),
            ("CommandLine", "cmdline"),
            ("Exe", "path"),
            ("Deleted", "deleted"),
        ],
    ),
    ("process_open_sockets", "results/Linux.Network.Netstat/TCP4", SOCKETS),
    ("process_open_sockets", "results/Linux.Network.Netstat/TCP6", SOCKETS),
];

/// Returns a table as another collector kept it, if one did.
pub(super) fn read(machine: &dyn Machine, spec: &'static TableSpec) -> Option<Seen> {
    let mut seen = Seen::default();
    let mut is_kept = false;
    for (_, record, columns) in OTHERS.iter().filter(|other| other.0 == spec.name) {
        match machine.record(record, BYTES) {
            None => continue,
            Some(Ok(contents)) => parse(spec, columns, &contents.bytes, &mut seen),
            Some(Err(miss)) => seen.gap(miss.gap(spec.name)),
        }
        is_kept = true;
    }
    if is_kept {
        let detail = "another collector kept only some of its columns";
        seen.gap(Gap::new(spec.name, GapKind::NotHere, detail));
    }
    is_kept.then_some(seen)
}

fn parse(spec: &'static TableSpec, columns: &[(&str, &str)], bytes: &[u8], seen: &mut Seen) {
    let mut not_understood = 0_u64;
    let each = size_of_val(columns).saturating_add(spec.columns.len().saturating_mul(32));
    for line in lines(bytes) {
        if seen.rows.len().saturating_mul(each) > MEMORY {
            seen.gap(Gap::new(spec.name, GapKind::Truncated, "more rows would fill the memory"));
            break;
        }
        let Ok(Json::Object(theirs)) = serde_json::from_slice::<Json>(line) else {
            not_understood = not_understood.saturating_add(1);
            continue;
        };
        let mut row = spec.row();
        for (theirs_is, ours) in columns {
            let (first, rest) = theirs_is.split_once('.').unwrap_or((theirs_is, ""));
            let cell = theirs.get(first).filter(|_| rest.is_empty());
            let inside = theirs.get(first).and_then(|object| object.get(rest));
            let (Some(cell), Some(place)) = (cell.or(inside), spec.position(ours)) else {
                continue;
            };
            row.put(place, value(whole(cell), false));
        }
        seen.push(row);
    }
    if not_understood > 0 {
        let detail = format!("kept lines not understood: {not_understood}");
        seen.gap(Gap::new(spec.name, GapKind::Damaged, detail));
    }
}

/// Numbers that stand as text, as in their sockets' inodes, become numbers.
fn whole(cell: &Json) -> Json {
    let number = cell.as_str().and_then(|text| text.parse::<i64>().ok());
    number.map_or_else(|| cell.clone(), Json::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_others_stand_under_our_columns() {
        let bytes = br#"{"Pid":42,"Ppid":1,"Name":"x","CommandLine":"./x -o pool","Exe":"/tmp/.x (deleted)","Deleted":true,"Hash":{"MD5":"a"}}
[]
"#;
        let spec = crate::tables::find("processes").unwrap().spec;
        let mut seen = Seen::default();
        parse(spec, OTHERS[0].2, bytes, &mut seen);
        let of = |name: &str| seen.rows[0].get(spec.position(name).unwrap()).to_string();
        assert_eq!(
            (of("pid"), of("path"), of("deleted")),
            ("42".into(), "/tmp/.x (deleted)".into(), "1".into())
        );
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 1));
        let spec = crate::tables::find("process_open_sockets").unwrap().spec;
        let mut seen = Seen::default();
        let line = br#"{"inode":"77","State":"Established","ProcessInfo":{"Pid":42},"LocalAddr":"10.0.0.1","LocalPort":22,"RemoteAddr":"10.0.0.9","RemotePort":4444}"#;
        parse(spec, SOCKETS, line, &mut seen);
        let of = |name: &str| seen.rows[0].get(spec.position(name).unwrap()).to_string();
        assert_eq!(
            (of("pid"), of("remote_port"), of("socket")),
            ("42".into(), "4444".into(), "77".into())
        );
    }
}
