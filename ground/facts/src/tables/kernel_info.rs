//! Which kernel runs, started how.
//!
//! Source: uname(2), proc_version(5), proc_cmdline(5), `/sys/kernel/security/lockdown`.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::lines::words;

table_spec! {
    /// The running kernel.
    pub static SPEC, col = "kernel_info": Live, "The running kernel, one row.";
    version Text Plain "Kernel release.";
    arguments Text Plain "Boot arguments without image and root device.";
    path Text Plain "Kernel image, if the boot loader told it (BOOT_IMAGE).";
    device Text Plain "Root device of the boot arguments.";
    build Text Plain "Build and compiler, from /proc/version.";
    tainted BigInt Plain "Taint mask, 0 for none.";
    lockdown Text Plain "Lockdown mode: none, integrity, confidentiality; empty without lockdown.";
    modules_disabled Integer Plain "1 if modules can no longer be loaded; empty if the kernel has no modules.";
    kptr_restrict Integer Plain "How kernel addresses are hidden (sysctl kernel.kptr_restrict).";
}

/// Asks the kernel.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    let [_system, _node, release, ..] = kernel.uname();
    let file = |path: &str, seen: &mut Seen| {
        let bytes = host.read(SPEC.name, Path::new(path), limits::PSEUDO_FILE, seen);
        bytes.map(|bytes| bytes.trim_ascii().to_vec())
    };
    let arguments = file("/proc/cmdline", seen).unwrap_or_default();
    let mut row = arguments_row(&arguments);
    let lockdown = file("/sys/kernel/security/lockdown", seen).unwrap_or_default();
    row.put(col::version, release)
        .put(col::build, file("/proc/version", seen).as_deref())
        .put(col::tainted, number(file("/proc/sys/kernel/tainted", seen)))
        .put(col::lockdown, chosen(&lockdown))
        .put(col::modules_disabled, number(file("/proc/sys/kernel/modules_disabled", seen)))
        .put(col::kptr_restrict, number(file("/proc/sys/kernel/kptr_restrict", seen)));
    seen.push(row);
}

fn number(bytes: Option<Vec<u8>>) -> Option<i64> {
    crate::lines::number(&bytes?)
}

/// Returns the word in brackets: the kernel shows `none [integrity] confidentiality`.
fn chosen(text: &[u8]) -> &[u8] {
    words(text).find_map(|word| word.strip_prefix(b"[")?.strip_suffix(b"]")).unwrap_or_default()
}

fn arguments_row(line: &[u8]) -> stanch_words::Row {
    let (mut path, mut device) = (&b""[..], &b""[..]);
    let mut others = Vec::new();
    for word in words(line) {
        if let Some(image) = word.strip_prefix(b"BOOT_IMAGE=") {
            path = image;
        } else if let Some(root) = word.strip_prefix(b"root=") {
            device = root;
        } else {
            others.push(word);
        }
    }
    let mut row = SPEC.row();
    row.put(col::arguments, crate::lines::text_of(others.into_iter()))
        .put(col::path, path)
        .put(col::device, device);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_taken_apart() {
        let row = arguments_row(b"BOOT_IMAGE=/vmlinuz-6.1 root=UUID=1-2 ro quiet \xff=1");
        assert_eq!(row.get(col::path).as_text(), Some("/vmlinuz-6.1"));
        assert_eq!(row.get(col::device).as_text(), Some("UUID=1-2"));
        assert_eq!(row.get(col::arguments).as_text(), Some("ro quiet \\xff=1"));
        assert_eq!(chosen(b"none [integrity] confidentiality\n"), b"integrity");
        assert_eq!(chosen(b""), b"");
    }
}
