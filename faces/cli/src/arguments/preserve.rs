//! `stanch preserve`, `stanch seal` and what they are asked.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

use super::path;

type Say<'a> = &'a dyn Fn(&'static str, &'static str) -> &'static str;

/// `stanch preserve`.
pub(super) fn preserve(say: Say<'_>) -> Command {
    Command::new("preserve")
        .about(say(
            "Takes the evidence that will vanish, into one sealed file",
            "收集会消失的证据，封存为一个文件",
        ))
        .long_about(say(
            "Takes evidence in the order in which it vanishes: connections and processes first, then memory-backed directories, logs, accounts, what starts by itself, and the times of every file. It starts no program, changes nothing and marks nothing as read. The bundle is a tar.gz with a seal over every item; `stanch seal verify` checks it, `--bundle` opens it as a machine. The exit code is 0, 3 if something could not be taken, 6 if the bundle breaks off.",
            "按消失的先后收集证据：先是连接和进程，再是内存目录、日志、账户、自启动项，以及每个文件的时间。不启动任何程序，不改动任何内容，也不更新访问时间。结果是一个 tar.gz，每一项都有封存摘要；`stanch seal verify` 校验，`--bundle` 把它当作机器打开。退出码：0 完成，3 有内容未能取得，6 证据包中断。",
        ))
        .arg(path("output", say("FILE", "文件")).short('o').long("output").required(true).help(say(
            "The file to write, which must not be there yet; `-` writes to standard output: `ssh HOST stanch preserve -o - > FILE`",
            "要写入的文件，不得已存在；`-` 表示标准输出：`ssh 主机 stanch preserve -o - > 文件`",
        )))
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name(say("triage|full|FILE", "triage|full|文件"))
                .value_hint(ValueHint::FilePath)
                .help(say(
                    "How much: triage (the default), what vanishes and what nearly every case needs; full; or a file with a list of your own, one page or definition a line",
                    "收集范围：triage（默认），会消失的和多数案件必需的内容；full 全部；或自己的清单文件，每行一个页面或定义名",
                )),
        )
        .arg(
            path("artifacts", say("FILE", "文件"))
                .long("artifacts")
                .action(ArgAction::Append)
                .help(say(
                    "Also take what this file of ForensicArtifacts definitions (YAML) asks for; may be repeated",
                    "另按此 ForensicArtifacts 定义文件（YAML）收集，可重复",
                )),
        )
        .arg(super::since(say))
        .arg(
            Arg::new("exclude")
                .long("exclude")
                .value_name(say("PATTERN", "模式"))
                .action(ArgAction::Append)
                .help(say(
                    "Leave out paths that fit, such as `/srv/media` or `/**/*.iso`; may be repeated",
                    "略去匹配的路径，如 `/srv/media` 或 `/**/*.iso`，可重复",
                )),
        )
        .arg(Arg::new("max-size").long("max-size").value_name(say("SIZE", "大小")).value_parser(size).help(
            say(
                "The largest file that is taken: `64M`, `2G`; 256M by default",
                "单个文件的上限，如 `64M`、`2G`；默认 256M",
            ),
        ))
        .arg(Arg::new("with-secrets").long("with-secrets").action(ArgAction::SetTrue).help(say(
            "Take private keys and files of passwords with their contents, not only by digest",
            "私钥和口令文件连内容一并收集，而不只记摘要",
        )))
        .args(network(say))
        .arg(path("sign", say("KEY", "密钥")).long("sign").help(say(
            "Sign it with this secret key (minisign's, without a password); better do it on another machine",
            "用此私钥签名（minisign 格式，无口令）；更稳妥的做法是在另一台机器上签名",
        )))
}

/// What of the network is taken.
fn network(say: Say<'_>) -> [Arg; 2] {
    [
Arg::new("capture")
                .long("capture")
                .value_name(say("TIME", "时间"))
                .value_parser(ValueParser::new(capturing))
                .help(say(
                    "Also take the packets of the network for so long (`60s`, `5m`, an hour at most; 64 MB at most), as pcapng",
                    "同时抓取这么久的网络数据包（`60s`、`5m`，至多一小时、64 MB），存为 pcapng",
                )),
Arg::new("interface")
                .long("interface")
                .value_name(say("IF", "网卡"))
                .action(ArgAction::Append)
                .requires("capture")
                .help(say(
                    "Only at this device; all that are up without it, but the loopback; may be repeated",
                    "只在此网卡抓取；默认为所有已启用的网卡（回环除外），可重复",
                )),
    ]
}

/// `stanch seal`.
pub(super) fn seal(say: Say<'_>) -> Command {
    Command::new("seal")
        .about(say("Verifies or lists a bundle of evidence, or asks for a time stamp of it", "校验、列出证据包，或生成时间戳请求"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("verify")
                .about(say("Checks every byte of a bundle against its seal", "逐字节对照封存摘要校验"))
                .long_about(say(
                    "Checks every item, line and byte of a bundle against its seal, and names what is altered, missing or added. The exit code is 0 if it holds, 1 if something is another, 3 if it breaks off (what is there is checked as far as it goes), 2 if it is no bundle, 4 if a key is refused.",
                    "逐项、逐行、逐字节对照封存摘要，指出被改动、缺失或多出的内容。退出码：0 完好，1 有不符，3 文件中断（已有部分照常校验），2 不是证据包，4 密钥被拒绝。",
                ))
                .arg(path("public-key", say("KEY", "公钥")).long("public-key").help(say(
                    "Also verify the signature with this key (minisign's)",
                    "同时用此公钥（minisign 格式）验证签名",
                )))
                .arg(path("signature", say("FILE", "文件")).long("signature").help(say(
                    "The signature, if it is not FILE.minisig",
                    "签名文件，默认为 文件.minisig",
                )))
                .arg(path("file", say("FILE", "文件")).required(true).help(say(
                    "The bundle; `-` reads standard input",
                    "证据包；`-` 表示标准输入",
                ))),
        )
        .subcommand(list(say))
        .subcommand(request(say))
}

fn list(say: Say<'_>) -> Command {
    Command::new("list")
        .about(say(
            "Lists every item of a bundle, as a form for police or court",
            "列出证据包的每一项，即电子数据提取固定清单",
        ))
        .long_about(say(
            "Verifies a bundle and lists every item: number, name, path, size, SHA-256, times and method, with the seal and with who had it in hand. Notes of the case that is named with --case and that were written after the seal are listed, too. Of a bundle that does not hold there is no list. The exit code is 0, 3 if it breaks off (what is whole is listed), 4 if it does not hold.",
            "校验证据包并列出每一项：编号、名称、来源路径、大小、SHA-256、时间和提取方法，并附封存摘要和保管记录。用 --case 指定案件时，一并列出封存之后写入台账的记录。与封存时不符的证据包不出清单。退出码：0 完成，3 文件中断（完整的部分照常列出），4 与封存时不符。",
        ))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("html|markdown|csv")
                .value_parser(PossibleValuesParser::new(["html", "markdown", "csv"]))
                .help(say(
                    "html (a page to be printed and signed), markdown (the default), or csv (the items alone)",
                    "html（可打印签字的页面）、markdown（默认）或 csv（仅清单）",
                )),
        )
        .arg(path("output", say("FILE", "文件")).short('o').long("output").help(say(
            "Write it into this file, which must not be there yet",
            "写入此文件，不得已存在",
        )))
        .arg(path("public-key", say("KEY", "公钥")).long("public-key").help(say(
            "Also verify the signature with this key (minisign's)",
            "同时用此公钥（minisign 格式）验证签名",
        )))
        .arg(path("file", say("FILE", "文件")).required(true).help(say("The bundle", "证据包")))
}

fn request(say: Say<'_>) -> Command {
    Command::new("request")
        .about(say(
            "Writes a request for a time stamp over a bundle's seal (RFC 3161)",
            "生成针对证据包封存记录的时间戳请求（RFC 3161）",
        ))
        .long_about(say(
            "Verifies a bundle and writes a request for a time stamp over the SHA-256 of its seal (`meta/seal.json`). Nothing is sent: take the file to a machine that reaches an authority. The exit code is 0, or 4 if the bundle does not hold.",
            "校验证据包，并针对封存记录（`meta/seal.json`）的 SHA-256 生成时间戳请求。不会发送任何内容：请把该文件拿到能连接时间戳机构的机器上。退出码：0 完成，4 与封存时不符。",
        ))
        .arg(path("output", say("FILE", "文件")).short('o').long("output").help(say(
            "The request; FILE.tsq of the bundle without it",
            "请求文件，默认为 证据包.tsq",
        )))
        .arg(path("file", say("FILE", "文件")).required(true).help(say("The bundle", "证据包")))
}

/// Reads how long the network is captured, in seconds.
fn capturing(written: &str) -> Result<u64, String> {
    let seconds = super::acts::time(written)?;
    if (1..=3600).contains(&seconds) { Ok(seconds) } else { Err("from 1s to 1h".to_owned()) }
}

/// Reads a size such as `64M`.
fn size(written: &str) -> Result<u64, String> {
    let refused = || "not a size such as `64M`".to_owned();
    let (digits, shift) = match written.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']) {
        Some(digits) => match written.as_bytes().last() {
            Some(b'k' | b'K') => (digits, 10),
            Some(b'm' | b'M') => (digits, 20),
            Some(b'g' | b'G') => (digits, 30),
            _ => (digits, 40),
        },
        None => (written, 0),
    };
    let count: u64 = digits.parse().map_err(|_no_number| refused())?;
    count.checked_mul(1 << shift).filter(|size| *size > 0).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        for (written, bytes) in [("512", 512), ("64M", 64 << 20), ("2g", 2 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(size(written), Ok(bytes));
        }
        for bad in ["", "M", "0", "-1", "1.5G", "99999999999T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
