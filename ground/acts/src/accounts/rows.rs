//! Rows of accounts that are taken out: one that shares root's number is root to the kernel, locked
//! or not.

use std::path::Path;

use stanch_machine::{Machine, limits};
use stanch_words::{Both, text};

use super::{PASSWD, SHADOW, administrators, can_log_in, read};
use crate::act::Trouble;
use crate::freezing::own_chain;
use crate::lock_account::own;

/// The files that have a row for each account; groups stay, since a number alone lets nobody in.
pub const FILES: [&str; 2] = [PASSWD, SHADOW];

/// Returns the numbers, from 1, of an account's rows in one of [`FILES`].
///
/// # Errors
/// [`Trouble`] if it cannot be read.
pub fn of(machine: &dyn Machine, path: &str, name: &str) -> Result<Vec<u64>, Trouble> {
    if path == SHADOW && machine.stat(Path::new(path)).is_err_and(|miss| miss.absent) {
        return Ok(Vec::new());
    }
    let bytes = read(machine, path)?;
    let is_its = |line: &[u8]| {
        line.strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b":"))
    };
    let rows = (1_u64..).zip(bytes.split(|&byte| byte == b'\n'));
    Ok(rows.filter(|(_, line)| !line.is_empty() && is_its(line)).map(|(row, _)| row).collect())
}

/// Returns why an account's rows have to stay, if they have to: it is root itself, the responder
/// came in by it, or nobody else comes in who may become root.
///
/// # Errors
/// [`Trouble`] if the accounts or the responder's own cannot be told.
pub fn stays(machine: &dyn Machine, name: &str) -> Result<Option<Both>, Trouble> {
    if name == "root" {
        return Ok(Some(Both::new("it is root's own row", "这是 root 自己的行")));
    }
    if came_in_by(machine, name)? {
        return Ok(Some(Both::new("you came in by it", "您正是以此账户登录")));
    }
    let own = own(machine)?;
    for other in administrators(machine)?.iter().filter(|one| one.name != name) {
        if own.contains(&other.uid) || can_log_in(machine, other)? {
            return Ok(None);
        }
    }
    Ok(Some(Both::new(
        "it is the last account that can come in and become root; make another first",
        "它是最后一个能登录并成为 root 的账户；请先另建一个",
    )))
}

/// Returns whether what we hang on names an account as the one that logged in: root's number does
/// not tell under which of its names.
fn came_in_by(machine: &dyn Machine, name: &str) -> Result<bool, Trouble> {
    let name = text::to_bytes(name);
    for pid in own_chain(machine)? {
        let place = Path::new("/proc").join(pid.to_string()).join("environ");
        let told = machine.read(&place, limits::ARGUMENTS).map(|read| read.bytes);
        let told = told.unwrap_or_default();
        let mut words = told.split(|&byte| byte == 0);
        let is_it = |word: &[u8]| {
            [&b"USER="[..], b"LOGNAME=", b"SUDO_USER="]
                .iter()
                .any(|key| word.strip_prefix(*key) == Some(&name))
        };
        if words.any(is_it) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn rows_are_an_accounts_own_and_no_others() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/bash\nagent2:x:1:1::/:/bin/sh\n+\nagent:x:0:0::/:/bin/sh\n+@x::::::\nagent:x:0:0::/:/bin/sh");
        let of = |path, name| super::of(&machine, path, name).unwrap();
        assert_eq!(of(PASSWD, "agent"), [4, 6]);
        assert_eq!(of(PASSWD, "+"), [3]);
        assert_eq!(of(PASSWD, "+@x"), [5]);
        assert_eq!(of(PASSWD, "gone"), Vec::<u64>::new());
        assert_eq!(of(SHADOW, "agent"), Vec::<u64>::new());
    }
}
