//! `stanch baseline` and what it is asked.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command};

use super::path;

type Say<'a> = &'a dyn Fn(&'static str, &'static str) -> &'static str;

pub(super) fn command(say: Say<'_>) -> Command {
    Command::new("baseline")
        .about(say(
            "Keeps how every file is, and tells later what is another",
            "记录每个文件的现状，日后比较有何不同",
        ))
        .long_about(say(
            "Keeps how every file of a machine is: content, rights, owner, times, attributes. Later it tells what was added, removed or altered; what a package brought is folded away. A baseline is worth what its keeping is worth: sign it, or keep it, where the machine itself cannot write.",
            "记录机器上每个文件的现状：内容、权限、属主、时间、属性。日后给出新增、消失和改动，软件包带来的改动会折叠。基线是否可信取决于如何存放：请在机器自身写不到的地方签名或保存。",
        ))
        .subcommand(create(say))
        .subcommand(check(say))
        .subcommand(update(say))
        .subcommand(sign(say))
        .subcommand(key(say))
}

fn create(say: Say<'_>) -> Command {
    Command::new("create")
        .about(say("Makes a baseline", "建立基线"))
        .long_about(say(
            "Makes a baseline of paths, or of programs, libraries, settings, the kernel, root's files and web roots. The exit code is 0, or 3 if something could not be seen.",
            "为所给路径建立基线；不给路径则包括程序、动态库、配置、内核、root 的文件和网站目录。退出码：0 完成，3 有内容未能查看。",
        ))
        .arg(output(
            say("FILE", "文件"),
            say(
                "The file to write, which must not be there yet; `-` writes to standard output: `ssh HOST stanch baseline create -o - > FILE`",
                "要写入的文件，不得已存在；`-` 表示标准输出：`ssh 主机 stanch baseline create -o - > 文件`",
            ),
        ))
        .arg(key_to_sign(say))
        .arg(
            Arg::new("digest")
                .long("digest")
                .value_name("both|blake3|sha256")
                .value_parser(PossibleValuesParser::new(["both", "blake3", "sha256"]))
                .help(say(
                    "Digests of content: both (the default); blake3, the quick one; or sha256",
                    "内容摘要：both（默认）、blake3（较快）或 sha256",
                )),
        )
        .arg(
            path("except", say("DIR", "目录"))
                .long("except")
                .action(ArgAction::Append)
                .help(say("Do not enter this directory; may be repeated", "不进入此目录，可重复")),
        )
        .arg(flag("one-file-system").conflicts_with("network").help(say(
            "Do not enter other file systems below a path",
            "不进入路径之下的其他文件系统",
        )))
        .arg(flag("network").help(say(
            "Enter file systems of the network and of programs (FUSE) as well",
            "同时进入网络文件系统和 FUSE 文件系统",
        )))
        .arg(
            path("path", say("PATH", "路径"))
                .num_args(0..)
                .help(say("Files and directories", "文件和目录")),
        )
}

fn check(say: Say<'_>) -> Command {
    Command::new("check")
        .about(say("Tells what differs from a baseline", "给出与基线的差异"))
        .long_about(say(
            "Reads every byte of the baseline, refuses it if one is another, verifies its signature if a key is given, and tells what differs. What a package brought as it was shipped is one line a run of the package manager; files of which only times differ are counted. The exit code is 0 if nothing differs, 1 if something does, 3 if nothing does but something could not be seen, 4 if the baseline is refused.",
            "通读基线的每个字节，有一处不对即拒绝；给出公钥则验证签名；然后列出差异。由软件包按发布内容带来的改动，每次软件包操作折叠成一行；只有时间不同的只计数。退出码：0 无差异，1 有差异，3 无差异但有内容未能查看，4 基线被拒绝。",
        ))
        .arg(public_key(say))
        .arg(
            path("signature", say("FILE", "文件"))
                .long("signature")
                .help(say("The signature, if it is not FILE.minisig", "签名文件，默认为 文件.minisig")),
        )
        .arg(baseline(say(
            "The baseline; `-` reads standard input: `ssh HOST stanch baseline check - < FILE`",
            "基线文件；`-` 表示标准输入：`ssh 主机 stanch baseline check - < 文件`",
        ), say("FILE", "文件")))
}

fn update(say: Say<'_>) -> Command {
    Command::new("update")
        .about(say("Makes a new baseline that follows an older one", "在旧基线之后建立新基线"))
        .long_about(say(
            "Shows what differs, asks, and makes a new baseline of the same places. The older one stays as FILE.1 (or the next number), with its signature, and the new one holds its seal.",
            "先显示差异并询问，再为同样的位置建立新基线。旧基线连同签名改名为 文件.1（或下一个序号），新基线记下它的封印。",
        ))
        .arg(key_to_sign(say))
        .arg(public_key(say))
        .arg(flag("yes").help(say("Do not ask", "不询问")))
        .arg(baseline(say("The baseline", "基线文件"), say("FILE", "文件")))
}

fn sign(say: Say<'_>) -> Command {
    Command::new("sign")
        .about(say("Signs a baseline where it is kept", "在存放处为基线签名"))
        .arg(path("key", say("KEY", "密钥")).long("key").required(true).help(say(
            "The secret key (minisign's, without a password)",
            "私钥（minisign 格式，无口令）",
        )))
        .arg(baseline(say("The baseline", "基线文件"), say("FILE", "文件")))
}

fn key(say: Say<'_>) -> Command {
    Command::new("key")
        .about(say("Makes a pair of keys, as minisign does", "生成一对密钥（minisign 格式）"))
        .arg(output(
            say("KEY", "密钥"),
            say(
                "The secret key's file; the public one is beside it, with `.pub` added",
                "私钥文件；公钥在旁边，文件名加 `.pub`",
            ),
        ))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn output(value: &'static str, help: &'static str) -> Arg {
    path("output", value).short('o').long("output").required(true).help(help)
}

fn baseline(help: &'static str, value: &'static str) -> Arg {
    path("file", value).required(true).help(help)
}

fn key_to_sign(say: Say<'_>) -> Arg {
    path("sign", say("KEY", "密钥")).long("sign").help(say(
        "Sign it with this secret key (minisign's, without a password); better do it on another machine, by `stanch baseline sign`",
        "用此私钥签名（minisign 格式，无口令）；更稳妥的做法是在另一台机器上用 `stanch baseline sign` 签名",
    ))
}

/// The key that `check`, `update` and `detect` verify with.
pub(super) fn public_key(say: Say<'_>) -> Arg {
    path("public-key", say("KEY", "公钥")).long("public-key").help(say(
        "Refuse the baseline unless this key (minisign's) signed it",
        "基线必须由此公钥（minisign 格式）签名，否则拒绝",
    ))
}
