//! A baseline that was made, and what differs from one.

use stanch_incident::{
    BaselineChecked, BaselineError, BaselineField as Field, BaselineHeader, BaselineRow, Because,
    Change, Difference, LedgerError, Made, PackageRun, Signed, Told, Verified,
};
use stanch_words::{Both, text};

use super::detect::thousands;
use crate::{Look, Report, Sheet, Tone, Trouble};

mod documents;
mod row;

pub use documents::{check, made, verified};

/// How many differences of one kind are shown unless all are asked for.
const SHOWN: usize = 40;

/// A comparison, and what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The name of the machine.
    pub host: &'a str,
    /// The baseline's file.
    pub file: &'a str,
    /// The baseline.
    pub verified: &'a Verified,
    /// What came of it.
    pub checked: &'a BaselineChecked,
    /// How long it took.
    pub took_ms: u64,
}

impl Answered<'_> {
    /// Returns what no package explains.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        let all = self.checked.explained.told.iter();
        all.filter(|told| told.because != Some(Because::Package))
    }
}

/// Under which heading a difference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Content,
    Kind,
    Rights,
    Added,
    Removed,
    Other,
    During,
}

const GROUPS: [(Group, &str, &str); 7] = [
    (Group::Content, "Content is another", "内容已变"),
    (Group::Kind, "Another kind of file, or leads elsewhere", "文件类型或链接目标已变"),
    (Group::Rights, "Rights or owner are others", "权限或属主已变"),
    (Group::Added, "New", "新增"),
    (Group::Removed, "Gone", "消失"),
    (Group::Other, "Not comparable, or other particulars", "无法比较，或其他属性已变"),
    (
        Group::During,
        "Changed while packages were being changed; no package tells of it",
        "在软件包变更期间改动，但没有软件包能证明",
    ),
];

fn group(told: &Told) -> Group {
    let difference = &told.difference;
    let has = |fields: &[Field]| fields.iter().any(|field| difference.fields.contains(field));
    match difference.change {
        _ if told.because == Some(Because::During) => Group::During,
        Change::Added => Group::Added,
        Change::Removed => Group::Removed,
        Change::Altered if has(&[Field::Kind, Field::Target, Field::Device]) => Group::Kind,
        Change::Altered if has(&[Field::Content, Field::Size]) => Group::Content,
        Change::Altered if difference.fields.iter().any(|field| field.is_right()) => Group::Rights,
        Change::Altered => Group::Other,
    }
}

/// Returns the page: what differs by kind, then what is folded away, then the sum.
pub fn page(answered: &Answered<'_>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let mut found = 0_usize;
    for (group_of, en, zh) in GROUPS {
        let of_group: Vec<&Told> = answered.told().filter(|told| group(told) == group_of).collect();
        if of_group.is_empty() {
            continue;
        }
        found = found.saturating_add(of_group.len());
        let heading = format!("{}: {}", look.say(en, zh), thousands(of_group.len()));
        let tone = if group_of == Group::During { Tone::Strong } else { Tone::Odd };
        sheet.line(look.paint(tone, &heading));
        let most = if look.all { usize::MAX } else { SHOWN };
        for told in of_group.iter().take(most) {
            row::write(&mut sheet, &told.difference);
        }
        if of_group.len() > most {
            let more = thousands(of_group.len().saturating_sub(most));
            let en = format!("{more} more: `--all` shows them.");
            let zh = format!("另有 {more} 项，`--all` 全部显示。");
            sheet.line(format!("  {}", look.say_of(&en, &zh)));
        }
        sheet.blank();
    }
    folded(&mut sheet, answered);
    sum(&mut sheet, answered, found);
    sheet.finish()
}

/// Tells what needs no look.
fn folded(sheet: &mut Sheet, answered: &Answered<'_>) {
    let look = sheet.look;
    let explained = answered.checked.explained.runs.iter().filter(|run| run.files > 0);
    let runs: Vec<&PackageRun> = explained.collect();
    if !runs.is_empty() {
        sheet.line(look.paint(
            Tone::Strong,
            look.say("By packages, as shipped", "由软件包带来，与发布内容一致"),
        ));
    }
    for run in runs.iter().copied() {
        let shown = run.packages.iter().take(if look.all { usize::MAX } else { 6 });
        let names: Vec<String> =
            shown.map(|one| text::escaped(&format!("{} {}", one.0, one.1))).collect();
        let rest = run.packages.len().saturating_sub(names.len());
        let more = if rest == 0 { String::new() } else { format!(" +{rest}") };
        let (files, time) = (number(run.files), when(run.time));
        let names = names.join(", ");
        let en = format!("{time}  {names}{more}: {files} files");
        let zh = format!("{time}  {names}{more}：{files} 个文件");
        sheet.prose(2, look.say_of(&en, &zh));
    }
    let compared = &answered.checked.compared;
    if compared.times_count > 0 {
        let count = number(compared.times_count);
        let en = format!("Only times differ: {count}.");
        let zh = format!("只有时间不同：{count} 个。");
        sheet.line(look.say_of(&en, &zh));
    }
    if compared.unseen > 0 {
        let count = number(compared.unseen);
        let en = format!("Not to be seen then or now: {count}.");
        let zh = format!("当时或现在看不到：{count} 个。");
        sheet.line(look.say_of(&en, &zh));
    }
    if !runs.is_empty() || compared.times_count > 0 || compared.unseen > 0 {
        sheet.blank();
    }
}

fn sum(sheet: &mut Sheet, answered: &Answered<'_>, found: usize) {
    let look = sheet.look;
    let checked = answered.checked;
    let count = number(checked.compared.compared);
    let more = usize::try_from(checked.compared.more).unwrap_or(usize::MAX);
    let differ = thousands(found.saturating_add(more));
    let tenths = answered.took_ms / 100;
    let took = format!("{}.{}", tenths / 10, tenths % 10);
    let (en, zh) = if found == 0 {
        (
            format!("As in the baseline: {count} files compared in {took} s."),
            format!("与基线一致：用时 {took} 秒比较了 {count} 个文件。"),
        )
    } else {
        (
            format!("Differences: {differ}; files compared: {count}, in {took} s."),
            format!("差异 {differ} 处；用时 {took} 秒比较了 {count} 个文件。"),
        )
    };
    sheet.prose(0, look.say_of(&en, &zh));
    let header = &answered.verified.header;
    let (en, zh) = vouched(&answered.verified.signed);
    let of = described(header, look);
    let en = format!("The baseline: {of}, {en}.");
    let zh = format!("基线：{of}，{zh}。");
    sheet.prose(0, look.say_of(&en, &zh));
    if found > 0 {
        let en = "Next: keep copies of what nobody can explain before you change anything; once all is explained, `stanch baseline update` makes this the new baseline.";
        let zh = "下一步：无法解释的文件，先留副本再动手；全部有了解释之后，用 `stanch baseline update` 更新基线。";
        sheet.prose(0, look.say(en, zh));
    }
}

fn described(header: &BaselineHeader, look: Look) -> String {
    let host = crate::look::host(&header.host, look);
    format!("{host}, {}", when(header.time))
}

fn vouched(signed: &Signed) -> (String, String) {
    match signed {
        Signed::By { key, .. } => (format!("signed by key {key}"), format!("由密钥 {key} 签名")),
        Signed::NotVerified => (
            "signed, which was not verified (`--public-key` does)".to_owned(),
            "有签名，但未验证（`--public-key` 可验证）".to_owned(),
        ),
        Signed::No => (
            "not signed: whoever could write it could forge it".to_owned(),
            "没有签名：能写这个文件的人就能伪造它".to_owned(),
        ),
    }
}

/// Returns what is said of a baseline that was made.
pub fn made_page(file: &str, made: &Made, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let ended = &made.ended;
    let (files, size) = (number(ended.rows), number(ended.bytes >> 20));
    let file = text::escaped(file);
    let en = format!("Baseline in `{file}`: {files} files, {size} MiB of content.");
    let zh = format!("基线已写入 `{file}`：{files} 个文件，内容 {size} MiB。");
    sheet.prose(0, look.say_of(&en, &zh));
    let seal = text::hex(&ended.seal);
    sheet.line(format!("{}{seal}", look.say("Seal: ", "封印：")));
    if let Some(older) = &made.older {
        let older = text::escaped(&older.to_string_lossy());
        let en = format!("The one before it is now `{older}`, and the new one follows its seal.");
        let zh = format!("原来的基线改名为 `{older}`，新基线记下了它的封印。");
        sheet.prose(0, look.say_of(&en, &zh));
    }
    match &made.signed_by {
        Some(key) => {
            let en = format!("Signed by key {key} in `{file}.minisig`.");
            let zh = format!("已由密钥 {key} 签名：`{file}.minisig`。");
            sheet.prose(0, look.say_of(&en, &zh));
        }
        None => {
            let en = format!(
                "Not signed. Keep it, or its seal, where this machine cannot write; sign it there: `stanch baseline sign {file} --key KEY`."
            );
            let zh = format!(
                "未签名。请把它（或封印）存到这台机器写不到的地方，并在那里签名：`stanch baseline sign {file} --key 密钥`。"
            );
            sheet.prose(0, look.say_of(&en, &zh));
        }
    }
    sheet.finish()
}

/// Returns what is said of a baseline that was signed.
pub fn signed_page(file: &str, key: &str, look: Look) -> String {
    let file = text::escaped(file);
    let en = format!("Signed by key {key}: `{file}.minisig`.\n");
    let zh = format!("已由密钥 {key} 签名：`{file}.minisig`。\n");
    look.say_of(&en, &zh).to_owned()
}

/// Returns what is said of keys that were made.
pub fn keys_page(secret: &str, public: &str, key: &str, look: Look) -> String {
    let (secret, public) = (text::escaped(secret), text::escaped(public));
    let mut sheet = Sheet::new(look);
    let en = format!("Key {key}: the secret one in `{secret}`, the public one in `{public}`.");
    let zh = format!("密钥 {key}：私钥 `{secret}`，公钥 `{public}`。");
    sheet.prose(0, look.say_of(&en, &zh));
    let en = "The secret key has no password: keep it off the machines that it vouches for.";
    let zh = "私钥没有口令：不要放在由它担保的机器上。";
    sheet.prose(0, look.say(en, zh));
    sheet.finish()
}

fn number(count: u64) -> String {
    thousands(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Returns a time as pages show it, in UTC.
fn when(seconds: i64) -> String {
    let whole = stanch_incident::rfc3339(seconds.saturating_mul(1_000_000_000));
    format!("{} UTC", whole.trim_end_matches('Z').replace('T', " "))
}

/// Returns the report of a baseline that could not be made or used.
pub fn failed(file: &str, error: &BaselineError) -> Report {
    let what = Both::new(
        format!("the baseline `{file}` could not be used"),
        format!("无法使用基线 `{file}`"),
    );
    let (kind, next) = match error {
        BaselineError::Damage(_) | BaselineError::ChangedMeanwhile => (
            Trouble::Refused,
            Both::new(
                "take the copy that was kept elsewhere; compare nothing with this one",
                "请改用存放在别处的副本；不要再用这份基线作比较",
            ),
        ),
        BaselineError::Signature { .. } => (
            Trouble::Refused,
            Both::new(
                "give the right key, or the baseline that it signed",
                "请给出正确的密钥，或由它签名的基线",
            ),
        ),
        BaselineError::GaveUp => (
            Trouble::Refused,
            Both::new(
                "leave out what hangs with `--except`, or mend the mount",
                "用 `--except` 排除无响应的目录，或先修复挂载",
            ),
        ),
        BaselineError::Kept(LedgerError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::AlreadyExists =>
        {
            (
                Trouble::WrongUse,
                Both::new(
                    "give another name, or `stanch baseline update`",
                    "请换一个文件名，或使用 `stanch baseline update`",
                ),
            )
        }
        _ => (
            Trouble::WrongUse,
            Both::new("give a file that can be read or written", "请给出可读写的文件"),
        ),
    };
    Report::new(kind, what).because_of(&text::chain(error)).next(next)
}
