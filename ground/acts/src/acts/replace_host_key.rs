//! Puts a new key of the machine's own in the place of one that the intruder may have copied.
//!
//! Who has the private half of a machine's key can pass for it. The new one is Ed25519, which every
//! sshd since 2014 reads; keys of other kinds go into the vault, so that no old one is shown any
//! more. A new key has to lie in the vault until it is put in its place; then it is destroyed there.
//! sshd goes on with the old keys until it is told to read them anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stanch_ledger::Vault;
use stanch_machine::{Changing, Machine};
use stanch_words::{Both, Refusal, Risk, Step, text};

use crate::act::Trouble;
use crate::files::{self, Change, Met, State, Whole};
use crate::order::{Does, Ordered};
use crate::quarantine_file::QuarantineFile;
use crate::ssh;

pub use crate::ssh::host_key::NewHostKey;

/// Where keys of the machine lie unless sshd is told otherwise (sshd_config(5), `HostKey`).
const USUAL: [&str; 4] = [
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_dsa_key",
];

/// Replaces a key of the machine.
#[derive(Debug)]
pub struct ReplaceHostKey;

impl ReplaceHostKey {
    /// The act's name.
    pub const NAME: &'static str = "replace_host_key";

    /// Plans it for all of the machine's keys: the new one with its public half, and the others into
    /// the vault. The machine is not touched.
    ///
    /// # Errors
    /// [`Trouble`] if the keys cannot be looked at, or the vault not be written.
    pub fn plan(
        machine: &dyn Machine,
        new: &NewHostKey,
        vault: &Vault,
    ) -> Result<Vec<Result<Step, Refusal>>, Trouble> {
        if let Some(refusal) = not_offered(machine) {
            return Ok(vec![Err(refusal)]);
        }
        let named = ssh::values(machine, "hostkey");
        let named: Vec<PathBuf> =
            named.iter().map(PathBuf::from).filter(|path| path.is_absolute()).collect();
        let usual = USUAL.iter().map(PathBuf::from);
        let is_new = |path: &&PathBuf| path.to_string_lossy().contains("ed25519");
        // One that sshd reads: it starts with no other.
        let place = named.iter().find(is_new).or(named.first()).cloned();
        let place = place.unwrap_or_else(|| PathBuf::from("/etc/ssh/ssh_host_ed25519_key"));
        let mut steps = vec![
            Self::half(machine, &place, Half::Private, new, vault)?,
            Self::half(machine, &beside(&place), Half::Public, new, vault)?,
        ];
        let others: BTreeSet<PathBuf> =
            named.iter().cloned().chain(usual).filter(|path| *path != place).collect();
        for path in others.iter().flat_map(|path| [path.clone(), beside(path)]) {
            let met = Met::at(machine, &path)?;
            if met.seen.state != State::Absent {
                steps.push(QuarantineFile::plan(&met, vault));
            }
        }
        Ok(steps)
    }

    fn half(
        machine: &dyn Machine,
        path: &Path,
        half: Half,
        new: &NewHostKey,
        vault: &Vault,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let met = Met::at(machine, path)?;
        let name = text::escaped(&met.path.to_string_lossy());
        let (content, mode) = match half {
            Half::Private => (new.private().as_bytes(), 0o600),
            Half::Public => (new.public().as_bytes(), 0o644),
        };
        let attributes = match &met.seen.state {
            State::File(there) => there.attributes.clone(),
            _ => Vec::new(),
        };
        let sha256 = files::lay(vault, content)?;
        let (size, fingerprint) = (content.len() as u64, new.fingerprint());
        let to = Whole { mode, uid: 0, gid: 0, size, sha256, modified: None, attributes, flags: 0 };
        let (en, zh) = match half {
            Half::Private => ("a new key of the machine", "新的主机密钥"),
            Half::Public => ("the public half of the machine's new key", "新主机密钥的公钥"),
        };
        let change = Change {
            act: Self::NAME,
            to: State::File(to),
            without: Vec::new(),
            asked: Both::new(format!("put {en} at `{name}`"), format!("在 `{name}` 放置{zh}")),
            does: Both::new(
                format!("Puts {en} at `{name}`: {fingerprint}; the old one goes into the vault."),
                format!("在 `{name}` 放置{zh}：{fingerprint}；旧密钥移入证物库。"),
            ),
            risk: Risk::Service,
        };
        Ok(change.step(&met, vault))
    }
}

/// Returns why it is not done where sshd is told to offer no key of this kind: it would start, and
/// let nobody in any more.
fn not_offered(machine: &dyn Machine) -> Option<Refusal> {
    // Red Hat's policies say it in a file that is included; in FIPS mode without this kind.
    let lists = ssh::values(machine, "hostkeyalgorithms");
    let is_shut = |list: &String| match list.strip_prefix('-') {
        Some(without) => without.contains("ed25519") || without.contains('*'),
        None => !list.starts_with(['+', '^']) && !list.contains("ssh-ed25519"),
    };
    lists.iter().any(is_shut).then(|| Refusal {
        asked: Both::new("replace the keys of the machine", "更换主机密钥"),
        why: Both::new(
            "sshd is told to offer no key of Ed25519 (`HostKeyAlgorithms`): nobody could come in any more",
            "sshd 配置为不提供 Ed25519 密钥（`HostKeyAlgorithms`）：更换后将无人能够登录",
        ),
    })
}

#[derive(Clone, Copy)]
enum Half {
    Private,
    Public,
}

/// Returns where the public half of a key lies.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// The change of a file whose new content is kept nowhere else once it is in its place.
#[derive(Debug)]
pub(crate) struct Order(files::Order);

impl Order {
    /// Destroys the copy in the vault of what was put in its place, or is not put there any more.
    fn forget(&self) -> Result<(), Trouble> {
        let (vault, new) = (self.0.vault(), self.0.to.sha256());
        let is_old = |new: &&String| self.0.from.sha256() == Some(new);
        match new.filter(|new| !is_old(new) && vault.has(new)) {
            Some(new) => vault.purge(new).map_err(|source| Trouble::Vault { source }),
            None => Ok(()),
        }
    }
}

impl Does for Order {
    fn read(act: &'static str, text: &str) -> Result<Self, Trouble> {
        files::Order::read(act, text).map(Self)
    }

    fn look(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        self.0.look(machine)
    }

    fn apply(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble> {
        self.0.apply(hands, act)?;
        self.forget()
    }

    fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        self.0.verify(machine)
    }

    fn undo(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble> {
        self.0.undo(hands, act)?;
        self.forget()
    }

    fn overwritten(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        self.0.overwritten(machine)
    }
}

impl Ordered for ReplaceHostKey {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn planned(machine: &Pretend, of: u8) -> Vec<String> {
        let folder = format!("stanch-host-key-{}-{of}", std::process::id());
        let vault = Vault::at(std::env::temp_dir().join(folder).join("vault"));
        let new = NewHostKey::of([of; 32]);
        let steps = ReplaceHostKey::plan(machine, &new, &vault).unwrap();
        let told = |step: Result<Step, Refusal>| {
            let step = step.unwrap();
            assert!(!step.order.contains("BEGIN"), "{}", step.order);
            format!("{} {}", step.act, step.subject.path.unwrap())
        };
        steps.into_iter().map(told).collect()
    }

    #[test]
    fn where_sshd_offers_no_such_key_none_is_put() {
        for (list, is_shut) in [
            ("rsa-sha2-512,rsa-sha2-256", true),
            ("-ssh-ed25519", true),
            ("-ssh-*", true),
            ("-ssh-dss", false),
            ("+ssh-rsa", false),
            ("ssh-ed25519,rsa-sha2-512", false),
        ] {
            let config = format!("Include conf.d/*\nInclude conf.d/*\nHostKeyAlgorithms {list}\n");
            let machine = Pretend::new()
                .file("/etc/ssh/sshd_config", &*config)
                .file("/etc/ssh/conf.d/round", "Include /etc/ssh/sshd_config\n");
            assert_eq!(not_offered(&machine).is_some(), is_shut, "{list}");
        }
    }

    #[test]
    fn the_new_key_lies_where_sshd_looks_and_no_old_one_stays() {
        let machine = Pretend::new()
            .file("/etc/ssh/sshd_config", "Port 22\n")
            .file("/etc/ssh/ssh_host_rsa_key", "old")
            .file("/etc/ssh/ssh_host_rsa_key.pub", "old")
            .file("/etc/ssh/ssh_host_ed25519_key", "old");
        assert_eq!(
            planned(&machine, 1),
            [
                "replace_host_key /etc/ssh/ssh_host_ed25519_key",
                "replace_host_key /etc/ssh/ssh_host_ed25519_key.pub",
                "quarantine_file /etc/ssh/ssh_host_rsa_key",
                "quarantine_file /etc/ssh/ssh_host_rsa_key.pub",
            ]
        );
        let named = Pretend::new()
            .file("/etc/ssh/sshd_config", "HostKey /etc/keys/machine\nHostKey /etc/keys/two\n")
            .file("/etc/keys/two", "old");
        assert_eq!(
            planned(&named, 2),
            [
                "replace_host_key /etc/keys/machine",
                "replace_host_key /etc/keys/machine.pub",
                "quarantine_file /etc/keys/two",
            ]
        );
    }
}
