//! What was done and taken back, and what did not work about it: the same for every phase.

use stanch_incident::deeds::ActError;
use stanch_incident::{Deed, LedgerError, RunError, State};
use stanch_words::{Both, text};

use crate::pages::ledger;
use crate::texts::system;
use crate::{Look, Report, Sheet, Trouble};

/// Returns what is said after acts were taken back, or gone on with.
pub fn dealt(deeds: &[Deed], look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for deed in deeds {
        let state = state(deed.state);
        sheet.prose(0, &format!("{}  {}", deed.id, look.text(&state)));
        sheet.prose(2, look.text(&deed.step.does));
    }
    sheet.finish()
}

/// Returns how an act stands, in words.
pub fn state(state: State) -> Both {
    match state {
        State::CutOff => Both::new("cut off half-way: resume or undo it", "中途中断：请继续或撤销"),
        State::Done => Both::new("done", "已执行"),
        State::Failed => Both::new("failed and taken back", "失败并已还原"),
        State::UndoCutOff => {
            Both::new("its undo was cut off: undo it again", "撤销中断：请再次撤销")
        }
        State::Undone => Both::new("undone", "已撤销"),
    }
}

/// Returns the report of what did not work. `plan` is the command that plans anew.
pub fn trouble(error: &ActError, plan: &str) -> Report {
    let because = because(error);
    let because = |report: Report| report.because(system::both(&because));
    match error {
        ActError::Unseen(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the machine could not be looked at", "无法查看这台机器"),
        ))
        .next(Both::new(
            "run it as root, on the running machine",
            "请在运行中的机器上以 root 执行",
        )),
        ActError::NotOurs(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the machine cannot be changed from here", "无法在此改动这台机器"),
        ))
        .next(Both::new("run it as root", "以 root 执行")),
        ActError::NotPossible(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the kernel does not take the rules", "内核不接受这些规则"),
        ))
        .next(Both::new(
            "have the switch port, the hypervisor or the cloud's security group cut it",
            "请从交换机端口、虚拟化平台或云安全组断网",
        )),
        ActError::Ledger(LedgerError::InUse { .. }) => because(Report::new(
            Trouble::Refused,
            Both::new("another process is writing to the case", "另一个进程正在写入该案件"),
        ))
        .next(Both::new("wait for it to end, and try again", "等它结束后再试")),
        ActError::Ledger(error) if ledger::is_unreadable(error) => ledger::broken(error),
        ActError::Ledger(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the case's ledger does not take the record", "案件台账无法写入"),
        ))
        .next(Both::new(
            "give a folder that can be written with `--case DIR`",
            "用 `--case DIR` 指定可写的目录",
        )),
        ActError::Run(error) => because(run_trouble(error, plan)),
        ActError::NoPlan { id } => wrong(
            (format!("there is no plan `{id}` in the case"), format!("案件中没有方案 `{id}`")),
            Both::new(plan, plan),
        ),
        ActError::Needed { by, .. } => Report::new(
            Trouble::Refused,
            Both::new(
                format!("{by} needs the same content to be taken back"),
                format!("撤销 {by} 需要同一内容"),
            ),
        )
        .next(Both::new("stanch quarantine list", "stanch quarantine list")),
        ActError::NoDeed { id } => wrong(
            (format!("there is no act `{id}` in the case"), format!("案件中没有处置 `{id}`")),
            Both::new("stanch", "stanch"),
        ),
    }
}

/// Returns the report of a command that asked for what is not there, and what there is instead.
pub(crate) fn wrong((en, zh): (String, String), next: Both) -> Report {
    Report::new(Trouble::WrongUse, Both::new(en, zh)).next(next)
}

fn run_trouble(error: &RunError, plan: &str) -> Report {
    match error {
        RunError::Failed { .. } => Report {
            left_as: Both::new(
                "this step was taken back; those before it stand, and `stanch` lists them",
                "这一步已还原；之前各步仍然有效，可用 `stanch` 查看",
            ),
            ..Report::new(
                Trouble::Undone,
                Both::new("a step failed and was taken back", "有一步失败，已还原"),
            )
        },
        RunError::Stuck { .. } => Report {
            left_as: Both::new(
                "changed in part: a person is needed",
                "只改动了一部分，需要人工处理",
            ),
            ..Report::new(
                Trouble::Stuck,
                Both::new("a step failed and could not be taken back", "有一步失败，且未能还原"),
            )
        }
        .next(Both::new("stanch", "stanch")),
        RunError::Stale { .. } => Report::new(
            Trouble::Refused,
            Both::new(
                "the machine has changed since the plan was made",
                "方案制定之后，机器状态已变化",
            ),
        )
        .next(Both::new(plan, plan)),
        RunError::Overwrites { .. } => Report::new(
            Trouble::Refused,
            Both::new(
                "something came there since the act, and taking it back would overwrite that",
                "处置之后那里又有改动，撤销会将其覆盖",
            ),
        )
        .next(Both::new("put it right by hand", "请人工处理该处改动")),
        RunError::Irreversible { .. } => {
            Report::new(Trouble::Refused, Both::new("it has no way back", "该处置无法撤销"))
        }
        _ => Report::new(Trouble::Refused, Both::new("it was not done", "没有执行"))
            .next(Both::new("stanch", "stanch")),
    }
}

/// Returns what caused it, in the system's words; what happened is said already.
fn because(error: &ActError) -> String {
    let mut words = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words.push(text::escaped(&error.to_string()));
        source = error.source();
    }
    words.join(": ")
}
