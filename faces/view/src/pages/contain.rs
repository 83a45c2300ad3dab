//! How the network stands, and what did not work about it.

pub(crate) mod proofs;
mod unplugged;

use stanch_incident::Deed;
use stanch_incident::containment::{ContainError, Cut, Holds, LEASE, NewPassword, emergency_line};
use stanch_incident::watch::{Tampered, WatchEnd};
use stanch_words::{Both, Lang, text};

use super::acts::{self, wrong};
use crate::documents::Network;
use crate::{Look, Report, Sheet, Tone, Trouble};

pub use unplugged::waited;

/// Returns the page about how the network stands.
pub fn status(network: &Network, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    if let Some(unplugged) = &network.unplugged {
        unplugged::write(&mut sheet, unplugged, look);
        return sheet.finish();
    }
    match &network.cut {
        None => sheet.prose(0, look.say("The network is not cut by us.", "本工具没有切断网络。")),
        Some(cut) => {
            sheet.prose(0, look.text(&cut.deed.step.does));
            sheet.prose(0, &time_left(cut, look));
            sheet.prose(0, &counted(cut, look));
            if cut.made_again > 0 {
                sheet.prose(0, &fought(cut.made_again, look));
            }
            if cut.holds == Holds::Yes {
                sheet.prose(
                    0,
                    look.say(
                        "A reboot opens it: nothing of it outlives this kernel.",
                        "重启会放开网络：断网只存在于当前内核中。",
                    ),
                );
            }
            sheet.heading("Next", "下一步");
            if cut.holds != Holds::Yes {
                sheet.command(2, "stanch contain again");
            }
            sheet.command(2, "stanch contain release");
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
        (Holds::Removed, Lang::En) => "It does not hold any more: somebody removed the rules. If it was not you, have the switch or the hypervisor cut the port: `stanch contain outside`.".to_owned(),
        (Holds::Removed, Lang::Zh) => "断网已失效：规则被人删除。若不是您所为，请从交换机或虚拟化平台断开端口：`stanch contain outside`。".to_owned(),
        (Holds::Rebooted, Lang::En) => "It does not hold any more: the machine was started anew, and the rules went with the old kernel.".to_owned(),
        (Holds::Rebooted, Lang::Zh) => "断网已失效：机器重启过，规则随旧内核一同消失。".to_owned(),
    }
}

/// Returns what is said after a cut: what was tried of it, how to keep it, and how to get out of it.
/// `watcher` is the process that watches over it, or plugs in what was unplugged.
pub fn applied(deeds: &[Deed], network: &Network, watcher: Option<u32>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for deed in deeds {
        sheet.prose(0, &format!("{}  {}", deed.id, look.text(&deed.step.does)));
    }
    if let Some(unplugged) = &network.unplugged {
        unplugged::applied(&mut sheet, unplugged, watcher, look);
    }
    if let Some(cut) = &network.cut {
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
        sheet.prose(
            0,
            &match (watcher, look.lang) {
                (Some(pid), Lang::En) => format!("Process {pid} watches over it: if somebody removes the rules, they are made again at once, and `stanch contain status` tells of it."),
                (Some(pid), Lang::Zh) => format!("进程 {pid} 正在看守：若有人删除规则，会立即重建，`stanch contain status` 会显示。"),
                (None, Lang::En) => "Nobody watches over it; `stanch contain watch` does.".to_owned(),
                (None, Lang::Zh) => "目前无人看守；可用 `stanch contain watch` 看守。".to_owned(),
            },
        );
        proofs::write(&mut sheet, &network.proofs, look);
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

/// Returns the new passwords: said once, and kept nowhere. Nothing if there are none.
pub fn passwords(new: &[NewPassword], look: Look) -> String {
    if new.is_empty() {
        return String::new();
    }
    let mut sheet = Sheet::new(look);
    sheet.heading("New passwords, shown only now", "新密码，仅此一次显示");
    for one in new {
        sheet.line(format!("  {}  {}", text::escaped(&one.name), one.password.open()));
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

/// Returns the report of what did not work.
pub fn trouble(error: &ContainError) -> Report {
    match error {
        ContainError::Act(error) => acts::trouble(error, "stanch contain plan"),
        ContainError::OldConnection => Report::new(
            Trouble::Refused,
            Both::new(
                "this connection stood before the cut, so it does not prove that you can come in again",
                "这个连接在断网之前就已存在，不能证明您还能重新登录",
            ),
        )
        .next(Both::new("log in anew, and confirm there", "请另开新连接登录，在那里确认")),
        ContainError::NotCut
        | ContainError::TimeRanOut
        | ContainError::Removed
        | ContainError::Holds
        | ContainError::WrongCode => not_there(error),
    }
}

/// Returns the report of what was asked for and is not there, or not so.
fn not_there(error: &ContainError) -> Report {
    match error {
        ContainError::NotCut => wrong(
            ("the network is not cut by us".to_owned(), "本工具没有切断网络".to_owned()),
            Both::new("stanch contain plan --level isolate", "stanch contain plan --level isolate"),
        ),
        ContainError::TimeRanOut => wrong(
            (
                "the time ran out, and the kernel has opened the network".to_owned(),
                "时限已到，内核已放开网络".to_owned(),
            ),
            Both::new("stanch contain again", "stanch contain again"),
        ),
        ContainError::Removed => wrong(
            ("the rules of the cut are gone".to_owned(), "断网规则已不在".to_owned()),
            Both::new("stanch contain again", "stanch contain again"),
        ),
        ContainError::Holds => wrong(
            ("the cut holds".to_owned(), "断网仍然有效".to_owned()),
            Both::new("stanch contain status", "stanch contain status"),
        ),
        // The code, which is all that is left.
        _ => wrong(
            ("that is not the code of this cut".to_owned(), "确认码不正确".to_owned()),
            Both::new("stanch contain status --json", "stanch contain status --json"),
        ),
    }
}
