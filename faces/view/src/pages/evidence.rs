//! A bundle of evidence: what was taken, and what of one holds.

use stanch_incident::Signed;
use stanch_incident::evidence::{
    Broken, BundleVerified, Bundled, Custody, EvidenceError, PreserveError,
};
use stanch_incident::wanted::WantedError;
use stanch_wire as wire;
use stanch_words::{Both, Gap, Lang, text};

use super::detect::quoted;
use super::detect::thousands;
use super::status::Asker;
use crate::documents::gap;
use crate::texts::system;
use crate::{Look, Report, Sheet, Tone, Trouble};

/// How many flaws are shown unless all are asked for.
const SHOWN: usize = 20;

/// Returns what is said before anything is collected: what this run will not give.
pub fn ahead(asker: Asker, custody: &Custody, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    if asker == Asker::User {
        sheet.prose(
            0,
            look.say(
                "You are not root: most of what vanishes first may not be read and will be missing. `sudo stanch preserve …` takes all.",
                "当前不是 root：最先消失的内容大多无权读取，证据包里将没有。`sudo stanch preserve …` 可全部收集。",
            ),
        );
    }
    if let Custody::Missed(gap) = custody {
        let folder = text::escaped(gap.path.as_deref().unwrap_or_default());
        let why = why(gap, look);
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!(
                    "The case {folder} takes no record ({why}): the bundle is made all the same, and the case will not know of it. Who may write to the case should run this, or leave `--case` out."
                ),
                Lang::Zh => format!(
                    "案件 {folder} 无法写入记录（{why}）：证据包照样生成，但案件台账中不会有它。请由有权写入案件的用户运行，或去掉 `--case`。"
                ),
            },
        );
    }
    sheet.finish()
}

/// Returns why a case took no record.
fn why(gap: &Gap, look: Look) -> String {
    text::escaped(&system::said(&gap.detail, look.lang))
}

/// Returns what is said of a bundle that was made.
pub fn made(file: &str, bundled: &Bundled, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let collected = &bundled.collected;
    for of in &collected.taken {
        let (taken, size) = (number(of.taken), bytes(of.bytes));
        let mut more = Vec::new();
        for (count, en, zh) in [
            (of.not_whole, "not whole", "不完整"),
            (of.missed, "not read", "未能读取"),
            (of.left_out, "left out", "按规则略去"),
        ] {
            if count > 0 {
                more.push(format!("{} {}", number(count), look.say(en, zh)));
            }
        }
        let more = if more.is_empty() { String::new() } else { format!("  ({})", more.join(", ")) };
        let title = look.text(&of.title);
        sheet.line(format!("{taken:>8}  {size:>10}  {title}{more}"));
    }
    let seal = &collected.seal;
    let (items, content, packed) =
        (number(seal.items), bytes(collected.content), bytes(collected.packed));
    sheet.blank();
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("{file}: {items} items, {content}, packed {packed}."),
            Lang::Zh => format!("{file}：{items} 项，{content}，打包后 {packed}。"),
        },
    );
    let root = &seal.merkle_root;
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("Its root, to be written down elsewhere: {root}"),
            Lang::Zh => format!("根摘要（请另行抄存）：{root}"),
        },
    );
    if let Some(key) = &bundled.signed_by {
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("Signed by {key}: {file}.minisig"),
                Lang::Zh => format!("已由 {key} 签名：{file}.minisig"),
            },
        );
    }
    if let Custody::Missed(gap) = &bundled.custody {
        unrecorded(&mut sheet, file, root, gap);
    }
    if file != "-" {
        sheet.heading("Next", "下一步");
        sheet.command(2, &format!("stanch seal verify {}", quoted(file)));
        sheet.command(2, &format!("stanch --bundle {} detect", quoted(file)));
    }
    sheet.finish()
}

/// Says that the case has no record of a bundle, and how to enter it.
fn unrecorded(sheet: &mut Sheet, file: &str, root: &str, gap: &Gap) {
    let look = sheet.look;
    let folder = text::escaped(gap.path.as_deref().unwrap_or_default());
    let why = why(gap, look);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!(
                "The bundle is whole; the case {folder} has no record of it ({why}). Enter it as who may write there:"
            ),
            Lang::Zh => {
                format!("证据包完整；案件 {folder} 中没有它的记录（{why}）。请由有权写入的用户补记：")
            }
        },
    );
    let folder = quoted(&folder);
    let note = format!("{file} root {root}");
    sheet.command(2, &format!("stanch --case {folder} ledger note {}", quoted(&note)));
}

pub(super) fn number(count: u64) -> String {
    thousands(usize::try_from(count).unwrap_or(usize::MAX))
}

pub(super) fn bytes(count: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = count.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} kB", tenths(1000)),
        10_000_000..10_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// Returns what is said of a bundle that was verified.
pub fn verified(file: &str, answer: &BundleVerified, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let verified = &answer.verified;
    let (whole, noted) = (number(verified.whole), number(verified.noted));
    let verdict = match (verified.holds() && answer.refused.is_none(), verified.is_cut) {
        (true, _) => (Tone::Good, look.say("It holds.", "完好无损。")),
        (false, true) if verified.flaws.is_empty() => {
            (Tone::Odd, look.say("It breaks off before its end.", "文件在结尾之前中断。"))
        }
        _ => (Tone::Grave, look.say("It does not hold.", "与封存时不符。")),
    };
    sheet.line(look.paint(verdict.0, verdict.1));
    let most = if look.all { usize::MAX } else { SHOWN };
    for flaw in verified.flaws.iter().take(most) {
        let how = match flaw.broken {
            Broken::Altered => look.say("altered", "被改动"),
            Broken::Missing => look.say("missing", "缺失"),
            Broken::Added => look.say("added", "多出"),
            Broken::Packing => look.say("damaged", "打包数据损坏"),
        };
        sheet.prose(2, &format!("{how}: {} ({})", flaw.name, flaw.why));
    }
    if let Some(error) = &answer.refused {
        sheet.prose(2, &format!("{}: {error}", look.say("signature", "签名")));
    }
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!(
                "{file}: {whole} items are as they were sealed; {noted} more lines tell of what could not be taken."
            ),
            Lang::Zh => format!("{file}：{whole} 项与封存时一致，另有 {noted} 条说明未能取得的内容。"),
        },
    );
    if let Some(last) = &verified.last {
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("The last whole item: {last}"),
                Lang::Zh => format!("最后一个完整的条目：{last}"),
            },
        );
    }
    if let Some(seal) = &verified.seal {
        let (host, ended, root) = (&seal.host, &seal.ended, &seal.merkle_root);
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("Sealed on {host}, {ended}, by {}; root {root}", seal.tool),
                Lang::Zh => format!("{ended} 在 {host} 上由 {} 封存；根摘要 {root}", seal.tool),
            },
        );
    }
    sheet.prose(0, &signature(answer, look));
    sheet.finish()
}

fn signature(answer: &BundleVerified, look: Look) -> String {
    match (&answer.signed, look.lang) {
        (Signed::By { key, comment }, Lang::En) => format!("Signed by {key}: {comment}"),
        (Signed::By { key, comment }, Lang::Zh) => format!("由 {key} 签名：{comment}"),
        (Signed::NotVerified, Lang::En) => {
            "There is a signature; `--public-key KEY` verifies it.".to_owned()
        }
        (Signed::NotVerified, Lang::Zh) => "有签名文件；用 `--public-key 公钥` 验证。".to_owned(),
        (Signed::No, _) if answer.refused.is_some() => {
            look.say("The signature was refused.", "签名未通过验证。").to_owned()
        }
        (Signed::No, _) => look
            .say(
                "Nobody signed it: who can write to it can seal it anew. Compare the root with one kept elsewhere.",
                "没有签名：能改写文件的人也能重新封存。请与另行抄存的根摘要比对。",
            )
            .to_owned(),
    }
}

/// Returns what is said of a request for a time stamp.
pub fn requested(file: &str, to: &str, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(0, &match look.lang {
        Lang::En => format!("{to}: a request for a time stamp over the seal of {file}. Send it to an authority (RFC 3161) from any machine."),
        Lang::Zh => format!("{to}：针对 {file} 封存记录的时间戳请求。可在任何机器上发送给时间戳机构（RFC 3161）。"),
    });
    sheet.heading("Next", "下一步");
    let (file, to) = (quoted(file), quoted(to));
    sheet.command(
        2,
        &format!(
            "curl -sS -H 'Content-Type: application/timestamp-query' --data-binary @{to} -o {file}.tsr URL"
        ),
    );
    sheet.command(2, &format!("tar -xzOf {file} meta/seal.json > seal.json"));
    sheet.command(2, &format!("openssl ts -verify -in {file}.tsr -data seal.json -CAfile CA.pem"));
    sheet.finish()
}

/// Returns `stanch.preserve/1`.
pub fn document(file: &str, bundled: &Bundled, look: Look) -> wire::Preserve {
    let collected = &bundled.collected;
    let seal = &collected.seal;
    let artifact = |of: &stanch_incident::evidence::TakenOf| wire::PreserveArtifact {
        id: of.id.clone(),
        title: look.text(&of.title).to_owned(),
        taken: of.taken,
        bytes: of.bytes,
        not_whole: of.not_whole,
        missed: of.missed,
        left_out: of.left_out,
    };
    wire::Preserve {
        schema: wire::Preserve::SCHEMA.to_owned(),
        file: file.to_owned(),
        host: seal.host.clone(),
        begun: seal.begun.clone(),
        ended: seal.ended.clone(),
        items: seal.items,
        bytes: collected.content,
        packed: collected.packed,
        merkle_root: seal.merkle_root.clone(),
        chain_head: seal.chain_head.clone(),
        tool_sha256: seal.tool_sha256.clone(),
        signed_by: bundled.signed_by.clone(),
        case_entry: match bundled.custody {
            Custody::Recorded(number) => Some(number),
            Custody::NoCase | Custody::Missed(_) => None,
        },
        artifacts: collected.taken.iter().map(artifact).collect(),
        gaps: collected.gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

/// Returns `stanch.seal-verify/1`.
pub fn verified_document(file: &str, answer: &BundleVerified) -> wire::SealVerify {
    let verified = &answer.verified;
    let (signed, key) = match &answer.signed {
        Signed::By { key, .. } => ("yes", Some(key.clone())),
        Signed::NotVerified => ("not-verified", None),
        Signed::No if answer.refused.is_some() => ("refused", None),
        Signed::No => ("no", None),
    };
    let flaw = |flaw: &stanch_incident::evidence::Flaw| wire::SealFlaw {
        name: flaw.name.clone(),
        how: flaw.broken.name().to_owned(),
        why: flaw.why.clone(),
    };
    let seal = verified.seal.as_ref();
    wire::SealVerify {
        schema: wire::SealVerify::SCHEMA.to_owned(),
        file: file.to_owned(),
        holds: verified.holds() && answer.refused.is_none(),
        cut: verified.is_cut,
        last: verified.last.clone(),
        whole: verified.whole,
        noted: verified.noted,
        flaws: verified.flaws.iter().map(flaw).collect(),
        host: seal.map(|seal| seal.host.clone()),
        sealed: seal.map(|seal| seal.ended.clone()),
        merkle_root: seal.map(|seal| seal.merkle_root.clone()),
        signed: signed.to_owned(),
        key,
    }
}

/// Returns the exit code of a verification.
pub fn exit(answer: &BundleVerified) -> u8 {
    let verified = &answer.verified;
    match (verified.flaws.is_empty() && answer.refused.is_none(), verified.holds()) {
        (false, _) => 1,
        (true, true) => 0,
        (true, false) => 3,
    }
}

/// Returns the report of a bundle that cannot be read at all.
fn unopened(what: Both, because: Both, source: &dyn std::error::Error) -> Report {
    let why = source.source().and_then(|it| it.downcast_ref()).map(std::io::Error::kind);
    let (trouble, next) = match why {
        Some(std::io::ErrorKind::PermissionDenied) => (
            Trouble::Refused,
            Both::new(
                "ask again as root: `sudo stanch seal verify …`",
                "请以 root 身份重试：`sudo stanch seal verify …`",
            ),
        ),
        _ => (
            Trouble::WrongUse,
            Both::new(
                "give a file that `stanch preserve` made",
                "请给出由 `stanch preserve` 生成的文件",
            ),
        ),
    };
    Report::new(trouble, what).because(because).next(next)
}

/// Returns the report of a profile or of definitions that cannot be used.
pub fn unwanted(error: &WantedError) -> Report {
    let what = Both::new("nothing was collected", "没有收集任何内容");
    let because = match error {
        WantedError::Unread { file, source } => {
            let (file, detail) =
                (text::escaped(file), system::both(&text::escaped(&source.detail)));
            Both::new(
                format!("`{file}` could not be read: {}", detail.en),
                format!("无法读取 `{file}`：{}", detail.zh),
            )
        }
        WantedError::Wrong(wrong) => {
            let file = text::escaped(&wrong.page);
            let lines: Vec<Both> = wrong.complaints.iter().map(|line| system::both(line)).collect();
            let all = |of: fn(&Both) -> &str| lines.iter().map(of).collect::<Vec<_>>().join("\n");
            Both::new(
                format!("`{file}`:\n{}", all(|line| &line.en)),
                format!("`{file}`：\n{}", all(|line| &line.zh)),
            )
        }
    };
    Report::new(Trouble::WrongUse, what).because(because).next(Both::new(
        "mend the file, or leave it away: `stanch preserve -o FILE` takes the profile triage",
        "请改正该文件，或不用它：`stanch preserve -o 文件` 按 triage 收集",
    ))
}

/// Returns the report of a bundle that could not be made or verified.
pub fn failed(file: &str, error: &EvidenceError) -> Report {
    let because = system::both(&text::chain(error));
    let writing = Both::new(
        format!("the bundle `{file}` could not be written"),
        format!("无法写入证据包 `{file}`"),
    );
    let using = Both::new(format!("`{file}` could not be verified"), format!("无法校验 `{file}`"));
    match error {
        EvidenceError::Broke { left, source } => {
            let report = Report::new(Trouble::Stuck, writing).because(because);
            broke(report, left.as_deref(), source)
        }
        EvidenceError::Kept(_) | EvidenceError::Finish(_) => {
            let kind = match error {
                EvidenceError::Finish(_) => Trouble::Stuck,
                _ => Trouble::WrongUse,
            };
            Report::new(kind, writing).because(because).next(Both::new(
                "give the name of a file that is not there yet, where there is room",
                "请给出一个尚不存在的文件名，且所在磁盘有空间",
            ))
        }
        EvidenceError::Unsigned(_) => {
            let what = Both::new(
                format!("`{file}` is whole, but it is not signed"),
                format!("`{file}` 已完整写好，但未签名"),
            );
            let mut report = Report::new(Trouble::Stuck, what).because(because);
            report.left_as = Both::new("the bundle lies there, sealed", "证据包已在原处，并已封存");
            report.next(Both::new(
                format!("sign it where it is kept: `minisign -S -m {}`", quoted(file)),
                format!("请在存放处签名：`minisign -S -m {}`", quoted(file)),
            ))
        }
        EvidenceError::Signature { .. } => Report::new(Trouble::Refused, using)
            .because(because)
            .next(Both::new("give the right key and signature", "请给出正确的密钥和签名")),
        EvidenceError::Open(source) => unopened(using, because, source),
        EvidenceError::Case(_) | EvidenceError::NotWhole => unlisted(file, error, because),
        EvidenceError::Read(_) => {
            Report::new(Trouble::WrongUse, using).because(because).next(Both::new(
                "give a file that `stanch preserve` made",
                "请给出由 `stanch preserve` 生成的文件",
            ))
        }
    }
}

/// Returns the report of a list or a request that is not made.
fn unlisted(file: &str, error: &EvidenceError, because: Both) -> Report {
    if matches!(error, EvidenceError::Case(_)) {
        let what = Both::new("the case could not be read", "无法读取案件");
        let next =
            Both::new("give the folder of a case with `--case`", "请用 `--case` 给出案件目录");
        return Report::new(Trouble::WrongUse, what).because(because).next(next);
    }
    let what = Both::new(
        format!("`{file}` does not hold, so that nothing is written for it"),
        format!("`{file}` 与封存时不符，不出具任何文件"),
    );
    let verify = format!("stanch seal verify {}", quoted(file));
    Report::new(Trouble::Refused, what).next(Both::new(verify.clone(), verify))
}

/// Says what lies there of a bundle that breaks off.
fn broke(mut report: Report, left: Option<&std::path::Path>, source: &PreserveError) -> Report {
    let items = match source {
        PreserveError::Write { items, .. } => *items,
        PreserveError::Content(_) | PreserveError::Custody(_) => 0,
    };
    let Some(left) = left else { return report };
    let left = text::escaped(&left.display().to_string());
    report.left_as = Both::new(
        format!("`{left}` holds the first {items} items; it is not sealed"),
        format!("`{left}` 中有前 {items} 项，尚未封存"),
    );
    let left = quoted(&left);
    report.next(Both::new(
        format!("make room or write elsewhere (`-o - | ssh …`), then `stanch seal verify {left}`"),
        format!("腾出空间或写到别处（`-o - | ssh …`），再运行 `stanch seal verify {left}`"),
    ))
}

#[cfg(test)]
mod tests {
    use stanch_words::GapKind;

    use super::*;

    #[test]
    fn what_a_run_will_not_give_is_told_before_it() {
        let look = Look::plain(Lang::En);
        assert_eq!(ahead(Asker::Root, &Custody::NoCase, look), "");
        assert_eq!(ahead(Asker::Root, &Custody::Recorded(3), look), "");
        assert!(ahead(Asker::User, &Custody::NoCase, look).starts_with("You are not root: "));
        let full = Gap::new("case", GapKind::Failed, "No space left on device (os error 28)");
        let full = Custody::Missed(full.at("/c"));
        assert!(
            ahead(Asker::Root, &full, look)
                .starts_with("The case /c takes no record (No space left on device (os error 28))")
        );
        let zh = Look::plain(Lang::Zh);
        assert!(
            ahead(Asker::Root, &full, zh)
                .starts_with("案件 /c 无法写入记录（磁盘空间已满（os error 28））")
        );
        assert!(ahead(Asker::User, &full, zh).starts_with("当前不是 root："));
    }
}
