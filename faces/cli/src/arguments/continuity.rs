//! `stanch backup`, `stanch snapshots`, `stanch restore` and what they are asked.

use clap::{Arg, ArgAction, Command};

use super::path;

type Say<'a> = &'a dyn Fn(&'static str, &'static str) -> &'static str;

/// `stanch backup`.
pub(super) fn backup(say: Say<'_>) -> Command {
    Command::new("backup")
        .about(say(
            "Backs up important data into an encrypted repository",
            "把重要数据备份到加密仓库",
        ))
        .long_about(say(
            "Keeps data in a repository of restic's format: encrypted, each piece stored once, and only what is new after the first time. restic and rustic read it as well. `backup init` makes a repository, `backup run` makes a snapshot of files and folders.",
            "数据存入 restic 格式的仓库：加密，相同内容只存一份，首次之后只存新增部分；restic 和 rustic 也能读取。`backup init` 建立仓库，`backup run` 为文件和目录制作快照。",
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(access(
            Command::new("init")
                .about(say("Makes a repository in an empty folder", "在空目录中建立备份仓库"))
                .long_about(say(
                    "Makes a repository of restic's format (version 2) in a folder that is empty or not there yet: best on a disk that the machine cannot reach afterwards. The exit code is 0, 2 if something is there already.",
                    "在空目录或尚不存在的目录中建立 restic 格式（版本 2）的仓库；最好位于本机事后无法触及的磁盘。退出码：0 完成，2 该处已有内容。",
                )),
            say,
        ))
        .subcommand(access(
            Command::new("run")
                .about(say("Makes a snapshot of files and folders", "为文件和目录制作快照"))
                .long_about(say(
                    "Reads the files, stores what the repository does not have yet, and makes a snapshot of them. A file that changed while it was read, or could not be read, is told. The ledger of the case gets the snapshot's id and the digest of its manifest. The exit code is 0, 3 if anything is missing or changed while it was read, 2 or 4 if there is no backup, 5 if the disk is full.",
                    "读取文件，存入仓库中尚没有的内容，并制作快照。读取过程中发生变化的文件、未能读取的文件都会列出。快照编号和清单摘要记入案件台账。退出码：0 完成，3 有缺失或读取时发生变化，2 或 4 没有完成备份，5 磁盘空间已满。",
                ))
                .arg(
                    Arg::new("exclude")
                        .long("exclude")
                        .value_name(say("GLOB", "模式"))
                        .action(ArgAction::Append)
                        .help(say(
                            "Leave out what fits: `/srv/cache`, `/srv/**/*.log`, or a name in any folder, `*.tmp`; may be repeated",
                            "略去匹配的内容：`/srv/cache`、`/srv/**/*.log`，或任意目录下的名称 `*.tmp`，可重复",
                        )),
                )
                .arg(
                    path("path", say("PATH", "路径"))
                        .required(true)
                        .num_args(1..)
                        .help(say("Files and folders", "要备份的文件和目录")),
                ),
            say,
        ))
}

/// `stanch snapshots`.
pub(super) fn snapshots(say: Say<'_>) -> Command {
    access(
        Command::new("snapshots")
            .about(say("Lists the snapshots of a repository", "列出仓库中的快照"))
            .long_about(say(
                "Lists the snapshots of a repository, the oldest first, and which of them the ledger of the case tells of. Their times are those of the machines that made them. The exit code is 0, 2 or 4 if the repository cannot be opened.",
                "列出仓库中的快照，旧的在前，并标明案件台账中有记录的快照。时间由制作快照的机器写入。退出码：0 完成，2 或 4 无法打开仓库。",
            )),
        say,
    )
}

/// `stanch restore`.
pub(super) fn restore(say: Say<'_>) -> Command {
    Command::new("restore")
        .about(say("Brings a snapshot back into a staging folder", "把快照恢复到暂存目录"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(access(
            Command::new("stage")
                .about(say("Restores into a folder beside the machine, and compares", "恢复到单独的目录并逐一比对"))
                .long_about(say(
                    "Brings a snapshot back into a folder that is empty or not there yet, never over what is in use, then reads every file again and compares it with the snapshot's digests. No name or link in a snapshot leads out of the folder. What cannot be brought back whole is told and not left half-written. The exit code is 0, 3 if anything is missing, 2 or 4 if nothing was brought back, 5 if the disk is full.",
                    "把快照恢复到空目录或尚不存在的目录，绝不覆盖正在使用的内容；随后重读每个文件，与快照中的摘要比对。快照里的名称或链接不会指到该目录之外。无法完整恢复的内容会列出，不留半个文件。退出码：0 完成，3 有缺失，2 或 4 未恢复，5 磁盘空间已满。",
                ))
                .arg(Arg::new("snapshot").value_name(say("SNAPSHOT", "快照")).required(true).help(say(
                    "The beginning of its id, or `latest`",
                    "快照编号的开头几位，或 `latest`",
                )))
                .arg(path("to", say("DIR", "目录")).long("to").required(true).help(say(
                    "The folder, empty or not there yet",
                    "目标目录，须为空或尚不存在",
                )))
                .arg(
                    path("include", say("PATH", "路径"))
                        .long("include")
                        .action(ArgAction::Append)
                        .help(say(
                            "Only this path and what lies below it; may be repeated",
                            "只恢复此路径及其下内容，可重复",
                        )),
                ),
            say,
        ))
}

fn access(command: Command, say: Say<'_>) -> Command {
    command
        .arg(
            path("repo", say("REPO", "仓库"))
                .long("repo")
                .required(true)
                .help(say("The repository's folder", "仓库所在目录")),
        )
        .arg(
            path("password-file", say("FILE", "文件"))
                .long("password-file")
                .required(true)
                .help(say("A file with the repository's password", "存有仓库口令的文件")),
        )
}
