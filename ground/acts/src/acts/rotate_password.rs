//! Gives an account a new password, which the intruder does not know.
//!
//! The password is made by who plans, shown once, and kept nowhere: the order holds its hash alone.
//! The old one's hash goes into the vault, so that undoing can give it back.

use stanch_ledger::Vault;
use stanch_machine::Machine;
use stanch_words::sealed::Sealed;
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo, text};

use crate::accounts::SHADOW;
use crate::accounts::crypt;
use crate::accounts::lines::{self, CHANGED, Field, Order, PASSWORD};
use crate::act::Trouble;
use crate::files;
use crate::lock_account::{found, own};
use crate::order::{self, Does as _, Ordered};

/// A new password for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPassword {
    /// The account.
    pub name: String,
    /// The password, long and not to be guessed.
    pub password: Sealed<String>,
    /// Letters that make its hash unlike any other.
    pub salt: String,
}

/// Gives an account a new password.
#[derive(Debug)]
pub struct RotatePassword;

impl RotatePassword {
    /// The act's name.
    pub const NAME: &'static str = "rotate_password";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if the accounts cannot be read.
    pub fn plan(
        machine: &dyn Machine,
        new: &NewPassword,
        vault: &Vault,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let shown = text::escaped(&new.name);
        let asked =
            Both::new(format!("give `{shown}` a new password"), format!("为 `{shown}` 更换密码"));
        let refuse = |why: Both| Ok(Err(Refusal { asked: asked.clone(), why }));
        let account = match found(machine, &new.name)? {
            Ok(account) => account,
            Err(why) => return refuse(why),
        };
        let old = lines::word(machine, SHADOW, &new.name, PASSWORD)?.unwrap_or_default();
        if !old.starts_with('$') && !old.starts_with('_') {
            return refuse(Both::new(
                "it has no password that would be replaced",
                "它没有可更换的密码",
            ));
        }
        let hash = crypt::sha512(new.password.open(), &new.salt);
        let day = lines::word(machine, SHADOW, &new.name, CHANGED)?.unwrap_or_default();
        let today = machine.now().div_euclid(86_400).to_string();
        let fields = vec![
            Field::Sealed { at: PASSWORD, from: files::sha256(old.as_bytes()), to: hash },
            Field::Word { at: CHANGED, from: day, to: today },
        ];
        let order = Order {
            v: 1,
            name: new.name.clone(),
            uid: account.uid,
            vault: vault.folder().to_string_lossy().into_owned(),
            edits: lines::edit(machine, SHADOW, &new.name, fields)?.into_iter().collect(),
        };
        let mut subject = Subject::new(SubjectKind::Account);
        subject.name = Some(new.name.clone());
        let is_own = own(machine)?.contains(&account.uid);
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: Both::new(
                format!("Gives `{shown}` a new password, which is shown once and kept nowhere."),
                format!("为 `{shown}` 更换密码；新密码只显示一次，不作留存。"),
            ),
            undo: Undo::Possible,
            risk: if is_own { Risk::LockOut } else { Risk::Little },
            met: order.look(machine)?,
            order: order::text(&order),
        }))
    }
}

impl Ordered for RotatePassword {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
