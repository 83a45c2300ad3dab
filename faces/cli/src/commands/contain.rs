//! `stanch contain`: cuts the network, and opens it again.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use clap::ArgMatches;
use stanch_incident::containment::{
    self, ContainError, CutLevel, Keep, Keeping, LEASE, Seat, Wish,
};
use stanch_incident::{deeds, watch};
use stanch_view::pages::{acts, contain as page, outside as outside_page, plan as plan_page};
use stanch_view::{Report, Trouble, documents};
use stanch_wire::json;
use stanch_words::{Both, Plan};

use crate::arguments::Asked;
use crate::terminal::Terminal;

/// How long a cut waits to be confirmed, in seconds.
const UNCONFIRMED: u64 = 120;
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
        Some(("watch", matches)) => watch(matches, asked, terminal),
        Some(("outside", matches)) => outside(matches, asked, terminal),
        _status => {
            let cut = containment::cut(&asked.desk).map_err(told)?;
            tell(asked, terminal, &page::status(cut.as_ref(), asked.look))
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
    if !asked.json {
        terminal.speak(&plan_page::page(&plan, terminal.errors()));
    }
    if plan.steps.is_empty() {
        if asked.json {
            terminal.data(|out| json::pretty(out, &documents::plan(&plan, asked.look)))?;
        }
        return Ok(Trouble::Refused.exit());
    }
    consent(&plan, matches, asked, terminal)?;
    let deeds = containment::apply(&asked.desk, &plan).map_err(told)?;
    terminal.speak(&page::passwords(&passwords, terminal.errors()));
    // Said of this cut, not of one that stood before.
    let is_new = |cut: &containment::Cut| deeds.iter().any(|deed| deed.id == cut.deed.id);
    let cut = containment::cut(&asked.desk).map_err(told)?.filter(is_new);
    let watcher =
        cut.as_ref().filter(|_| !matches.get_flag("no-watch")).and_then(|_| watcher(asked));
    tell(asked, terminal, &page::applied(&deeds, cut.as_ref(), watcher, asked.look))
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

/// Leaves a process behind that watches over the cut; none if it cannot be started, since the cut
/// does not rest on it.
#[expect(
    clippy::disallowed_methods,
    reason = "our own program, left behind; nothing is looked at by it"
)]
fn watcher(asked: &Asked) -> Option<u32> {
    let case = asked.desk.case().ok().flatten()?;
    let mut command = std::process::Command::new("/proc/self/exe");
    command.arg("--case").arg(case.folder()).args(["contain", "watch", "--apart"]);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0);
    command.spawn().ok().map(|child| child.id())
}

fn watch(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    if matches.get_flag("apart") {
        stanch_incident::leave_session();
    }
    let mut say = |tampered| terminal.speak(&page::mended(tampered, asked.look));
    let end = watch::watch(&asked.desk, &mut say).map_err(told)?;
    tell(asked, terminal, &page::watched(end, asked.look))
}

/// Asks before anything is done, unless `--yes` was given.
pub(super) fn consent(
    plan: &Plan,
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<(), Box<Report>> {
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
        let standing = stanch_incident::case::standing(&asked.desk)
            .map_err(|error| Box::new(stanch_view::pages::ledger::broken(&error)))?;
        let cut = containment::cut(&asked.desk).map_err(told)?;
        let document = documents::acts(standing.as_ref(), cut.as_ref(), asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(text)?;
    }
    Ok(0)
}

/// What is dealt with beside the network: alone, the network is left as it is.
const TARGETS: [&str; 6] =
    ["freeze", "kill", "lock-account", "end-sessions", "rotate-password", "stop-service"];
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
    let named = matches.get_one::<String>("level").and_then(|name| CutLevel::from_name(name));
    let level = match (named, block.is_empty(), is_only_network) {
        (Some(level), ..) => Some(level),
        (None, false, _) => Some(CutLevel::Block),
        (None, true, true) => Some(CutLevel::Isolate),
        (None, true, false) => None,
    };
    let usual = if level == Some(CutLevel::Block) { LEASE } else { UNCONFIRMED };
    Ok(Wish {
        freeze: pids(matches, "freeze"),
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
        seat: if matches.get_flag("console") { Seat::Console } else { Seat::Remote },
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
