//! Ends the sessions of an account: whatever runs as it, and whatever was started by who logged in
//! as it.
//!
//! The audit login uid is set once at login and stays through `su`, `sudo`, `tmux` and whatever is
//! started, so that children under another uid are found, and so is sshd's process of a connection
//! over which new channels could be opened (ControlMaster, M31). This session's own are spared.

use stanch_machine::Machine;
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo, text};

use crate::act::Trouble;
use crate::ending::{Order, Whom};
use crate::freezing::{self, Way};
use crate::lock_account::found;
use crate::order::{self, Ordered};
use crate::processes;

/// How many processes are named before the rest is counted.
const NAMED: usize = 12;

/// Ends the sessions of an account.
#[derive(Debug)]
pub struct EndSessions;

impl EndSessions {
    /// The act's name.
    pub const NAME: &'static str = "end_sessions";

    /// Plans it; nothing if it has no sessions. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(
        machine: &dyn Machine,
        name: &str,
    ) -> Result<Result<Option<Step>, Refusal>, Trouble> {
        let shown = text::escaped(name);
        let account = match found(machine, name)? {
            Ok(account) => account,
            Err(why) => {
                let asked = Both::new(
                    format!("end the sessions of `{shown}`"),
                    format!("结束 `{shown}` 的会话"),
                );
                return Ok(Err(Refusal { asked, why }));
            }
        };
        let now = machine.kernel().ok_or(Trouble::NotLive)?.monotonic();
        let way = Way::of(machine, &format!("stanch-sessions-{}-{now}", account.uid));
        let whom = Whom::Account { name: name.to_owned(), uid: account.uid };
        let mut order = Order { v: 1, whom, way, members: Vec::new() };
        let found = order.find(machine)?;
        if found.is_empty() {
            return Ok(Ok(None));
        }
        order.members = found.iter().map(|&one| freezing::member(machine, one)).collect();
        let told = |pid: i64| {
            let name = processes::told(machine, pid).map(|told| told.name).unwrap_or_default();
            format!("{pid} (`{}`)", text::escaped(&name))
        };
        let mut list: Vec<String> = found.iter().take(NAMED).map(|one| told(one.pid)).collect();
        if found.len() > NAMED {
            list.push("…".to_owned());
        }
        let (count, list) = (found.len(), list.join(", "));
        let mut subject = Subject::new(SubjectKind::Account);
        subject.name = Some(name.to_owned());
        Ok(Ok(Some(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: Both::new(
                format!(
                    "Ends the sessions of `{shown}`, after what they run was kept: processes {list}, {count} in all."
                ),
                format!("留存证物后结束 `{shown}` 的会话：进程 {list}，共 {count} 个。"),
            ),
            undo: Undo::Irreversible {
                why: Both::new(
                    "a session that was ended cannot be brought back; logging in anew is another",
                    "会话结束后无法恢复，只能重新登录",
                ),
            },
            risk: Risk::Service,
            met: order.state(machine)?,
            order: order::text(&order),
        })))
    }
}

impl Ordered for EndSessions {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
