//! `stanch contain`: cuts the network, and opens it again.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use clap::ArgMatches;
use stanch_incident::containment::{
    self, ContainError, CutLevel, Keep, Keeping, LEASE, Seat, Wish,
};
use stanch_incident::{deeds, unplugging, watch};
use stanch_view::documents::{self, Network};
use stanch_view::pages::{acts, contain as page, outside as outside_page, plan as plan_page};
use stanch_view::{Report, Trouble};
use stanch_wire::json;
use stanch_words::{Both, Plan};

use crate::arguments::Asked;
use crate::terminal::Terminal;

/// How long a cut waits to be confirmed, in seconds.
const UNCONFIRMED: u64 = 120;
/// The same of a network that is unplugged: whoever sits at the console has a longer way.
const UNPLUGGED: u64 = 600;
/// The same of a cut that is made again, after a reboot for one.
const AGAIN: u64 = 900;
/// The level that is no rule of the packet filter.
const UNPLUG: &str = "unplug";
/// How long is listened for switches, in seconds: they tell of themselves every 30 (LLDP) or 60
/// (CDP), and most of the former.
const LISTEN: u64 = 35;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    match matches.subcommand() {
        Some(("plan", matches)) => plan(matches, asked, terminal),
        Some(("apply", matches)) => apply(matches, asked, terminal),
        Some(("confirm", matches)) => {
            let code = matches.get_one::<String>("code").map_or("", String::as_str);
            containment::confirm(&asked.desk, code).map_err(told)?;
            tell(asked, terminal, &page::confirmed(asked.look))
        }
        Some(("release", _)) => {
            let deed = containment::release(&asked.desk).map_err(told)?;
            tell(asked, terminal, &acts::dealt(&[deed], asked.look))
        }
        Some(("again", matches)) => again(matches, asked, terminal),
        Some(("plug-in", matches)) => plug_in(matches, asked, terminal),
        Some(("watch", matches)) => watch(matches, asked, terminal),
        Some(("outside", matches)) => outside(matches, asked, terminal),
        _status => {
            let network = network(asked)?;
            told_of(&network, asked, terminal, &page::status(&network, asked.look))
        }
    }
}

fn plan(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let wish = wish(matches, asked)?;
    let plan = containment::plan(&asked.desk, &wish, Keeping::InCase).map_err(told)?;
    show(&plan, asked, terminal)?;
    if plan.steps.is_empty() {
        return Ok(Trouble::Refused.exit());
    }
    terminal.speak(&page::passwords(&wish.new_passwords, terminal.errors()));
    Ok(0)
}

/// Shows a plan: as its page, or as its document.
pub(super) fn show(plan: &Plan, asked: &Asked, terminal: &Terminal) -> Result<(), Box<Report>> {
    if asked.json {
        return terminal.data(|out| json::pretty(out, &documents::plan(plan, asked.look)));
    }
    terminal.text(&plan_page::page(plan, asked.look))
}

fn apply(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let mut passwords = Vec::new();
    let plan = match matches.get_one::<String>("plan") {
        Some(id) => deeds::kept_plan(&asked.desk, id).map_err(|error| told(error.into()))?,
        None => {
            let wish = wish(matches, asked)?;
            let plan = containment::plan(&asked.desk, &wish, Keeping::InCase).map_err(told)?;
            passwords = wish.new_passwords;
            plan
        }
    };
    carry_out(&plan, &passwords, matches, asked, terminal)
}

/// Plans a cut that does not hold any more once more, and does it.
fn again(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let seat = seat(matches);
    let seconds = matches.get_one::<u64>("rollback-after").copied().unwrap_or(AGAIN);
    let plan = containment::again(&asked.desk, seat, seconds).map_err(told)?;
    carry_out(&plan, &[], matches, asked, terminal)
}

/// Shows a plan, asks, does it, and tries what came of it.
fn carry_out(
    plan: &Plan,
    passwords: &[containment::NewPassword],
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    if !agreed(plan, matches, asked, terminal)? {
        return Ok(Trouble::Refused.exit());
    }
    // Whoever plugs it in again is there before it is unplugged.
    let waits = if unplugging::unplugs(plan) { Some(waiter(plan, asked)?) } else { None };
    let deeds = containment::apply(&asked.desk, plan).map_err(told)?;
    terminal.speak(&page::passwords(passwords, terminal.errors()));
    // Said of this cut, not of one that stood before.
    let is_new = |id: &str| deeds.iter().any(|deed| deed.id == id);
    let mut network = network(asked)?;
    network.cut = network.cut.filter(|cut| is_new(&cut.deed.id));
    network.unplugged = network.unplugged.filter(|one| is_new(&one.deed.id));
    let (mut watcher, mut unproved) = (waits, None);
    if let Some(cut) = &network.cut {
        // Whatever comes of it, what was done and the code that confirms it are told.
        match containment::prove(&asked.desk, cut) {
            Ok(proofs) => network.proofs = proofs,
            Err(error) => {
                let report = told(error);
                terminal.speak(&report.text(terminal.errors()));
                unproved = Some(report.kind.exit());
            }
        }
        if !matches.get_flag("no-watch") {
            let spawned = behind(asked, &["contain", "watch", "--apart"], Stdio::null());
            watcher = spawned.map(|child| child.id());
        }
    }
    let page = page::applied(&deeds, &network, watcher, asked.look);
    let code = told_of(&network, asked, terminal, &page)?;
    // Nobody is to take for proved what was not.
    Ok(unproved.unwrap_or(code))
}

fn outside(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let seconds = matches.get_one::<u64>("listen").copied().unwrap_or(LISTEN);
    let told = containment::look_outside(std::time::Duration::from_secs(seconds));
    if asked.json {
        let document = documents::outside(&told, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&outside_page::page(&told, asked.look))?;
    }
    Ok(0)
}

/// Leaves a process of ours behind, at work on the same case; none if it cannot be started.
#[expect(
    clippy::disallowed_methods,
    reason = "our own program, left behind; nothing is looked at by it"
)]
fn behind(asked: &Asked, arguments: &[&str], stdout: Stdio) -> Option<std::process::Child> {
    let case = asked.desk.case().ok().flatten()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg("--case").arg(case.folder()).args(arguments);
    command.current_dir("/").stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
    command.process_group(0);
    command.spawn().ok()
}

/// What the process that plugs in again says when it is ready to.
const READY: &str = "ready\n";

/// Leaves a process behind that plugs in what a plan unplugs, and waits until it is ready.
fn waiter(plan: &Plan, asked: &Asked) -> Result<u32, Box<Report>> {
    let arguments = ["contain", "plug-in", "--plan", &plan.id];
    let mut child = behind(asked, &arguments, Stdio::piped());
    let mut said = [0_u8; READY.len()];
    let stdout = child.as_mut().and_then(|child| child.stdout.as_mut());
    let is_ready = stdout.is_some_and(|out| out.read_exact(&mut said).is_ok());
    match child {
        Some(child) if is_ready && said == READY.as_bytes() => Ok(child.id()),
        _not_there => Err(Box::new(Report::new(
            Trouble::Refused,
            Both::new(
                "the process that would plug it in again could not be started",
                "无法启动负责重新接通的进程",
            ),
        ))),
    }
}

/// Waits until what a plan unplugs has to be plugged in again.
fn plug_in(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    stanch_incident::leave_session();
    let plan = matches.get_one::<String>("plan").map_or("", String::as_str);
    let mut ready = || {
        let _nobody_waits = terminal.text(READY);
    };
    let end = unplugging::wait_and_plug_in(&asked.desk, plan, &mut ready).map_err(told)?;
    let _nobody_reads = terminal.text(&page::waited(end, asked.look));
    Ok(0)
}

/// Returns how the network stands.
fn network(asked: &Asked) -> Result<Network, Box<Report>> {
    Ok(Network {
        cut: containment::cut(&asked.desk).map_err(told)?,
        unplugged: unplugging::unplugged(&asked.desk).map_err(told)?,
        proofs: Vec::new(),
    })
}

fn seat(matches: &ArgMatches) -> Seat {
    if matches.get_flag("console") { Seat::Console } else { Seat::Remote }
}

fn watch(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    if matches.get_flag("apart") {
        stanch_incident::leave_session();
    }
    let mut say = |tampered| terminal.speak(&page::mended(tampered, asked.look));
    let end = watch::watch(&asked.desk, &mut say).map_err(told)?;
    tell(asked, terminal, &page::watched(end, asked.look))
}

/// Shows a plan and asks. Returns whether there is something to do, to which somebody said yes.
pub(super) fn agreed(
    plan: &Plan,
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<bool, Box<Report>> {
    if !asked.json {
        terminal.speak(&plan_page::page(plan, terminal.errors()));
    }
    if plan.steps.is_empty() {
        if asked.json {
            terminal.data(|out| json::pretty(out, &documents::plan(plan, asked.look)))?;
        }
        return Ok(false);
    }
    consent(plan, matches, asked, terminal)?;
    Ok(true)
}

/// Asks before anything is done, unless `--yes` was given.
fn consent(
    plan: &Plan,
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<(), Box<Report>> {
    // Who may not see the machine whole got a plan to look at, which is kept nowhere.
    if plan.id.is_empty() {
        let words = std::env::args_os().skip(1);
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        return Err(Box::new(plan_page::only_root(&words)));
    }
    if matches.get_flag("yes") {
        return Ok(());
    }
    let question = asked.look.say("Do this? Type yes: ", "确认执行请输入 yes：");
    if terminal.ask(question).as_deref() == Some("yes") {
        return Ok(());
    }
    let next = format!("stanch {} apply --plan {} --yes", plan.phase.name(), plan.id);
    Err(Box::new(
        Report::new(Trouble::Refused, Both::new("nobody said yes", "未获确认"))
            .next(Both::new(next.clone(), next)),
    ))
}

/// Says what came of it: as text, or as the document of all acts.
pub(super) fn tell(asked: &Asked, terminal: &Terminal, text: &str) -> Result<u8, Box<Report>> {
    if asked.json {
        return told_of(&network(asked)?, asked, terminal, text);
    }
    terminal.text(text)?;
    Ok(0)
}

fn told_of(
    network: &Network,
    asked: &Asked,
    terminal: &Terminal,
    text: &str,
) -> Result<u8, Box<Report>> {
    if asked.json {
        let standing = stanch_incident::case::standing(&asked.desk)
            .map_err(|error| Box::new(stanch_view::pages::ledger::broken(&error)))?;
        let document = documents::acts(standing.as_ref(), network, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(text)?;
    }
    Ok(0)
}

/// What is dealt with beside the network: alone, the network is left as it is.
const TARGETS: [&str; 7] = [
    "freeze",
    "freeze-container",
    "kill",
    "lock-account",
    "end-sessions",
    "rotate-password",
    "stop-service",
];
/// Likewise, a flag.
const HOST_KEYS: &str = "replace-host-keys";

fn wish(matches: &ArgMatches, asked: &Asked) -> Result<Wish, Box<Report>> {
    let list = |name: &str| -> Vec<Keep> {
        matches.get_many::<Keep>(name).into_iter().flatten().cloned().collect()
    };
    let block = list("block");
    let names = |name: &str| -> Vec<String> {
        matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
    };
    let is_only_network =
        !TARGETS.iter().any(|name| matches.contains_id(name)) && !matches.get_flag(HOST_KEYS);
    let written = matches.get_one::<String>("level");
    let unplug = written.is_some_and(|name| name == UNPLUG);
    let named = written.and_then(|name| CutLevel::from_name(name));
    let level = match (named, block.is_empty(), is_only_network && !unplug) {
        (Some(level), ..) => Some(level),
        (None, false, _) => Some(CutLevel::Block),
        (None, true, true) => Some(CutLevel::Isolate),
        (None, true, false) => None,
    };
    let usual = match level {
        _ if unplug => UNPLUGGED,
        Some(CutLevel::Block) => LEASE,
        _ => UNCONFIRMED,
    };
    Ok(Wish {
        freeze: pids(matches, "freeze"),
        freeze_containers: names("freeze-container"),
        kill: pids(matches, "kill"),
        lock_accounts: names("lock-account"),
        end_sessions: names("end-sessions"),
        new_passwords: names("rotate-password")
            .iter()
            .map(|name| containment::new_password(name).map_err(told))
            .collect::<Result<_, _>>()?,
        new_host_key: match matches.get_flag(HOST_KEYS) {
            true => Some(containment::new_host_key().map_err(told)?),
            false => None,
        },
        stop_services: names("stop-service"),
        consents: names("consent"),
        vault: deeds::vault(&asked.desk).map_err(|error| told(error.into()))?,
        level,
        keep: list("keep"),
        block,
        unplug,
        seat: seat(matches),
        seconds: matches.get_one::<u64>("rollback-after").copied().unwrap_or(usual),
        code: containment::code().map_err(told)?,
    })
}

fn pids(matches: &ArgMatches, name: &str) -> Vec<i64> {
    matches.get_many::<i64>(name).into_iter().flatten().copied().collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error's way")]
pub(super) fn told(error: ContainError) -> Box<Report> {
    Box::new(page::trouble(&error))
}
