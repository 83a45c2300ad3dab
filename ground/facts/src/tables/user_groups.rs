//! Membership: which account is in which group.
//!
//! Source: passwd(5) for the primary group, group(5) for the others.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec, text};

use crate::Host;
use crate::accounts::{Account, Accounts};
use crate::tables::groups;

table_spec! {
    /// Membership of accounts in groups.
    pub static SPEC, col = "user_groups": Files, "Local accounts and the groups they are in, one row a pair.";
    uid BigInt Index "User id.";
    gid BigInt Index "Group id.";
    username Text Plain "The account's name.";
    groupname Text Plain "The group's name, if the group exists.";
    primary Integer Plain "1 for the account's primary group, from /etc/passwd.";
}

/// Reads `/etc/passwd` and `/etc/group`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let accounts = Accounts::of(host, SPEC.name, seen);
    let path = Path::new("/etc/group");
    let bytes = host.read(SPEC.name, path, limits::CONFIG_FILE, seen).unwrap_or_default();
    join(&accounts.all, &bytes, seen);
}

/// Joins accounts and group(5). A member that is no local account becomes a gap, counted.
fn join(accounts: &[Account], group_file: &[u8], seen: &mut Seen) {
    let mut uids: HashMap<&str, Vec<u32>> = HashMap::new();
    for account in accounts {
        uids.entry(&account.name).or_default().push(account.uid);
    }
    let groups: Vec<groups::Group<'_>> = groups::groups(group_file).flatten().collect();
    let mut names: HashMap<u32, &[u8]> = HashMap::new();
    for group in &groups {
        if let Some(gid) = group.gid {
            names.entry(gid).or_insert(group.name);
        }
    }
    let mut done: HashSet<(u32, u32)> = HashSet::new();
    let mut push = |uid: u32, gid: u32, user: &str, primary: bool, seen: &mut Seen| {
        if done.insert((uid, gid)) {
            let mut row = SPEC.row();
            row.put(col::uid, uid)
                .put(col::gid, gid)
                .put(col::username, user)
                .put(col::groupname, names.get(&gid).copied())
                .put(col::primary, primary);
            seen.push(row);
        }
    };
    for account in accounts {
        push(account.uid, account.gid, &account.name, true, seen);
    }
    let mut strangers = 0_u64;
    for group in &groups {
        let Some(gid) = group.gid else { continue };
        for member in group.members.split(|&b| b == b',').filter(|name| !name.is_empty()) {
            let member = text::from_bytes(member);
            match uids.get(&*member) {
                Some(uids) => uids.iter().for_each(|&uid| push(uid, gid, &member, false, seen)),
                None => strangers = strangers.saturating_add(1),
            }
        }
    }
    if strangers > 0 {
        let detail = format!("{strangers} members have no line in /etc/passwd");
        seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail).at("/etc/group"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn primary_and_other_groups_once_each() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/etc/group", "root:x:0:root\nsudo:x:27:ann,ghost\nann:x:1000:\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let pairs: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                let cell = |column| row.get(column).to_string();
                format!("{} {} {}", cell(col::username), cell(col::groupname), cell(col::primary))
            })
            .collect();
        assert_eq!(pairs, ["root root 1", "ann ann 1", "ann sudo 0"]);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "1 members have no line in /etc/passwd");
    }
}
