//! Takes rights off a file that nobody should have by it: set-id bits, capabilities, ACLs, locks.
//!
//! The content stays. What was taken off stands in the ledger and comes back when it is undone.

use stanch_ledger::Vault;
use stanch_machine::filing::{APPEND, IMMUTABLE};
use stanch_words::{Both, Refusal, Risk, Step, text};

use crate::files::{Change, Met, Order, State, Whole};
use crate::order::Ordered;

/// Takes rights off a file.
#[derive(Debug)]
pub struct ClearRights;

/// The attributes that give rights: capabilities, and ACLs (capabilities(7), acl(5)).
const GIVING: [&str; 3] =
    ["security.capability", "system.posix_acl_access", "system.posix_acl_default"];

/// Which rights are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Set-id bits, capabilities and ACLs.
    Rights,
    /// The locks that keep even root from changing it (`chattr +i`, `+a`).
    Locks,
}

impl ClearRights {
    /// The act's name.
    pub const NAME: &'static str = "clear_rights";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// A [`Refusal`] if it is no regular file, or has no such rights.
    pub fn plan(met: &Met, which: Which, vault: &Vault) -> Result<Step, Refusal> {
        let name = text::escaped(&met.path.to_string_lossy());
        let asked = Both::new(format!("take rights off `{name}`"), format!("收回 `{name}` 的权限"));
        let refuse = |en: &str, zh: &str| Refusal { asked: asked.clone(), why: Both::new(en, zh) };
        let State::File(whole) = &met.seen.state else {
            return Err(refuse("it is no regular file", "它不是普通文件"));
        };
        let (to, taken) = cleared(whole, which);
        if to == *whole {
            return Err(refuse("it has no such rights", "它没有这类权限"));
        }
        let taken = taken.join(", ");
        let change = Change {
            act: Self::NAME,
            to: State::File(to),
            without: Vec::new(),
            does: Both::new(
                format!("Takes {taken} off `{name}`."),
                format!("收回 `{name}` 的 {taken}。"),
            ),
            asked,
            risk: Risk::Service,
        };
        change.step(met, vault)
    }
}

/// Returns a file without rights, and their names.
fn cleared(whole: &Whole, which: Which) -> (Whole, Vec<String>) {
    /// Set-user-id and set-group-id.
    const SET_ID: u32 = 0o6000;
    let mut to = whole.clone();
    let mut taken = Vec::new();
    if which == Which::Locks {
        to.flags &= !(IMMUTABLE | APPEND);
        if to.flags != whole.flags {
            taken.push("chattr +i/+a".to_owned());
        }
        return (to, taken);
    }
    if whole.mode & SET_ID != 0 {
        to.mode &= !SET_ID;
        taken.push(format!("{:o}", whole.mode & SET_ID));
    }
    to.attributes.retain(|(name, _)| !GIVING.contains(&name.as_str()));
    let gone = whole.attributes.iter().filter(|(name, _)| GIVING.contains(&name.as_str()));
    for (name, value) in gone {
        if name == "system.posix_acl_access" {
            // With an ACL, the group bits of the mode are its mask (acl(5)): without it the group
            // would get what the mask allowed, in place of what its own entry gives.
            let group = group_of_acl(value).unwrap_or(0);
            to.mode = to.mode & !0o070 | group << 3;
        }
        taken.push(name.clone());
    }
    (to, taken)
}

/// Returns what an ACL gives the owning group (linux/posix_acl_xattr.h): after a version of four
/// bytes, entries of tag, permissions and id, of which tag 4 is the owning group.
fn group_of_acl(hex: &str) -> Option<u32> {
    const GROUP: &str = "0400";
    let entries = hex.get(8..)?.as_bytes().chunks_exact(16);
    let entry = entries.filter_map(|entry| std::str::from_utf8(entry).ok());
    let group = entry.into_iter().find(|entry| entry.starts_with(GROUP))?;
    u32::from_str_radix(group.get(4..6)?, 16).ok()
}

impl Ordered for ClearRights {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
