//! How the network stands, what was done, and what did not work.

use stanch_incident::containment::{ContainError, Cut, Holds, LEASE, emergency_line};
use stanch_incident::watch::{Tampered, WatchEnd};
use stanch_incident::{Deed, LedgerError, RunError, State};
use stanch_words::{Both, Lang, text};

use crate::{Look, Report, Sheet, Tone, Trouble};

/// Returns the page about how the network stands.
pub fn status(cut: Option<&Cut>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    match cut {
        None => sheet.prose(0, look.say("The network is not cut by us.", "本工具没有切断网络。")),
        Some(cut) => {
            sheet.prose(0, look.text(&cut.deed.step.does));
            sheet.prose(0, &time_left(cut, look));
            sheet.prose(0, &counted(cut, look));
            if cut.made_again > 0 {
                sheet.prose(0, &fought(cut.made_again, look));
            }
            sheet.heading("Next", "下一步");
            let command = "stanch contain release";
            sheet.line(format!("  {}", look.paint(Tone::Command, command)));
        }
    }
    sheet.finish()
}

fn counted(cut: &Cut, look: Look) -> String {
    let packets = super::detect::thousands(usize::try_from(cut.dropped).unwrap_or(usize::MAX));
    match look.lang {
        Lang::En => format!("{packets} packets were cut since the rules were made."),
        Lang::Zh => format!("规则生效以来已丢弃 {packets} 个数据包。"),
    }
}

fn fought(times: usize, look: Look) -> String {
    match look.lang {
        Lang::En => format!(
            "Its rules were tampered with and made again {times} times. If that was not you, somebody with root's rights is here now: have the switch, the hypervisor or the cloud cut the port."
        ),
        Lang::Zh => format!(
            "规则曾被改动并重建 {times} 次。若不是您所为，说明此刻有人持有 root 权限：请从交换机、虚拟化平台或云平台断开端口。"
        ),
    }
}

/// Returns the line that the watch says of something that it mended.
pub fn mended(tampered: Tampered, look: Look) -> String {
    let what = match tampered {
        Tampered::Removed => look.say("the rules were removed", "规则被删除"),
        Tampered::Changed => look.say("rules were changed", "规则被改动"),
        Tampered::Disarmed => look.say("the cut was disarmed", "断网被解除"),
        Tampered::NewDevice => look.say("a device came to the network", "出现新的网络设备"),
    };
    let made = look.say("; they were made again", "；已重建");
    format!("{what}{made}\n")
}

/// Returns what the watch says when it ends.
pub fn watched(end: WatchEnd, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(
        0,
        match end {
            WatchEnd::Released => {
                look.say("The network was opened again; the watch ends.", "断网已解除，看守结束。")
            }
            WatchEnd::RanOut => look.say(
                "The cut's time ran out, and the kernel has opened the network; the watch ends.",
                "断网时限已到，内核已放开网络，看守结束。",
            ),
        },
    );
    sheet.finish()
}

fn time_left(cut: &Cut, look: Look) -> String {
    let seconds = cut.left.unwrap_or(0);
    match (cut.holds, look.lang) {
        (Holds::Yes, Lang::En) => format!("It holds. The kernel opens it by itself in {seconds} s."),
        (Holds::Yes, Lang::Zh) => format!("断网有效，内核将在 {seconds} 秒后自动放开。"),
        (Holds::RanOut, Lang::En) => {
            "The time ran out: the kernel has opened it. The rules lie there without effect."
                .to_owned()
        }
        (Holds::RanOut, Lang::Zh) => "时限已到，内核已经放开；规则仍在，但不再起作用。".to_owned(),
        (Holds::Removed, Lang::En) => "It does not hold any more: somebody removed the rules, or the machine was started anew. If it was not you, have the switch or the hypervisor cut the port.".to_owned(),
        (Holds::Removed, Lang::Zh) => "断网已失效：规则被人删除，或机器重启过。若不是您所为，请从交换机或虚拟化平台断开端口。".to_owned(),
    }
}

/// Returns what is said after a cut: how to keep it, and how to get out of it. `watcher` is the
/// process that watches over it.
pub fn applied(deeds: &[Deed], cut: Option<&Cut>, watcher: Option<u32>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for deed in deeds {
        sheet.prose(0, &format!("{}  {}", deed.id, look.text(&deed.step.does)));
    }
    if let Some(cut) = cut {
        let (seconds, code) = (cut.left.unwrap_or(0), &cut.order.code);
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("It holds. The kernel opens the network again in {seconds} s unless you log in anew and confirm:"),
                Lang::Zh => format!("已生效。请在 {seconds} 秒内另开一个新连接登录并确认，否则内核会自动放开："),
            },
        );
        let command = format!("stanch contain confirm {code}");
        sheet.line(format!("  {}", look.paint(Tone::Command, &command)));
        if let Some(pid) = watcher {
            sheet.prose(
                0,
                &match look.lang {
                    Lang::En => format!("Process {pid} watches over it: if somebody removes the rules, they are made again at once, and `stanch contain status` tells of it."),
                    Lang::Zh => format!("进程 {pid} 正在看守：若有人删除规则，会立即重建，`stanch contain status` 会显示。"),
                },
            );
        }
        sheet.heading("To open it again", "如需放开");
        sheet.line(format!("  {}", look.paint(Tone::Command, "stanch contain release")));
        sheet.prose(
            2,
            look.say("or, without this program, at the console:", "没有本程序时，在控制台执行："),
        );
        let line = emergency_line();
        sheet.line(format!("  {}", look.paint(Tone::Command, look.text(&line))));
    }
    sheet.finish()
}

/// Returns what is said after a confirmation.
pub fn confirmed(look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let hours = LEASE / 3600;
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!(
                "Confirmed: the cut stands for {hours} h; confirm again before that to keep it."
            ),
            Lang::Zh => format!("已确认：断网保持 {hours} 小时；到期前再次确认即可延长。"),
        },
    );
    sheet.finish()
}

/// Returns what is said after an act was taken back, or gone on with.
pub fn dealt(deed: &Deed, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let state = state(deed.state);
    sheet.prose(0, &format!("{}  {}", deed.id, look.text(&state)));
    sheet.prose(2, look.text(&deed.step.does));
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

/// Returns the report of what did not work.
pub fn trouble(error: &ContainError) -> Report {
    let because = because(error);
    let because = |report: Report| report.because(Both::new(because.clone(), because.clone()));
    match error {
        ContainError::Unseen(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the machine could not be looked at", "无法查看这台机器"),
        ))
        .next(Both::new(
            "run it as root, on the running machine",
            "请在运行中的机器上以 root 执行",
        )),
        ContainError::NotOurs(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the machine cannot be changed from here", "无法在此改动这台机器"),
        ))
        .next(Both::new("run it as root", "以 root 执行")),
        ContainError::NotPossible(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the kernel does not take the rules", "内核不接受这些规则"),
        ))
        .next(Both::new(
            "have the switch port, the hypervisor or the cloud's security group cut it",
            "请从交换机端口、虚拟化平台或云安全组断网",
        )),
        ContainError::Ledger(LedgerError::InUse { .. }) => because(Report::new(
            Trouble::Refused,
            Both::new("another process is writing to the case", "另一个进程正在写入该案件"),
        ))
        .next(Both::new("wait for it to end, and try again", "等它结束后再试")),
        ContainError::Ledger(_) => because(Report::new(
            Trouble::Refused,
            Both::new("the case's ledger does not take the record", "案件台账无法写入"),
        ))
        .next(Both::new(
            "give a folder that can be written with `--case DIR`",
            "用 `--case DIR` 指定可写的目录",
        )),
        ContainError::Run(error) => because(run_trouble(error)),
        ContainError::OldConnection => Report::new(
            Trouble::Refused,
            Both::new(
                "this connection stood before the cut, so it does not prove that you can come in again",
                "这个连接在断网之前就已存在，不能证明您还能重新登录",
            ),
        )
        .next(Both::new("log in anew, and confirm there", "请另开新连接登录，在那里确认")),
        ContainError::NoPlan { .. }
        | ContainError::NoDeed { .. }
        | ContainError::NotCut
        | ContainError::TimeRanOut
        | ContainError::Removed
        | ContainError::WrongCode => not_there(error),
    }
}

/// Returns the report of what was asked for and is not there, or not so.
fn not_there(error: &ContainError) -> Report {
    match error {
        ContainError::NoPlan { id } => wrong(
            (format!("there is no plan `{id}` in the case"), format!("案件中没有方案 `{id}`")),
            Both::new("stanch contain plan", "stanch contain plan"),
        ),
        ContainError::NoDeed { id } => wrong(
            (format!("there is no act `{id}` in the case"), format!("案件中没有处置 `{id}`")),
            Both::new("stanch", "stanch"),
        ),
        ContainError::NotCut => wrong(
            ("the network is not cut by us".to_owned(), "本工具没有切断网络".to_owned()),
            Both::new("stanch contain plan --level isolate", "stanch contain plan --level isolate"),
        ),
        ContainError::TimeRanOut => wrong(
            (
                "the time ran out, and the kernel has opened the network".to_owned(),
                "时限已到，内核已放开网络".to_owned(),
            ),
            Both::new(
                "stanch contain release, then apply anew",
                "先 stanch contain release，再重新执行",
            ),
        ),
        ContainError::Removed => wrong(
            ("the rules of the cut are gone".to_owned(), "断网规则已不在".to_owned()),
            Both::new("stanch contain status", "stanch contain status"),
        ),
        // The code, which is all that is left.
        _ => wrong(
            ("that is not the code of this cut".to_owned(), "确认码不正确".to_owned()),
            Both::new("stanch contain status --json", "stanch contain status --json"),
        ),
    }
}

fn wrong((en, zh): (String, String), next: Both) -> Report {
    Report::new(Trouble::WrongUse, Both::new(en, zh)).next(next)
}

fn run_trouble(error: &RunError) -> Report {
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
        .next(Both::new("stanch contain plan", "stanch contain plan")),
        _ => Report::new(Trouble::Refused, Both::new("it was not done", "没有执行"))
            .next(Both::new("stanch", "stanch")),
    }
}

/// Returns what caused it, in the system's words; what happened is said already.
fn because(error: &ContainError) -> String {
    let mut words = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words.push(text::escaped(&error.to_string()));
        source = error.source();
    }
    words.join(": ")
}
