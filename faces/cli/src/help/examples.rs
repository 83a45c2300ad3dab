//! What one would type, at the end of each help page.

use stanch_view::Look;

/// A command, what it is for in English and in Chinese.
type Example = (&'static str, &'static str, &'static str);

/// Returns the examples of a command, in the reader's language.
pub(super) fn of(names: &[String], look: Look) -> Vec<(String, String)> {
    let examples = match names.first().map(String::as_str) {
        None | Some("detect") => DETECT,
        Some("query") => QUERY,
        Some("facts") => &[("stanch facts processes", "its columns", "查看各列")],
        Some("events") => EVENTS,
        Some("scan") => SCAN,
        Some("rules") => RULES,
        Some("contain") => CONTAIN,
        Some("preserve") => PRESERVE,
        Some("seal") => SEAL,
        Some("timeline") => TIMELINE,
        Some("backup") => BACKUP,
        Some("snapshots") => SNAPSHOTS,
        Some("restore") => RESTORE,
        Some("undo") => UNDO,
        Some("ledger") => LEDGER,
        Some("baseline") => BASELINE,
        Some(_) => &[],
    };
    let say = |&(command, en, zh): &Example| (command.to_owned(), look.say(en, zh).to_owned());
    examples.iter().map(say).collect()
}

const DETECT: &[Example] = &[
    ("stanch detect", "this machine", "检查本机"),
    ("stanch detect --json > detect.json", "keep the answer", "保存结果"),
    ("stanch detect --root /mnt", "a mounted disk image", "检查已挂载的磁盘映像"),
];

const QUERY: &[Example] = &[
    (
        "stanch query \"SELECT pid, path FROM processes WHERE on_disk = 0\"",
        "programs whose file is gone",
        "程序文件已不存在的进程",
    ),
    (
        "stanch query --root /mnt \"SELECT * FROM users WHERE uid = 0\"",
        "in a disk image",
        "查询磁盘映像",
    ),
    (
        "stanch query \"SELECT user, source_ip FROM events WHERE kind = 'auth.success'\"",
        "logins that any log, journal or record holds",
        "各日志、journal 和登录记录中的登录",
    ),
];

const EVENTS: &[Example] = &[
    ("stanch events /var/log/auth.log*", "all rotations", "全部轮转文件"),
    (
        "stanch events --kind auth /var/log/btmp /var/log/auth.log",
        "logins and failures only",
        "只看登录与失败",
    ),
    (
        "ssh web01 cat /var/log/auth.log.2.gz | stanch events -",
        "from another machine, packed as it is",
        "来自另一台机器，压缩的也可直接读",
    ),
];

const SCAN: &[Example] = &[
    ("stanch scan /var/www", "web pages", "网页目录"),
    ("stanch scan --processes", "memory of all processes", "所有进程的内存"),
    ("stanch scan --yara rules /srv", "with rules of others", "同时使用外来规则"),
    ("stanch scan --hashes bad.csv /srv", "with a list of bad files", "同时比对摘要清单"),
];

const RULES: &[Example] = &[
    ("stanch rules show processes.deleted-program", "one sign", "查看一项迹象"),
    ("stanch rules check sigma/rules/linux", "rules of others", "检查外来规则"),
];

const CONTAIN: &[Example] = &[
    ("stanch contain plan", "everything but you, and what it costs", "全部切断、只留您，代价如何"),
    ("stanch contain apply", "do it; asks first", "执行，先询问"),
    (
        "stanch contain apply --block 203.0.113.9",
        "one address, for a day",
        "只封一个地址，为期一天",
    ),
    (
        "stanch contain apply --keep 192.0.2.10:443 --rollback-after 5m",
        "leave a service open; more time to confirm",
        "保留一项业务，确认时限放宽",
    ),
    (
        "stanch contain apply --freeze 4242",
        "one process, the network as it is",
        "冻结进程，不动网络",
    ),
    ("stanch contain release", "open it again", "解除断网"),
];

const PRESERVE: &[Example] = &[
    ("stanch preserve -o web01.tar.gz", "this machine", "收集本机证据"),
    (
        "ssh web01 stanch preserve -o - > web01.tar.gz",
        "writes nothing on the machine",
        "不在该机器上写任何东西",
    ),
    ("stanch detect --bundle web01.tar.gz", "look at it later", "事后查看"),
];

const SEAL: &[Example] = &[
    ("stanch seal verify web01.tar.gz", "is it as it was", "校验是否原样"),
    ("stanch seal verify web01.tar.gz --public-key me.pub", "and is it mine", "并验证签名"),
    (
        "stanch seal list web01.tar.gz --format html -o list.html",
        "to be printed and signed",
        "可打印签字的清单",
    ),
    ("stanch seal request web01.tar.gz", "for a time stamp", "生成时间戳请求"),
];

const TIMELINE: &[Example] = &[
    ("stanch timeline --since 2d --kind auth,file.times", "logins beside files", "登录与文件对照"),
    ("stanch timeline --path /srv/www", "one folder", "只看一个目录"),
    (
        "stanch timeline --bundle web01.tar.gz -o web01.jsonl",
        "to be loaded into Timesketch",
        "供 Timesketch 导入",
    ),
];

const BACKUP: &[Example] = &[
    (
        "stanch backup init --repo /mnt/repo --password-file pw",
        "a repository on a disk",
        "在外接磁盘上建立仓库",
    ),
    (
        "stanch backup run --repo /mnt/repo --password-file pw /srv /etc",
        "keep data and settings",
        "备份数据和配置",
    ),
];

const SNAPSHOTS: &[Example] =
    &[("stanch snapshots --repo /mnt/repo --password-file pw", "what there is", "查看已有快照")];

const RESTORE: &[Example] = &[
    (
        "stanch restore stage latest --repo /mnt/repo --password-file pw --to /srv/back",
        "all of it, beside the machine",
        "全部恢复到单独目录",
    ),
    ("stanch restore stage latest … --include /srv/shop", "one folder", "只恢复一个目录"),
];

const UNDO: &[Example] = &[
    ("stanch ledger show", "the acts and their ids", "查看各项处置及编号"),
    ("stanch undo A-0003", "take one back", "撤销其中一项"),
];

const LEDGER: &[Example] = &[
    ("stanch ledger show", "what was seen and done", "查看所见所为"),
    ("stanch ledger verify", "is the record whole", "校验台账是否完整"),
];

const BASELINE: &[Example] = &[
    ("stanch baseline create -o web01.base", "keep how every file is", "记录每个文件的现状"),
    ("stanch baseline check web01.base", "what differs since", "与之相比有何不同"),
    ("ssh web01 stanch baseline create -o - > web01.base", "keep it elsewhere", "存放到别处"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments;

    #[test]
    fn every_example_is_a_command_that_is_understood() {
        let all = [
            DETECT, QUERY, EVENTS, SCAN, RULES, CONTAIN, PRESERVE, SEAL, TIMELINE, UNDO, LEDGER,
            BASELINE,
        ]
        .concat();
        assert!(all.len() > 20);
        for (example, en, zh) in all {
            assert!(!en.is_empty() && !zh.is_empty(), "{example}");
            // The words from `stanch` to a redirection; what is quoted is one word.
            let (_, asked) = example.split_once("stanch ").unwrap();
            let mut words = vec!["stanch"];
            for (at, part) in asked.split('"').enumerate() {
                match at % 2 {
                    0 => words.extend(part.split_whitespace().take_while(|word| *word != ">")),
                    _ => words.push(part),
                }
            }
            let read = arguments::command(stanch_words::Lang::En).try_get_matches_from(words);
            assert!(read.is_ok(), "{example}: {}", read.unwrap_err());
        }
    }
}
