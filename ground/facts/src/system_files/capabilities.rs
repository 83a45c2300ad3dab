//! Capabilities that a program gets from its file.
//!
//! Source: capabilities(7), `linux/capability.h` (`struct vfs_cap_data`); names in the kernel's
//! order.

use stanch_words::Seen;

use super::Survey;
use crate::Host;
use crate::privileged::Privileged;

/// The attribute that keeps them.
pub(crate) const ATTRIBUTE: &str = "security.capability";

/// Names by number, without `cap_`.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Puts them to the files that have them.
pub(super) fn read(host: &Host, survey: &mut Survey, seen: &mut Seen) {
    let privileged = Privileged::of(host, seen);
    if privileged.capabilities.is_empty() {
        return;
    }
    for number in 0..survey.files.len() {
        let path = survey.files.get(number).map(|file| survey.path(file)).unwrap_or_default();
        let found = privileged.capabilities.get(&path);
        if let (Some(file), Some((text, _))) = (survey.files.get_mut(number), found) {
            file.capabilities = (**text).into();
        }
    }
}

/// Returns capabilities as getcap(8) writes them: `cap_net_raw=ep`; `damaged` if they are not to
/// be understood.
pub(crate) fn text(bytes: &[u8]) -> String {
    let number = |place: usize| {
        let words = bytes.as_chunks::<4>().0;
        words.get(place).map(|word| u32::from_le_bytes(*word))
    };
    // The revision: 1 has 32 capabilities, 2 and 3 have 64 (linux/capability.h).
    let sets = number(0).and_then(|magic| match (magic >> 24, bytes.len()) {
        (1, 12) => Some((magic, number(1)?.into(), number(2)?.into())),
        (2, 20) | (3, 24) => {
            let both = |low: Option<u32>, high: Option<u32>| {
                Some(u64::from(high?) << 32 | u64::from(low?))
            };
            Some((magic, both(number(1), number(3))?, both(number(2), number(4))?))
        }
        _ => None,
    });
    let Some((magic, permitted, inheritable)): Option<(u32, u64, u64)> = sets else {
        return "damaged".to_owned();
    };
    let names = |set: u64| {
        let has = |bit: usize| set.checked_shr(u32::try_from(bit).unwrap_or(64)).unwrap_or(0) & 1;
        let known = NAMES.iter().enumerate().filter(move |(bit, _)| has(*bit) == 1);
        let mut names: Vec<String> = known.map(|(_, name)| format!("cap_{name}")).collect();
        names
            .extend((NAMES.len()..64).filter(|&bit| has(bit) == 1).map(|bit| format!("cap_{bit}")));
        names.join(",")
    };
    let effective = if magic & 1 == 1 { "e" } else { "" };
    let mut parts = Vec::new();
    let both = permitted & inheritable;
    for (set, flags) in [
        (both, format!("{effective}ip")),
        (permitted & !both, format!("{effective}p")),
        (inheritable & !both, format!("{effective}i")),
    ] {
        if set != 0 {
            parts.push(format!("{}={flags}", names(set)));
        }
    }
    parts.join(" ")
}

/// Returns the names in a text of capabilities, sorted, without what may be done with them: rpm
/// and getcap(8) write that in several ways.
pub(crate) fn names_in(text: &str) -> Vec<&str> {
    let cut = |word: &str| word.find(['=', '+', '-']).unwrap_or(word.len());
    let lists = text.split_whitespace().filter_map(|word| word.get(..cut(word)));
    let mut names: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn capabilities_as_the_kernel_keeps_them() {
        // What `setcap cap_net_raw=ep` and `setcap cap_setuid+ep` write.
        assert_eq!(text(&made(&[0x0200_0001, 1 << 13, 0, 0, 0])), "cap_net_raw=ep");
        assert_eq!(text(&made(&[0x0200_0001, 1 << 7, 0, 0, 0])), "cap_setuid=ep");
        assert_eq!(text(&made(&[0x0100_0000, 1 << 7 | 1, 0])), "cap_chown,cap_setuid=p");
        assert_eq!(
            text(&made(&[0x0300_0000, 0, 1, 1 << 8, 0, 1000])),
            "cap_checkpoint_restore=p cap_chown=i"
        );
        assert_eq!(text(&made(&[0x0200_0001, 0, 0, 1 << 31, 0])), "cap_63=ep");
    }

    #[test]
    fn damage_is_told() {
        for bytes in [&b""[..], b"\0", &made(&[0x0200_0001, 1]), &made(&[0x0900_0000, 1, 1, 1, 1])]
        {
            assert_eq!(text(bytes), "damaged");
        }
        assert_eq!(text(&made(&[0x0200_0000, 0, 0, 0, 0])), "");
    }

    #[test]
    fn names_are_the_same_however_they_are_written() {
        for text in ["cap_net_admin,cap_net_raw=p", "cap_net_raw+ep cap_net_admin=ep"] {
            assert_eq!(names_in(text), ["cap_net_admin", "cap_net_raw"]);
        }
        assert_eq!(names_in(""), Vec::<&str>::new());
    }
}
