//! Backup and restore: what was kept, what is there, what came back, and why it did not.

use stanch_incident::continuity::{ContinuityError, Kept, Listed, RestoreError, Staged};
use stanch_wire as wire;
use stanch_words::{Both, Gap, GapKind, Lang, Value, text};

use super::detect::quoted;
use super::evidence::{bytes, number};
use super::query;
use crate::documents::gap;
use crate::texts::system;
use crate::{Look, Report, Sheet, Trouble, grid};

/// How many gaps are shown one by one unless all are asked for.
const SHOWN: usize = 20;

/// Names what is missing or torn, one by one.
fn missing(sheet: &mut Sheet, gaps: &[Gap], look: Look) {
    if gaps.is_empty() {
        return;
    }
    sheet.heading("Missing or torn", "缺失或不一致");
    let most = if look.all { usize::MAX } else { SHOWN };
    for gap in gaps.iter().take(most) {
        let path = text::escaped(gap.path.as_deref().unwrap_or("-"));
        sheet.prose(2, &format!("{path}: {}", text::escaped(&query::why(gap, look))));
    }
    if gaps.len() > most {
        sheet.prose(2, look.say("… and more: `--all` shows them", "……其余请加 `--all` 查看"));
    }
}

/// Returns what is said of a repository that was made.
pub fn made(repository: &str, id: &str, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("{repository} is a repository now, {id}."),
            Lang::Zh => format!("已在 {repository} 建立备份仓库 {id}。"),
        },
    );
    sheet.prose(
        0,
        look.say(
            "Without the password nothing in it can ever be read: keep it where this machine does not reach.",
            "没有口令，库中内容永远无法读取：请把口令保存在本机够不到的地方。",
        ),
    );
    sheet.heading("Next", "下一步");
    sheet.command(
        2,
        &format!("stanch backup run --repo {} --password-file FILE PATH", quoted(repository)),
    );
    sheet.finish()
}

/// Returns `stanch.backup-init/1`.
pub fn made_document(repository: &str, id: &str) -> wire::BackupInit {
    wire::BackupInit {
        schema: wire::BackupInit::SCHEMA.to_owned(),
        repository: repository.to_owned(),
        id: id.to_owned(),
    }
}

/// Returns what is said of a backup.
pub fn kept(repository: &str, kept: &Kept, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let backed = &kept.backed;
    let manifest = &backed.manifest;
    for (count, en, zh) in [
        (backed.new, "new files", "新文件"),
        (backed.changed, "changed files", "有变化的文件"),
        (backed.unchanged, "unchanged files, not read again", "未变化的文件，未重读"),
    ] {
        sheet.line(format!("{:>10}  {}", number(count), look.say(en, zh)));
    }
    sheet.blank();
    let (files, size) = (number(manifest.files), bytes(manifest.bytes));
    let (added, stored) = (bytes(backed.added), bytes(backed.stored));
    let id = short(&backed.snapshot.id);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!(
                "Snapshot {id}: {files} files, {size}; {added} new to the repository, stored as {stored}."
            ),
            Lang::Zh => {
                format!("快照 {id}：{files} 个文件，{size}；仓库新增 {added}，存储占用 {stored}。")
            }
        },
    );
    let (digest, entry) = (&manifest.sha256, kept.entry);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("Digest of its manifest, entry {entry} of the ledger: {digest}"),
            Lang::Zh => format!("清单摘要（台账第 {entry} 条）：{digest}"),
        },
    );
    missing(&mut sheet, &backed.gaps, look);
    sheet.heading("Next", "下一步");
    sheet.command(
        2,
        &format!(
            "stanch restore stage {id} --repo {} --password-file FILE --to DIR",
            quoted(repository)
        ),
    );
    sheet.finish()
}

/// Returns `stanch.backup/1`.
pub fn kept_document(repository: &str, kept: &Kept, look: Look) -> wire::Backup {
    let backed = &kept.backed;
    let manifest = &backed.manifest;
    wire::Backup {
        schema: wire::Backup::SCHEMA.to_owned(),
        repository: repository.to_owned(),
        snapshot: snapshot(&backed.snapshot, Some(kept.entry)),
        files: manifest.files,
        folders: manifest.folders,
        others: manifest.others,
        bytes: manifest.bytes,
        new: backed.new,
        changed: backed.changed,
        unchanged: backed.unchanged,
        added: backed.added,
        stored: backed.stored,
        manifest_sha256: manifest.sha256.clone(),
        case_entry: kept.entry,
        gaps: backed.gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

/// Returns the table of snapshots.
pub fn listed(all: &[Listed], look: Look) -> String {
    if all.is_empty() {
        return look.say("There is no snapshot yet.\n", "还没有快照。\n").to_owned();
    }
    let columns = [
        ("snapshot", "快照"),
        ("time", "时间"),
        ("host", "主机"),
        ("files", "文件数"),
        ("size", "大小"),
        ("paths", "路径"),
        ("ledger", "台账"),
    ];
    let columns: Vec<String> = columns.iter().map(|(en, zh)| look.say(en, zh).to_owned()).collect();
    let rows: Vec<Vec<Value>> = all
        .iter()
        .map(|listed| {
            let snapshot = &listed.snapshot;
            let text = |text: String| Value::from(text.as_str());
            let time = snapshot.time.get(..19).unwrap_or(&snapshot.time).replace('T', " ");
            vec![
                text(short(&snapshot.id).to_owned()),
                text(time),
                text(snapshot.host.clone()),
                text(snapshot.files.map_or_else(|| "-".to_owned(), number)),
                text(snapshot.bytes.map_or_else(|| "-".to_owned(), bytes)),
                text(snapshot.paths.join(" ")),
                text(listed.entry.map_or_else(|| "-".to_owned(), |entry| entry.to_string())),
            ]
        })
        .collect();
    let mut out = grid::grid(&columns, &rows, look);
    let strange = all.iter().any(|listed| listed.entry.is_none());
    if strange {
        out.push_str(look.say(
            "\nTimes (UTC) are those of whoever made a snapshot, and can be forged. The case does not tell of those with `-`.\n",
            "\n时间（UTC）由制作快照的一方写入，可以伪造。标 `-` 的快照在案件台账中没有记录。\n",
        ));
    }
    out
}

/// Returns `stanch.snapshots/1`.
pub fn listed_document(repository: &str, all: &[Listed]) -> wire::Snapshots {
    wire::Snapshots {
        schema: wire::Snapshots::SCHEMA.to_owned(),
        repository: repository.to_owned(),
        snapshots: all.iter().map(|one| snapshot(&one.snapshot, one.entry)).collect(),
    }
}

fn snapshot(of: &stanch_incident::continuity::Snapshot, entry: Option<u64>) -> wire::Snapshot {
    wire::Snapshot {
        id: of.id.clone(),
        time: of.time.clone(),
        host: of.host.clone(),
        paths: of.paths.clone(),
        tags: of.tags.clone(),
        program: of.program.clone(),
        files: of.files,
        bytes: of.bytes,
        parent: of.parent.clone(),
        case_entry: entry,
    }
}

/// Returns what is said of a snapshot that was brought back.
pub fn staged(to: &str, staged: &Staged, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let (files, size) = (number(staged.files), bytes(staged.bytes));
    let (folders, others) = (number(staged.folders), number(staged.others));
    let id = short(&staged.snapshot.id);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!(
                "Snapshot {id} in {to}: {files} files, {size}, each compared with its digests; {folders} folders, {others} links and special files."
            ),
            Lang::Zh => format!(
                "快照 {id} 已恢复到 {to}：{files} 个文件，{size}，逐一与摘要比对；{folders} 个目录，{others} 个链接和特殊文件。"
            ),
        },
    );
    sheet.prose(
        0,
        match staged.is_recorded {
            true => look.say(
                "It is what the ledger recorded when it was made.",
                "与制作时台账的记录一致。",
            ),
            false => look.say(
                "The case does not tell of this snapshot: look at what it holds before any of it is used.",
                "案件台账中没有这个快照的记录：使用其中内容之前请先检查。",
            ),
        },
    );
    missing(&mut sheet, &staged.gaps, look);
    sheet.heading("Next", "下一步");
    sheet.command(2, &format!("stanch scan {}", quoted(to)));
    sheet.finish()
}

/// Returns `stanch.restore/1`.
pub fn staged_document(to: &str, staged: &Staged, look: Look) -> wire::Restore {
    wire::Restore {
        schema: wire::Restore::SCHEMA.to_owned(),
        snapshot: snapshot(&staged.snapshot, None),
        to: to.to_owned(),
        files: staged.files,
        bytes: staged.bytes,
        folders: staged.folders,
        others: staged.others,
        manifest_sha256: staged.manifest.sha256.clone(),
        as_recorded: staged.is_recorded,
        gaps: staged.gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

/// Returns the exit code of a backup or a restore: 3 if anything is missing or was torn. What was
/// left out on purpose is not missing.
pub fn exit(gaps: &[Gap]) -> u8 {
    if gaps.iter().any(|gap| gap.kind != GapKind::NotHere) { 3 } else { 0 }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A repository.
    Init,
    /// A backup.
    Backup,
    /// The list.
    List,
    /// A restore.
    Restore,
}

/// Returns the report of what did not come about.
pub fn failed(repository: &str, asked: Asked, error: &ContinuityError) -> Report {
    let what = match asked {
        Asked::Init => Both::new(
            format!("no repository was made in `{repository}`"),
            format!("未能在 `{repository}` 建立备份仓库"),
        ),
        Asked::Backup => Both::new("there is no new backup", "没有完成备份"),
        Asked::List => Both::new(
            format!("the snapshots of `{repository}` could not be listed"),
            format!("无法列出 `{repository}` 中的快照"),
        ),
        Asked::Restore => Both::new("the snapshot was not brought back", "快照没有恢复"),
    };
    let error = match error {
        ContinuityError::Restore(error) => error,
        ContinuityError::Unrecorded { snapshot, source } => {
            let id = short(snapshot);
            let what = Both::new(
                format!("the case took no record of snapshot {id}"),
                format!("案件台账未能记录快照 {id}"),
            );
            let mut report = Report::new(Trouble::Stuck, what)
                .because_of(&text::chain(source))
                .next(Both::new(
                    format!("stanch --case DIR ledger note 'snapshot {snapshot}', with a case that can be written"),
                    format!("换一个可写的案件目录：stanch --case 目录 ledger note '快照 {snapshot}'"),
                ));
            report.left_as = Both::new("all else was done", "其余已完成");
            return report;
        }
        ContinuityError::Ledger(source) => {
            return Report::new(Trouble::WrongUse, what)
                .because_of(&text::chain(source))
                .next(Both::new("stanch ledger verify", "stanch ledger verify"));
        }
    };
    let (kind, because, next) = match error {
        // What is not made yet is no mistake but where it is to be backed up to.
        RestoreError::NoRepository { path } if matches!(asked, Asked::List | Asked::Restore) => (
            Trouble::WrongUse,
            no_repository(path),
            Both::new(
                "give the folder of the repository; is its disk mounted?",
                "请给出仓库所在目录；磁盘是否已挂载？",
            ),
        ),
        error => why(repository, error),
    };
    let report = Report::new(kind, what).because(because).next(next);
    match asked {
        Asked::Backup | Asked::Restore if error.is_full() || is_store(error) => left(report, asked),
        _ => report,
    }
}

fn is_store(error: &RestoreError) -> bool {
    matches!(error, RestoreError::Store { .. } | RestoreError::Library { .. })
}

/// Says what may lie there after a write failed half-way.
fn left(mut report: Report, asked: Asked) -> Report {
    report.left_as = match asked {
        Asked::Restore => Both::new(
            "nothing outside the staging folder was changed; what is in it is not complete",
            "除暂存目录外没有改动任何东西；暂存目录中的内容不完整",
        ),
        _ => Both::new(
            "older snapshots are whole; data that was stored serves the next backup",
            "已有快照完好；已存入的数据留待下次备份使用",
        ),
    };
    report
}

/// Returns the kind of trouble, why, and what to do next.
fn why(repository: &str, error: &RestoreError) -> (Trouble, Both, Both) {
    let repo = quoted(repository);
    if let Some(answer) = why_of_a_snapshot(&repo, error) {
        return answer;
    }
    match error {
        RestoreError::NoRepository { path } => (
            Trouble::WrongUse,
            no_repository(path),
            with_password(&format!("stanch backup init --repo {repo}")),
        ),
        RestoreError::NotEmpty { path } => (
            Trouble::WrongUse,
            Both::new(
                format!("`{}` is not an empty folder", path.display()),
                format!("`{}` 不是空目录", path.display()),
            ),
            Both::new(
                "give a folder that is empty or not there yet",
                "请给出空目录或尚不存在的目录",
            ),
        ),
        RestoreError::WrongPassword => (
            Trouble::Refused,
            Both::new(
                "no key of the repository opens with this password",
                "口令不对，仓库中没有能用它打开的密钥",
            ),
            Both::new("give the file with its password", "请给出正确的口令文件"),
        ),
        RestoreError::Locked { by } => (
            Trouble::Refused,
            Both::new(format!("it is locked by {by}"), format!("仓库已被锁定：{by}")),
            Both::new(
                format!("wait for it; if that process is gone, `restic unlock -r {repo}`"),
                format!("请等待其结束；如该进程已不在，运行 `restic unlock -r {repo}`"),
            ),
        ),
        RestoreError::Password { path, source } => password(path, source),
        RestoreError::Store { path, source } => store(path, source),
        other => (
            Trouble::WrongUse,
            Both::new(
                format!("the repository is damaged or incomplete: {other}"),
                format!("仓库损坏或不完整：{other}"),
            ),
            same(&format!("restic check --read-data -r {repo}")),
        ),
    }
}

/// Returns the same for what is wrong with a snapshot, a path or a folder, not the repository.
fn why_of_a_snapshot(repo: &str, error: &RestoreError) -> Option<(Trouble, Both, Both)> {
    Some(match error {
        RestoreError::NoRoom { needed, free } => (
            Trouble::WrongUse,
            Both::new(
                format!("the files need {} and {} are free", bytes(*needed), bytes(*free)),
                format!("所需空间 {}，可用 {}", bytes(*needed), bytes(*free)),
            ),
            Both::new(
                "give a folder on a larger disk, or only some paths: `--include PATH`",
                "请换到更大的磁盘，或只恢复部分路径：`--include 路径`",
            ),
        ),
        RestoreError::NoSnapshot { id } => (
            Trouble::WrongUse,
            Both::new(
                format!("no single snapshot is called `{id}`"),
                format!("没有唯一对应 `{id}` 的快照"),
            ),
            with_password(&format!("stanch snapshots --repo {repo}")),
        ),
        RestoreError::NotInside { path } => (
            Trouble::WrongUse,
            Both::new(
                format!("`{}` is not in the snapshot", path.display()),
                format!("快照中没有 `{}`", path.display()),
            ),
            Both::new("give a path as it was on the machine", "请给出在原机器上的完整路径"),
        ),
        RestoreError::Path { path, why } => (
            Trouble::WrongUse,
            Both::new(
                format!("`{}`: {why}", path.display()),
                format!("`{}`：{}", path.display(), system::said(why, Lang::Zh)),
            ),
            Both::new("give files and folders that are there", "请给出存在的文件或目录"),
        ),
        RestoreError::NotAsRecorded { now, then } => (
            Trouble::Refused,
            Both::new(
                format!("its manifest is {now}; the ledger recorded {then}"),
                format!("清单摘要为 {now}，台账记录为 {then}"),
            ),
            with_password(&format!("stanch snapshots --repo {repo}")),
        ),
        _ => return None,
    })
}

fn store(path: &std::path::Path, source: &std::io::Error) -> (Trouble, Both, Both) {
    use std::io::ErrorKind;
    let words = system::both(&source.to_string());
    let shown = path.display();
    let because = Both::new(
        format!("`{shown}`: {}", words.text(Lang::En)),
        format!("`{shown}`：{}", words.text(Lang::Zh)),
    );
    match source.kind() {
        ErrorKind::PermissionDenied => {
            (Trouble::Refused, because, Both::new("run it as root", "以 root 运行"))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (
            Trouble::Undone,
            because,
            Both::new(
                "make room or use a larger disk, then run it again",
                "腾出空间或换用更大的磁盘，然后重新运行",
            ),
        ),
        ErrorKind::UnexpectedEof => (
            Trouble::WrongUse,
            because,
            Both::new(
                "the file was cut short: use another copy of the repository",
                "该文件被截断：请使用仓库的另一份副本",
            ),
        ),
        _ => (
            Trouble::WrongUse,
            because,
            Both::new("give files and folders that can be used", "请给出可用的文件和目录"),
        ),
    }
}

fn no_repository(path: &std::path::Path) -> Both {
    Both::new(
        format!("there is no repository in `{}`", path.display()),
        format!("`{}` 中没有备份仓库", path.display()),
    )
}

/// Returns the kind of trouble with the password's file, why, and what to do next.
fn password(path: &std::path::Path, source: &std::io::Error) -> (Trouble, Both, Both) {
    let words = system::both(&source.to_string());
    let shown = path.display();
    let because = Both::new(
        format!("the password file `{shown}`: {}", words.text(Lang::En)),
        format!("口令文件 `{shown}`：{}", words.text(Lang::Zh)),
    );
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => {
            (Trouble::Refused, because, Both::new("run it as root", "以 root 运行"))
        }
        _ => (
            Trouble::WrongUse,
            because,
            Both::new(
                "give a file that holds the password with `--password-file FILE`",
                "用 `--password-file 文件` 给出存有口令的文件",
            ),
        ),
    }
}

/// Returns a command with the option that no one may leave out.
fn with_password(command: &str) -> Both {
    Both::new(format!("{command} --password-file FILE"), format!("{command} --password-file 文件"))
}

fn same(words: &str) -> Both {
    Both::new(words, words)
}
