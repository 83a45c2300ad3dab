// list: Chinese wordings of tables and columns, in the order of their names.
//! Tables about accounts, logins, SSH, shells and rights.

use super::Wording;

pub(super) static TABLES: &[Wording] = &[
    Wording {
        table: "account_changes",
        summary: "passwd、shadow、group、gshadow 与各自带短横的备份之间的差异，每个字段一行。",
        columns: &[
            ("file", "有变动的文件。"),
            ("change", "变动：added（新增）、removed（删除）或 changed（修改）。"),
            ("name", "账户名或组名。"),
            ("field", "有差异的字段；新增和删除时，凡有内容的字段各占一行。"),
            ("before", "备份中的值；绝不显示哈希。"),
            ("after", "现在的值；绝不显示哈希。"),
            ("time", "文件最后写入的时间，RFC 3339 格式（UTC）。"),
        ],
    },
    Wording {
        table: "authorized_keys",
        summary: "所有账户的 authorized_keys 文件中的公钥，位置以 sshd_config 为准。",
        columns: &[
            ("uid", "凭此公钥可登录的账户的 UID。"),
            ("algorithm", "密钥种类。"),
            ("key", "公钥，base64 编码。"),
            ("options", "公钥之前的选项，如 command=\"…\"。"),
            ("comment", "公钥之后的注释。"),
            ("fingerprint", "指纹，写作 SHA256:…，与 ssh-keygen -l 相同。"),
            ("bits", "密钥长度（位）。"),
        ],
    },
    Wording {
        table: "groups",
        summary: "本地组，/etc/group 每行对应一行。",
        columns: &[
            ("gid", "GID，无符号。"),
            ("gid_signed", "GID，按 32 位有符号数表示。"),
            ("groupname", "组名。"),
            ("members", "成员账户名，以逗号分隔；以此为主组的账户不在其中。"),
            (
                "password_set",
                "1 表示密码字段不是 x、! 或 *：知道该密码的人可用 newgrp(1) 加入此组。",
            ),
            ("line", "在 /etc/group 中的行号，从 1 起。"),
        ],
    },
    Wording {
        table: "history_evasion",
        summary: "被链接走、清空、锁定或停用的 shell 历史。",
        columns: &[
            ("uid", "账户的 UID；机器级的启动文件为 NULL。"),
            ("path", "历史文件，或把它停用的文件。"),
            (
                "what",
                "手法：symlink-to-null、symlink、not-a-file、empty-with-sessions、immutable、append-only 或 histfile-unset-in-rc。",
            ),
            ("detail", "链接目标、会话数或相关的那一行。"),
        ],
    },
    Wording {
        table: "known_hosts",
        summary: "所有账户以及本机的 known_hosts 文件中的各行。",
        columns: &[
            ("uid", "账户的 UID；机器级的文件为 0。"),
            ("hosts", "该行中的主机名；经过哈希的为 NULL。"),
            ("hashed", "1 表示主机名经过哈希。"),
        ],
    },
    Wording {
        table: "last",
        summary: "wtmp、wtmp.1 与 wtmp.db 中的登录、登出、开机和关机记录；最旧的文件在前，按文件内顺序。",
        columns: &[
            ("username", "用户名；开机记录为 `reboot`，关机记录为 `shutdown`。"),
            ("pid", "该登录的进程号。"),
            ("type", "记录种类，见 utmp(5)：1 运行级别，2 开机，7 登录，8 登出。"),
            ("type_name", "记录种类的名称，如 `user-process`。"),
            ("host", "登录程序写下的来源主机；开机记录为内核版本。"),
            ("address", "记录中地址字段所载的来源地址；该字段为空时为 NULL。"),
            ("service", "PAM 服务（仅 wtmp.db）。"),
            ("microseconds", "时间中不足一秒的部分（微秒）。"),
            ("zeroed", "1 表示整条记录全为零字节，清除日志的工具会留下这种痕迹。"),
            ("record", "记录在文件中的序号，从 1 起；wtmp.db 为行 ID。"),
        ],
    },
    Wording {
        table: "lastlog",
        summary: "各账户最近一次登录，来自 lastlog 与 lastlog2。",
        columns: &[
            ("uid", "UID；lastlog2 中的名称没有对应账户时为 NULL。"),
            ("username", "登录名；UID 没有对应账户时为 NULL。"),
            ("service", "PAM 服务（仅 lastlog2）。"),
        ],
    },
    Wording {
        table: "logged_in_users",
        summary: "utmp 中的记录；没有 utmp 时取 systemd 的会话。",
        columns: &[
            ("type", "记录种类：user 为登录；其余为 boot_time、runlevel、login、init、dead。"),
            ("address", "记录中地址字段所载的来源地址。"),
            ("service", "PAM 服务（仅 systemd 会话）。"),
        ],
    },
    Wording {
        table: "pam_rules",
        summary: "PAM 规则，每个服务的配置每行对应一行。",
        columns: &[
            ("service", "服务：即文件名，或 /etc/pam.conf 中的第一个词。"),
            ("type", "account、auth、password 或 session；Debian 的包含行为 @include。"),
            ("control", "required、sufficient、include……或方括号列表。"),
            ("module", "模块，或被包含的服务名。"),
            ("arguments", "模块的参数。"),
            ("optional", "1 表示类型前有短横：模块缺失时连日志都不记。"),
            ("include", "包含行所包含的文件；按名称给出，不论是否存在。"),
        ],
    },
    Wording {
        table: "service_accounts",
        summary: "服务账户：名称众所周知，或 UID 低于 UID_MIN；root 不算。",
        columns: &[
            (
                "login_shell",
                "1 表示该 shell 可供人操作，即不是 nologin、false、sync、shutdown、halt。",
            ),
            ("password_set", "1 表示可输入密码登录（空密码也算）；读不到 /etc/shadow 时为 NULL。"),
            ("ssh_directory", "1 表示主目录下有 .ssh 目录；无法查看时为 NULL。"),
            ("expected_shell", "发行版通常给该账户的 shell；不属于常见账户时为 NULL。"),
            ("well_known", "1 表示属于发行版自带的账户。"),
        ],
    },
    Wording {
        table: "shadow",
        summary: "本地账户的密码状态，/etc/shadow 每行对应一行；绝不显示哈希。",
        columns: &[
            (
                "password_status",
                "active（可用）、locked（锁定）、empty（空）或 not_set（字段为 !!）。",
            ),
            (
                "hash_alg",
                "哈希前两个 $ 之间的词：1 为 MD5，5 为 SHA-256，6 为 SHA-512，y 为 yescrypt；DES 或没有哈希时为空。",
            ),
            ("last_change", "最后修改密码的日期，自 1970 年起的天数。"),
            ("min", "两次修改密码之间至少间隔的天数；未给出时为 -1。"),
            ("max", "密码最长使用天数；未给出时为 -1。"),
            ("warning", "密码到期前提醒的天数；未给出时为 -1。"),
            ("inactive", "密码到期后再过多少天停用账户；未给出时为 -1。"),
            ("expire", "账户到期的日期，自 1970 年起的天数；未给出时为 -1。"),
            ("flag", "保留字段；未给出时为 -1。"),
            ("empty_password", "1 表示完全不需要密码。"),
            ("weak_hash", "1 表示哈希为 DES、MD5（$1$）或 crypt(5) 认为不安全的其他算法。"),
            ("locked", "1 表示任何密码都无法匹配（字段以 ! 或 * 开头）。"),
            ("line", "在 /etc/shadow 中的行号，从 1 起。"),
        ],
    },
    Wording {
        table: "shell_history",
        summary: "所有账户的 shell 历史，每行一条。",
        columns: &[
            ("uid", "账户的 UID。"),
            ("time", "时间，Unix 时间（秒）；历史未记录时间的为 0。"),
        ],
    },
    Wording {
        table: "shell_startup_files",
        summary: "shell 启动时读取的文件中的各行，不含注释和空行。",
        columns: &[
            ("uid", "账户的 UID；机器级的文件为 NULL。"),
            ("hidden", "1 表示在终端上看不到整行内容。"),
        ],
    },
    Wording {
        table: "shells",
        summary: "/etc/shells 列出的登录 shell。",
        columns: &[("path", "shell 的路径。"), ("line", "在 /etc/shells 中的行号，从 1 起。")],
    },
    Wording {
        table: "ssh_configs",
        summary: "所有账户以及本机的 ssh_config 文件中的各行。",
        columns: &[
            ("uid", "账户的 UID；机器级的文件为 0。"),
            ("block", "所在的 Host 或 Match 行（小写）。"),
            ("option", "关键字及其值（小写）。"),
            ("value", "该行原文：命令中的大小写有意义。"),
        ],
    },
    Wording {
        table: "sshd_config",
        summary: "sshd_config 及其包含的文件中的各行，按 sshd 读取的顺序。",
        columns: &[
            ("option", "关键字（小写）。"),
            ("value", "关键字的值，保持原样。"),
            ("block", "所在的 Match 行；不在 Match 块内时为空。"),
            (
                "effective",
                "1 表示该行生效：同一块内以关键字的第一个值为准，可累加的关键字始终生效。",
            ),
        ],
    },
    Wording {
        table: "sudoers",
        summary: "/etc/sudoers 及其包含的文件中的规则，按顺序排列。",
        columns: &[
            ("header", "规则的第一个词：用户、%组、别名关键字、Defaults 或包含指令。"),
            ("rule_details", "规则的其余部分。"),
            ("nopasswd", "1 表示不需要密码：带 NOPASSWD 标签，或 Defaults 中有 !authenticate。"),
            ("all_commands", "1 表示允许执行任何命令（ALL）。"),
        ],
    },
    Wording {
        table: "user_groups",
        summary: "本地账户及其所在的组，每个“账户与组”一行。",
        columns: &[
            ("gid", "组 ID（GID）。"),
            ("groupname", "组名；组不存在时为空。"),
            ("primary", "1 表示这是账户的主组（来自 /etc/passwd）。"),
        ],
    },
    Wording {
        table: "user_ssh_keys",
        summary: "所有账户 .ssh 目录中的私钥；绝不显示密钥本身。",
        columns: &[
            ("uid", "私钥位于哪个账户的主目录：该账户的 UID。"),
            ("encrypted", "1 表示使用时需要密码短语。"),
            ("key_type", "rsa、dsa、ec 或 ed25519；没有密码短语便无从得知时为空。"),
            ("key_group_name", "ec 密钥所用的曲线。"),
            ("key_length", "密钥长度（位）；无从得知时为 -1。"),
            ("key_security_bits", "按 NIST SP 800-57 折算的安全强度（位）；无从得知时为 -1。"),
        ],
    },
    Wording {
        table: "users",
        summary: "本地账户，/etc/passwd 每行对应一行。",
        columns: &[
            ("gid", "主组 GID，无符号。"),
            ("uid_signed", "UID，按 32 位有符号数表示。"),
            ("gid_signed", "主组 GID，按 32 位有符号数表示。"),
            ("description", "注释字段（GECOS）。"),
            (
                "password_field",
                "密码字段的内容：x、空、锁定用的 * 或 !，或以 hash 一词代替哈希；绝不显示哈希本身。",
            ),
            ("line", "在 /etc/passwd 中的行号，从 1 起。"),
        ],
    },
];
