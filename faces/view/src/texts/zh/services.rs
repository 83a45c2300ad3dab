// list: Chinese wordings of tables and columns, in the order of their names.
//! Tables about what services and the kernel said.

use super::Wording;

pub(super) static TABLES: &[Wording] = &[
    Wording {
        table: "data_store_uses",
        summary: "所有尚存日志和历史中，数据库、缓存和容器引擎收到的、能通向其外部的语句。",
        columns: &[
            ("store", "redis、mysql、postgresql、mongodb、docker，或程序自己的名字。"),
            (
                "danger",
                "program、library、file-write、file-read、replication、account、erase、api-on-network、host-root 或 privileged。",
            ),
            ("command", "语句或消息，最多 500 个字符。"),
            ("user", "数据库里的账户，或历史文件的主人。"),
            ("source_ip", "客户端地址；不知道则为空。"),
            ("database", "日志写明的数据库。"),
            ("path", "日志写明的文件。"),
            ("failed", "1 表示每次都被拒绝。"),
            ("witness", "由哪类来源记载：text、journal、history 等。"),
            ("count", "次数。"),
            ("first_time", "首次时间，Unix 时间（秒，UTC）；记录里没有时间则为空。"),
            ("last_time", "末次时间，Unix 时间（秒，UTC）。"),
            ("file", "第一条记录所在的文件。"),
            ("line", "在该文件中的行号或记录号，从 1 起。"),
            ("excerpt", "该处的内容。"),
            ("lines", "其中至多十行，JSON 数组，含 source、line、offset、excerpt。"),
        ],
    },
    Wording {
        table: "guard_stops",
        summary: "日志守护进程或安全服务停止、被杀死或被卸载，且一分钟内没有恢复的时刻。",
        columns: &[
            ("guard", "哪一个：rsyslog、auditd、fail2ban、falcon-sensor 等。"),
            ("class", "logger（日志）、audit（审计）、prevention（防护）或 agent（安全代理）。"),
            ("what", "stopped、killed、failed 或 removed（软件包被卸载）。"),
            ("time", "时间，Unix 时间（秒，UTC）。"),
            ("resumed_after", "多少秒后重新启动（或重新安装）；没有日志记载则为空。"),
            ("running", "1 表示现在有同名程序从系统路径运行。"),
            ("near_shutdown", "1 表示当时机器正在关机或开机，或直到下次开机都没有活动迹象。"),
            ("near_package", "1 表示五分钟内有软件包变更。"),
            ("alive_after", "此后到下次开机之前，有多少个五分钟时段机器仍有活动迹象。"),
            ("together", "十分钟内停止且没有恢复的不同防护有几个，包括这一个。"),
            ("user", "日志写明的卸载者。"),
            ("file", "记载它的日志。"),
            ("line", "在该日志中的行号或记录号，从 1 起。"),
            ("excerpt", "该处的内容。"),
            ("lines", "该行，JSON 数组，含 source、line、offset、excerpt。"),
        ],
    },
    Wording {
        table: "kernel_complaints",
        summary: "尚存日志里内核报出的异常，每个程序或模块的每一类一行。",
        columns: &[
            ("class", "crash、invalid-opcode、module、write-user、oops 或 out-of-memory。"),
            ("subject", "所涉及的程序或模块；没有写明则为空。"),
            ("reason", "内核原话，取第一条。"),
            ("count", "次数，取记载最多的那类日志。"),
            ("burst", "十分钟内最多几次。"),
            ("burst_time", "那十分钟从何时开始，Unix 时间（秒，UTC）。"),
            ("near_package", "1 表示此前半小时内有软件包变更。"),
            (
                "module_file",
                "仅对模块：1 表示某个已安装内核的清单里有它的文件，0 表示都没有；清单读不到则为空。",
            ),
            ("last_boot", "1 表示最近一次发生在日志所载的最后一次开机之后。"),
            ("first_time", "首次时间，Unix 时间（秒，UTC）。"),
            ("last_time", "末次时间，Unix 时间（秒，UTC）。"),
            ("file", "记载第一条的日志。"),
            ("line", "在该日志中的行号或记录号，从 1 起。"),
            ("excerpt", "该处的内容。"),
            ("lines", "其中至多十行，JSON 数组，含 source、line、offset、excerpt。"),
        ],
    },
    Wording {
        table: "logging_rules",
        summary: "rsyslog、syslog-ng 和 journald 中丢弃消息而不写入的规则。",
        columns: &[
            ("daemon", "rsyslog、syslog-ng 或 journald。"),
            (
                "what",
                "discard（规则中止消息）、nowhere（写到 /dev/null）、storage（Storage=none 或 volatile）或 level（只保存最严重的）。",
            ),
            ("rule", "整条规则，写成一行，最多 500 个字符。"),
            ("filter", "规则针对什么，按原文：过滤条件、选择符或设置的值。"),
        ],
    },
];
