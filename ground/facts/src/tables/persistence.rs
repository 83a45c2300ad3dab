//! Everything that starts by itself or grants a way back, whatever starts it.
//!
//! Source: see `persistence`, whose list names each mechanism and its places.

use stanch_words::{Ask, Seen, table_spec};

use crate::{Host, persistence};

table_spec! {
    /// What starts by itself or lets somebody back in.
    pub static SPEC, col = "persistence": Files, "What starts by itself or grants a way back, one row for each thing that a place names, set beside what packages shipped.";
    catalogue Integer Plain "Number of the mechanism in the catalogue of persistence.";
    mechanism Text Index "Mechanism, such as systemd-unit, pam-module or git-hook.";
    class Text Plain "boot, schedule, login, loader, kernel, hook or service.";
    path Text Plain "File.";
    line Integer Plain "Line in the file, from 1; null where the whole file is meant.";
    starts Text Plain "The line or command as written; the path where the file itself is what runs.";
    target Text Plain "The file in which it ends: past shells, wrappers, symlinks and a script's interpreter where that is not a shipped one; empty if no file is named.";
    target_package Text Plain "Package that owns the target; empty if there is none.";
    target_state Text Plain "State of the target as in package_ownership; empty without a target.";
    package Text Plain "Package that owns the file; empty if there is none.";
    state Text Plain "State of the file: intact, altered, config (as shipped or not comparable), changed (a configuration file that is not as shipped), link (a symlink of nobody's to a shipped file), unverified, unowned, unknown.";
    score Integer Plain "How telling it is, 0 to 100: from 50 on it is worth a look of its own, from 80 on an administrator hardly ever does the same.";
    reasons Text Plain "Why, separated by blanks. Content: names of telling_commands' purposes, code-at-start, stands-for-login, hidden-line, shell-on-a-socket, another-init, kernel-helper, makes-a-way-back, lies-over-the-system, sets-variables, weakens. Places: temporary-path, hidden-path, only-packages-write-here, program-in-hidden-place, shadows-a-command, keeps-the-original, keys-elsewhere, second-key-file. What it ends in: target-unowned, target-altered, target-missing, preload, foreign-module, foreign-include, keys-from-a-program, runs-at-login. Rights: any-password, without-password, everybody, service-account, trusts-a-host, whole-host, unsigned-packages, set-id-of-nobody, never-shipped-so, copy-of-a-shell, root-by-capability, capability-of-nobody, access-list. The file: file-altered, locked (immutable or append-only).";
    uid BigInt Plain "Owner of the file.";
    gid BigInt Plain "Group of the file.";
    mode Text Plain "Permission bits, octal.";
    mtime BigInt Plain "Last change of the content, seconds since 1970: its owner can set it at will.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: nobody can set it.";
}

/// Reads every place of every mechanism.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    persistence::rows(host, ask, seen);
}
