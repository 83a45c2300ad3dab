//! The commands that change a machine, and those that tell what was changed.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command};
use stanch_incident::containment::{CutLevel, Keep};

/// `stanch contain`.
pub(super) fn contain(say: impl Fn(&'static str, &'static str) -> &'static str + Copy) -> Command {
    Command::new("contain")
        .about(say("Cuts the intruder off the network, and never you", "断网：切断入侵者，绝不把您关在外面"))
        .long_about(say(
            "Cuts the network, or a part of it, in one transaction of the kernel's packet filter; other rules are left alone. The way that you came in by stays open: it is told from the connections that this session's own processes hold. Unless you confirm over a new connection in time, the kernel opens the network again by itself, even if this program is gone. `plan` shows what would be cut and what it costs, and changes nothing.",
            "用内核包过滤器的一次事务切断全部或部分网络，不动其他规则。您登录所用的通路保持开放：由本会话各进程实际持有的连接判断。若未及时在新连接中确认，内核会自动放开网络，即使本程序已不在。`plan` 只显示将切断什么、代价如何，不作任何改动。",
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(wish(Command::new("plan").about(say(
            "Shows what would be cut and what it costs; changes nothing",
            "显示将切断什么、代价如何；不作改动",
        )), say))
        .subcommand(
            wish(Command::new("apply").about(say("Cuts it", "执行断网")), say)
                .arg(plan_id(say).conflicts_with_all(WISHES))
                .arg(no_watch(say))
                .arg(yes(say)),
        )
        .subcommand(
            Command::new("again")
                .about(say(
                    "Makes a cut again that holds no more, after a reboot for one",
                    "重新执行已失效的断网，例如重启之后",
                ))
                .args(timing(say))
                .arg(no_watch(say))
                .arg(yes(say)),
        )
        .subcommand(
            Command::new("confirm")
                .about(say(
                    "Keeps the cut for a day; to be typed over a new connection",
                    "保持断网一天；须在新连接中输入",
                ))
                .arg(Arg::new("code").value_name("CODE").required(true).help(say(
                    "The code that `apply` showed",
                    "`apply` 显示的确认码",
                ))),
        )
        .subcommand(
            Command::new("release").about(say("Opens the network again", "解除断网")),
        )
        .subcommands(behind(say))
        .subcommand(outside(say))
        .subcommand(
            Command::new("status").about(say("Shows how the network stands", "显示断网状态")),
        )
}

/// What goes on behind a cut: the watch over it, and the wait to plug in again.
fn behind(say: impl Fn(&'static str, &'static str) -> &'static str) -> [Command; 2] {
    [
        Command::new("watch")
            .about(say(
                "Watches over a cut until it ends: rules that somebody removes are made again",
                "看守断网直至结束：规则被人删除时立即重建",
            ))
            .arg(Arg::new("apart").long("apart").action(ArgAction::SetTrue).hide(true)),
        Command::new("plug-in")
            .hide(true)
            .about(say(
                "Waits, and plugs in again what a plan unplugs",
                "等待，到时重新接通方案所拔除的网络",
            ))
            .arg(plan_id(&say).required(true)),
    ]
}

/// `stanch contain outside`.
fn outside(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("outside")
                .about(say(
                    "Tells how to cut it from outside: switch port, hypervisor, cloud; does nothing itself",
                    "告知如何从外部断网：交换机端口、虚拟化平台、云；自身不执行任何操作",
                ))
                .long_about(say(
                    "Tells how to cut this machine off where root on it cannot undo it: the port of the switch, which is heard from the frames by which switches tell of themselves (LLDP, CDP), the hypervisor or the cloud, which the firmware names. It prints what to type there and what takes it back, and does nothing of it. It listens until each device that leads out has been told of, at most so long.",
                    "告知如何在本机 root 无法撤销之处断网：交换机端口（由交换机自报的 LLDP、CDP 帧得知）、虚拟化平台或云（由固件得知）。只显示应输入什么、如何恢复，自身不执行。监听到每个外连网卡都有交换机自报为止，最长为所给时间。",
                ))
                .arg(
                    Arg::new("listen")
                        .long("listen")
                        .value_name(say("TIME", "时间"))
                        .value_parser(ValueParser::new(listening))
                        .help(say(
                            "How long to listen for switches at most: `35s` by default, `0s` for not at all",
                            "最长监听交换机多久：默认 `35s`，`0s` 为不监听",
                        )),
                )
}

/// What a plan is made of: with `--plan` it is made already.
const WISHES: [&str; 14] = [
    "level",
    "keep",
    "block",
    "freeze",
    "freeze-container",
    "kill",
    "lock-account",
    "end-sessions",
    "rotate-password",
    "replace-host-keys",
    "stop-service",
    "consent",
    "console",
    "rollback-after",
];

fn no_watch(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("no-watch").long("no-watch").action(ArgAction::SetTrue).help(say(
        "Leave no process behind that makes the rules again if somebody removes them",
        "不留下看守进程；规则被人删除时不会重建",
    ))
}

/// `--plan`, of every command that does what a kept plan says.
pub(super) fn plan_id(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("plan")
        .long("plan")
        .value_name("ID")
        .help(say("Do exactly what this plan says, and nothing else", "严格执行该方案，不做其他"))
}

/// `--yes`, of every command that asks before it changes something.
pub(super) fn yes(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("yes").long("yes").action(ArgAction::SetTrue).help(say("Do not ask", "不再询问"))
}

fn wish(
    command: Command,
    say: impl Fn(&'static str, &'static str) -> &'static str + Copy,
) -> Command {
    accounts(processes(network(command, say), say), say)
}

fn network(command: Command, say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    let levels: Vec<&str> =
        CutLevel::ALL.map(CutLevel::name).into_iter().chain(["unplug"]).collect();
    command
        .arg(
            Arg::new("level")
                .long("level")
                .value_name(say("LEVEL", "级别"))
                .value_parser(PossibleValuesParser::new(levels))
                .help(say(
                    "block: the addresses given; egress: nothing new goes out; isolate: everything but you; blind: the same, and nobody who listens to the wire hears it; unplug: the devices go down, yours too (console only). By default block if addresses are given, else isolate",
                    "block 只封给出的地址；egress 禁止主动外连；isolate 除您之外全部切断；blind 同上，且监听网卡者也听不到；unplug 关闭网卡，您也断开（仅限控制台）。给出地址时默认 block，否则 isolate",
                )),
        )
        .arg(
            Arg::new("keep")
                .long("keep")
                .value_name("ADDR[/LEN][:PORT]")
                .action(ArgAction::Append)
                .value_parser(ValueParser::new(keep))
                .help(say(
                    "Do not cut this; may be repeated. Your own way in is kept anyway",
                    "保留该地址（端口），可重复；您自己的通路总会保留",
                )),
        )
        .arg(
            Arg::new("block")
                .long("block")
                .value_name("ADDR[/LEN]")
                .action(ArgAction::Append)
                .value_parser(ValueParser::new(keep))
                .help(say("Cut this address or network; may be repeated", "封锁该地址或网段，可重复")),
        )
        .args(timing(say))
}

/// Where the responder sits, and how long a cut waits for him.
fn timing(say: impl Fn(&'static str, &'static str) -> &'static str) -> [Arg; 2] {
    [
        Arg::new("console").long("console").action(ArgAction::SetTrue).help(say(
            "You sit at the machine itself: no way in over the network need stay",
            "您就在机器的控制台前：无须保留网络通路",
        )),
        Arg::new("rollback-after")
            .long("rollback-after")
            .value_name(say("TIME", "时间"))
            .value_parser(ValueParser::new(seconds))
            .help(say(
                "When it opens by itself unless confirmed: `120s`, `5m`; by default 120s, for block 24h, for unplug 10m, for again 15m",
                "未确认时自动放开的时限：`120s`、`5m`；默认 120s，block 为 24h，unplug 为 10m，again 为 15m",
            )),
    ]
}

fn processes(
    command: Command,
    say: impl Fn(&'static str, &'static str) -> &'static str,
) -> Command {
    command
        .arg(
            Arg::new("freeze")
                .long("freeze")
                .value_name("PID")
                .action(ArgAction::Append)
                .value_parser(clap::value_parser!(i64).range(1..))
                .help(say(
                    "Freeze this process and all that descend from it; may be repeated. Alone, the network is left as it is",
                    "冻结该进程及其全部后代，可重复；单独使用时不动网络",
                )),
        )
        .arg(
            Arg::new("freeze-container")
                .long("freeze-container")
                .value_name("ID")
                .action(ArgAction::Append)
                .help(say(
                    "Freeze this container by its control group: its id, the beginning of it, or its name; may be repeated. Alone, the network is left as it is",
                    "按控制组冻结该容器：写 id、id 开头或名称，可重复；单独使用时不动网络",
                )),
        )
        .arg(
            Arg::new("kill")
                .long("kill")
                .value_name("PID")
                .action(ArgAction::Append)
                .value_parser(clap::value_parser!(i64).range(1..))
                .help(say(
                    "Freeze this process and all that belong to it, keep their programs and maps in the case, and kill them; may be repeated. Alone, the network is left as it is",
                    "冻结该进程及相关进程，在案件中留存其程序与内存映射后终止，可重复；单独使用时不动网络",
                )),
        )
}

fn accounts(command: Command, say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    command
        .arg(
            Arg::new("stop-service")
                .long("stop-service")
                .value_name("UNIT")
                .action(ArgAction::Append)
                .help(say(
                    "Take away what starts this service, mask it and kill its processes; may be repeated. Alone, the network is left as it is",
                    "移除该服务的启动项，屏蔽并终止其进程，可重复；单独使用时不动网络",
                )),
        )
        .arg(
            Arg::new("lock-account")
                .long("lock-account")
                .value_name("USER")
                .action(ArgAction::Append)
                .help(say(
                    "Lock this account (password, expiry, shell, keys, cron, at, lingering, sudo's rules) and end its sessions; may be repeated. Alone, the network is left as it is",
                    "锁定该账户（密码、过期、shell、密钥、cron、at、驻留、sudo 规则）并结束其会话，可重复；单独使用时不动网络",
                )),
        )
        .arg(
            Arg::new("end-sessions")
                .long("end-sessions")
                .value_name("USER")
                .action(ArgAction::Append)
                .help(say(
                    "End the sessions of this account, whatever was started in them included, but never yours; may be repeated",
                    "结束该账户的会话及其中启动的一切，绝不动您自己的会话，可重复",
                )),
        )
        .arg(
            Arg::new("rotate-password")
                .long("rotate-password")
                .value_name("USER")
                .action(ArgAction::Append)
                .help(say(
                    "Give this account a new password, shown once and kept nowhere; may be repeated",
                    "为该账户更换密码，新密码只显示一次、不作留存，可重复",
                )),
        )
        .arg(
            Arg::new("replace-host-keys").long("replace-host-keys").action(ArgAction::SetTrue).help(
                say(
                    "Give sshd a new key of the machine (Ed25519) and take the old ones away: who copied them can pass for it",
                    "为 sshd 更换主机密钥（Ed25519）并移走旧密钥：复制过旧密钥的人可以冒充本机",
                ),
            ),
        )
        .arg(
            Arg::new("consent")
                .long("consent")
                .value_name("WORD")
                .action(ArgAction::Append)
                .help(say(
                    "Yes, lock this account though you came in by it; or `unplug`: the console works without this network. May be repeated",
                    "确认锁定您自己登录所用的该账户；或 `unplug`：确认不经本网络也能使用控制台。可重复",
                )),
        )
}

fn keep(written: &str) -> Result<Keep, String> {
    Keep::parse(written).ok_or_else(|| {
        "not ADDR[/LEN][:PORT]; an IPv6 address with a port stands in brackets".to_owned()
    })
}

/// The shortest and the longest time, in seconds.
const SHORTEST: u64 = 30;
const LONGEST: u64 = 7 * 24 * 3600;

fn seconds(written: &str) -> Result<u64, String> {
    let seconds = time(written)?;
    if (SHORTEST..=LONGEST).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("from {SHORTEST}s to 168h"))
    }
}

/// The longest that is listened for switches, in seconds.
const LISTENING: u64 = 600;

fn listening(written: &str) -> Result<u64, String> {
    let seconds = time(written)?;
    if seconds <= LISTENING { Ok(seconds) } else { Err(format!("at most {LISTENING}s")) }
}

/// Returns a time in seconds.
pub(super) fn time(written: &str) -> Result<u64, String> {
    let (digits, unit) = match written.strip_suffix(['s', 'm', 'h']) {
        Some(digits) if written.ends_with('s') => (digits, 1),
        Some(digits) if written.ends_with('m') => (digits, 60),
        Some(digits) => (digits, 3600),
        None => (written, 1),
    };
    let count: u64 =
        digits.parse().map_err(|_not_a_number| "not a time such as `120s`".to_owned())?;
    Ok(count.saturating_mul(unit))
}

/// `stanch undo`.
pub(super) fn undo(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("undo")
        .about(say("Takes an act back, or all acts of a plan", "撤销一项处置，或某方案的全部处置"))
        .arg(Arg::new("resume").long("resume").action(ArgAction::SetTrue).help(say(
            "Go on with an act that was cut off instead of taking it back",
            "继续完成中途中断的处置，而不是撤销",
        )))
        .arg(Arg::new("id").value_name("ID").required(true).help(say(
            "The act, such as `A-0003`, or the plan, such as `P-0002`; `stanch` alone lists the acts",
            "处置编号（如 `A-0003`）或方案编号（如 `P-0002`）；单独运行 `stanch` 列出全部处置",
        )))
}

/// `stanch ledger`.
pub(super) fn ledger(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("ledger")
        .about(say("Shows or checks the record of the case", "显示或校验案件台账"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("show").about(say("Shows all entries", "显示全部记录")))
        .subcommand(Command::new("verify").about(say("Checks the chain", "校验记录链条")))
        .subcommand(
            Command::new("note")
                .about(say(
                    "Writes down what people did or saw; opens a case if none is open",
                    "记下人所做、所见，没有案件则新建",
                ))
                .arg(Arg::new("text").value_name(say("TEXT", "文字")).required(true).help(say(
                    "What, in quotes: `disk handed to Li Wei, seal 4711`",
                    "内容，加引号，如“硬盘交李伟，封条 4711”",
                ))),
        )
}
