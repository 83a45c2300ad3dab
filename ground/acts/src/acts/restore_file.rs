//! Puts a file of a package back as the package brings it.
//!
//! What the package brings was taken out of its package file when the plan was made, compared with
//! the digest that is known of it, and lies in the vault; no script of the package is run. What was
//! there before goes into the vault as well. The new file takes the place of the old one in one
//! step, so that a library or a loader is never missing, not for a moment.

use stanch_ledger::Vault;
use stanch_words::{Both, Refusal, Risk, Step, text};

use crate::act::Trouble;
use crate::files::{self, Change, Met, Order, State, Whole};
use crate::order::Ordered;

/// Puts a file of a package back.
#[derive(Debug)]
pub struct RestoreFile;

/// A file as its package brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The package and its version, as a person writes them.
    pub package: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When it was made, in nanoseconds since 1970.
    pub modified: i64,
}

impl RestoreFile {
    /// The act's name.
    pub const NAME: &'static str = "restore_file";

    /// Plans it, and lays what is to be put there into the vault. The machine is not touched.
    ///
    /// # Errors
    /// [`Trouble`] if the vault does not take it; a [`Refusal`] if it is there already.
    pub fn plan(
        met: &Met,
        shipped: &Shipped,
        vault: &Vault,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let name = text::escaped(&met.path.to_string_lossy());
        let package = text::escaped(&shipped.package);
        let attributes = match &met.seen.state {
            // No package brings an ACL: one that is there lets somebody write what is put back. A
            // label of SELinux or a capability is set by scripts of packages, and stays.
            State::File(there) => {
                let kept = there.attributes.iter();
                kept.filter(|(name, _)| name != "system.posix_acl_access").cloned().collect()
            }
            _ => Vec::new(),
        };
        let to = Whole {
            mode: shipped.mode & 0o7777,
            uid: shipped.uid,
            gid: shipped.gid,
            size: shipped.content.len() as u64,
            sha256: files::sha256(&shipped.content),
            modified: Some(shipped.modified),
            attributes,
            flags: 0,
        };
        let asked = Both::new(
            format!("put `{name}` back as package {package} brings it"),
            format!("按软件包 {package} 还原 `{name}`"),
        );
        if met.seen.state == State::File(to.clone()) {
            let why = Both::new("it is as shipped", "它与软件包一致");
            return Ok(Err(Refusal { asked, why }));
        }
        files::lay(vault, &shipped.content)?;
        let change = Change {
            act: Self::NAME,
            to: State::File(to),
            without: Vec::new(),
            does: Both::new(
                format!(
                    "Puts `{name}` back as package {package} brings it; what is there goes into the vault."
                ),
                format!("按软件包 {package} 还原 `{name}`，现有文件移入隔离区。"),
            ),
            asked,
            risk: Risk::Service,
        };
        Ok(change.step(met, vault))
    }
}

impl Ordered for RestoreFile {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
