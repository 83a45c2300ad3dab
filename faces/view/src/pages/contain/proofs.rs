//! What was tried of a cut from inside, and what came of it: never a bare "isolated".

use stanch_incident::containment::{Check, Outcome, Proof};
use stanch_words::{Lang, text};

use crate::{Look, Sheet};

/// How many lines of one outcome are shown unless all are asked for.
const SHOWN: usize = 12;

/// Writes what was tried.
pub(super) fn write(sheet: &mut Sheet, proofs: &[Proof], look: Look) {
    if proofs.is_empty() {
        return;
    }
    sheet.heading("Tried from inside", "从内部实测");
    // What does not hold comes first, then what nobody knows.
    let order = |proof: &&Proof| match proof.outcome {
        Outcome::Fails => 0,
        Outcome::Untried { .. } => 1,
        Outcome::Holds => 2,
    };
    let mut sorted: Vec<&Proof> = proofs.iter().collect();
    sorted.sort_by_key(order);
    let most = if look.all { usize::MAX } else { SHOWN };
    for proof in sorted.iter().take(most) {
        let word = match proof.outcome {
            Outcome::Holds => look.say("holds", "成立"),
            Outcome::Fails => look.say("FAILS", "不成立"),
            Outcome::Untried { .. } => look.say("not tried", "未测"),
        };
        sheet.hanging(2, word, 11, &line(proof, look));
    }
    let more = sorted.len().saturating_sub(most);
    if more > 0 {
        let said = match look.lang {
            Lang::En => format!("and {more} more that are as they should be; --all shows them"),
            Lang::Zh => format!("另有 {more} 项，用 --all 查看"),
        };
        sheet.hanging(2, "", 11, &said);
    }
    if proofs.iter().any(|proof| proof.outcome == Outcome::Fails) {
        sheet.prose(
            2,
            look.say(
                "Do not rely on this cut: `stanch contain outside` tells what holds against root.",
                "请勿依赖此次断网：`stanch contain outside` 说明怎样才能防住 root。",
            ),
        );
    }
}

/// Returns the name of a check in JSON.
pub(crate) fn name(check: &Check) -> &'static str {
    match check {
        Check::Rules => "rules",
        Check::Datagram { .. } => "datagram",
        Check::Frame { .. } => "frame",
        Check::Namespace { .. } => "namespace",
        Check::Counted => "counted",
        Check::Blind { .. } => "blind",
        Check::WayIn { .. } => "way-in",
        Check::Loopback => "loopback",
    }
}

/// Returns a line about what was tried, and why not if it was not.
pub(crate) fn line(proof: &Proof, look: Look) -> String {
    let said = match (&proof.check, look.lang) {
        (Check::Rules, Lang::En) => "all rules are there as they were made".to_owned(),
        (Check::Rules, Lang::Zh) => "规则齐全，与所建一致".to_owned(),
        (Check::Datagram { to }, Lang::En) => format!("a datagram to {to} is stopped at once"),
        (Check::Datagram { to }, Lang::Zh) => format!("发往 {to} 的数据报当即被拦下"),
        (Check::Frame { device }, Lang::En) => {
            format!("a raw frame at {} is stopped at once", text::escaped(device))
        }
        (Check::Frame { device }, Lang::Zh) => {
            format!("{} 上的原始帧当即被拦下", text::escaped(device))
        }
        (Check::Namespace { pid, to }, Lang::En) => {
            format!("a datagram to {to} from the container of process {pid} is stopped")
        }
        (Check::Namespace { pid, to }, Lang::Zh) => {
            format!("进程 {pid} 所在容器发往 {to} 的数据报被拦下")
        }
        (Check::Counted, Lang::En) => "what was stopped has been counted".to_owned(),
        (Check::Counted, Lang::Zh) => "被拦下的均已计数".to_owned(),
        (Check::Blind { device }, Lang::En) => {
            format!("nobody who listens at {} hears what is cut", text::escaped(device))
        }
        (Check::Blind { device }, Lang::Zh) => {
            format!("监听 {} 者听不到被切断的数据", text::escaped(device))
        }
        (Check::WayIn { from }, Lang::En) => format!("your connection from {from} stands"),
        (Check::WayIn { from }, Lang::Zh) => format!("您来自 {from} 的连接仍在"),
        (Check::Loopback, Lang::En) => "the machine reaches itself".to_owned(),
        (Check::Loopback, Lang::Zh) => "本机环回正常".to_owned(),
    };
    let Outcome::Untried { why } = &proof.outcome else { return said };
    match (why, look.lang) {
        (Some(why), Lang::En) => format!("{said}: {}", text::escaped(why)),
        (Some(why), Lang::Zh) => format!("{said}：{}", text::escaped(why)),
        (None, Lang::En) => format!("{said}: there is no way there"),
        (None, Lang::Zh) => format!("{said}：没有通往那里的路由"),
    }
}

/// Returns the word for an outcome in JSON.
pub(crate) fn outcome(proof: &Proof) -> &'static str {
    match proof.outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::Untried { .. } => "untried",
    }
}
