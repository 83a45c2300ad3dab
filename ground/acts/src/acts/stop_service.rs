//! Stops a service and keeps it from starting again, without its manager's tools.
//!
//! A unit of systemd is masked by its own means, a symlink to `/dev/null`, and systemd is told to
//! read its files again (SIGHUP), so that it brings back nothing that dies. Then its processes are
//! ended as others are: by its control group, or by its pid file where there is no systemd. What
//! starts it at boot (links of `WantedBy`, of SysV) are acts on files, planned beside this one.
//!
//! Source: systemd(1), "Signals"; systemd.unit(5); cgroups(7).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Dress, Known, Machine, Signal, limits};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo, text};

use crate::act::{Act, Exhibit, Trouble};
use crate::ending::{self, Whom};
use crate::freezing::{self, Way, own_chain};
use crate::order;
use crate::processes::{self, Process};

/// Where an administrator's units lie, which come before all others.
pub const UNITS: &str = "/etc/systemd/system";
const NOTHING: &str = "/dev/null";
/// Kinds of units that start something.
const KINDS: [&str; 4] = [".service", ".socket", ".timer", ".path"];
/// What the machine and the responder's own work hang on, by the beginning of its name.
const NEVER: [&str; 3] = ["systemd-", "dbus", "init."];

/// Stops a service.
#[derive(Debug)]
pub struct StopService;

/// The order, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    v: u32,
    /// The symlink that masks it, where there is systemd.
    mask: Option<PathBuf>,
    ends: ending::Order,
}

/// What lies where the mask will lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// What is there now.
    AsIs,
    /// Nothing: an earlier step of the plan takes it away.
    TakenAway,
}

impl StopService {
    /// The act's name.
    pub const NAME: &'static str = "stop_service";

    /// Plans it. Nothing is touched. `unit` is a whole name (`nginx.service`), or that of a SysV
    /// script.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(
        machine: &dyn Machine,
        unit: &str,
        before: Before,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let shown = text::escaped(unit);
        let asked = Both::new(format!("stop the service `{shown}`"), format!("停用服务 `{shown}`"));
        let refuse =
            |en: &str, zh: &str| Ok(Err(Refusal { asked: asked.clone(), why: Both::new(en, zh) }));
        if unit.contains('/') || NEVER.iter().any(|begin| unit.starts_with(begin)) {
            return refuse(
                "the machine itself hangs on it, or it is no name of a service",
                "系统本身依赖它，或者它不是服务名",
            );
        }
        let is_unit = KINDS.iter().any(|kind| unit.ends_with(kind));
        let mask = (is_unit && machine.stat(Path::new(UNITS)).is_ok())
            .then(|| Path::new(UNITS).join(unit));
        let roots = by_pid_file(machine, unit);
        let mut ends = ending::Order {
            v: 1,
            whom: Whom::Unit { name: unit.to_owned(), roots },
            way: Way::of(machine, &format!("stanch-end-{unit}")),
            members: Vec::new(),
        };
        let found = ends.find(machine)?;
        let own = own_chain(machine)?;
        if ending::hung_on(machine, &ends)?.is_some()
            || found.iter().any(|process| own.contains(&process.pid))
        {
            return refuse("this session hangs on it", "本会话依赖它");
        }
        ends.members = found.iter().map(|&one| freezing::member(machine, one)).collect();
        let order = Order { v: 1, mask, ends };
        let text = order::text(&order);
        let met = match before {
            Before::AsIs => Self.look(machine, &text)?,
            Before::TakenAway => state(Some("absent")),
        };
        if order.mask.is_some() && met != state(Some("absent")) {
            return refuse("it is masked already", "它已被屏蔽");
        }
        if order.mask.is_none() && found.is_empty() {
            return refuse("there is no such service that runs", "没有正在运行的该服务");
        }
        let mut subject = Subject::new(SubjectKind::Unit);
        subject.name = Some(unit.to_owned());
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: does(&shown, order.mask.is_some(), &found),
            undo: Undo::Possible,
            risk: Risk::Service,
            order: text,
            met,
        }))
    }
}

fn does(unit: &str, is_masked: bool, found: &[Process]) -> Both {
    let pids: Vec<String> = found.iter().take(12).map(|one| one.pid.to_string()).collect();
    let (pids, count) = (pids.join(", "), found.len());
    let mask = if is_masked { ("Masks", "屏蔽") } else { ("Stops", "停用") };
    if count == 0 {
        return Both::new(
            format!("{} `{unit}`; none of its processes runs.", mask.0),
            format!("{} `{unit}`；它没有进程在运行。", mask.1),
        );
    }
    Both::new(
        format!(
            "{} `{unit}`, keeps what its {count} processes are, and kills them: {pids}. Undoing lets it be started again, and does not start it.",
            mask.0
        ),
        format!(
            "{} `{unit}`，留存其 {count} 个进程的证物后终止：{pids}。撤销后可再次启动，但不会代为启动。",
            mask.1
        ),
    )
}

/// Returns the processes that pid files of a service name, if they run: `/run/NAME.pid` and
/// `/run/NAME/NAME.pid`, and the one that its unit tells (`PIDFile=`).
fn by_pid_file(machine: &dyn Machine, unit: &str) -> Vec<Process> {
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    let mut paths = vec![
        PathBuf::from(format!("/run/{name}.pid")),
        PathBuf::from(format!("/run/{name}/{name}.pid")),
    ];
    for folder in [UNITS, "/lib/systemd/system", "/usr/lib/systemd/system"] {
        let read = machine.read(&Path::new(folder).join(unit), limits::PSEUDO_FILE);
        let text = read.map(|read| read.bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        paths.extend(
            text.lines().filter_map(|line| line.strip_prefix("PIDFile=")).map(PathBuf::from),
        );
    }
    let mut found = Vec::new();
    for path in paths {
        let Ok(read) = machine.read(&path, limits::PSEUDO_FILE) else { continue };
        let pid = std::str::from_utf8(&read.bytes).ok().and_then(|text| text.trim().parse().ok());
        // A file that an earlier start left names whoever has the pid by now.
        let is_older = |told: &stanch_machine::ProcessStat| is_written_after(machine, &path, told);
        let told = pid.and_then(|pid| processes::told(machine, pid)).filter(is_older);
        let process = told.map(|told| Process::of(&told));
        found.extend(process.filter(|process| !found.contains(process)));
    }
    found
}

/// Returns whether a pid file was written when the process was there, give or take two seconds.
fn is_written_after(
    machine: &dyn Machine,
    path: &Path,
    told: &stanch_machine::ProcessStat,
) -> bool {
    let (Some(kernel), Ok(stat)) = (machine.kernel(), machine.stat(path)) else { return false };
    let boot = machine.read(Path::new("/proc/stat"), limits::PSEUDO_FILE).unwrap_or_default().bytes;
    let boot = String::from_utf8_lossy(&boot).into_owned();
    let boot =
        boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok());
    let age =
        told.start.checked_div(kernel.ticks()).and_then(|seconds| i64::try_from(seconds).ok());
    let (Some(boot), Some(age)) = (boot, age) else { return false };
    stat.modified.div_euclid(1_000_000_000) >= boot.saturating_add(age).saturating_sub(2)
}

fn state(mask: Option<&str>) -> String {
    serde_json::json!({ "mask": mask }).to_string()
}

fn read(text: &str) -> Result<Order, Trouble> {
    order::read(StopService::NAME, text, |order: &Order| order.v)
}

/// Tells systemd to read its units again, if it is what runs as the first process.
fn reload(hands: &dyn Changing) -> Result<(), Trouble> {
    let machine = hands.machine();
    let Some(first) = processes::told(machine, 1).filter(|told| told.name == "systemd") else {
        return Ok(());
    };
    let sent = hands.signal(1, first.start, Signal::Reload);
    sent.map_err(Trouble::while_doing("telling systemd to read its units again"))?;
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    kernel.sleep(std::time::Duration::from_millis(300));
    Ok(())
}

impl Act for StopService {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The state is what lies where the mask does. That it runs no more cannot be given back.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        let order = read(order)?;
        let Some(mask) = &order.mask else { return Ok(state(None)) };
        Ok(state(Some(match machine.read_link(mask) {
            Ok(target) if target == Path::new(NOTHING) => "masked",
            Err(miss) if miss.absent => "absent",
            Ok(_) | Err(_) => "another",
        })))
    }

    /// The door is shut before those who are inside are held.
    fn hold(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        let text = order;
        let order = read(text)?;
        if let Some(mask) = &order.mask
            && self.look(hands.machine(), text)? == state(Some("absent"))
        {
            let dress = Dress::default();
            let put = hands.files().put_link(mask, NOTHING.as_bytes(), &dress);
            put.map_err(Trouble::while_doing("masking a unit"))?;
            reload(hands)?;
        }
        ending::hold(hands, Self::NAME, &order.ends)
    }

    fn exhibits(&self, machine: &dyn Machine, order: &str) -> Result<Vec<Exhibit>, Trouble> {
        ending::exhibits(machine, &read(order)?.ends)
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        ending::kill(hands, Self::NAME, &read(order)?.ends)
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let text = order;
        let order = read(text)?;
        if order.mask.is_some() && self.look(machine, text)? != state(Some("masked")) {
            return Ok(Some("its mask is gone".to_owned()));
        }
        freezing::wait_for(machine, &|| ending::left(machine, &order.ends))
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        let text = order;
        let order = read(text)?;
        ending::let_go(hands, &order.ends)?;
        let Some(mask) = &order.mask else { return Ok(()) };
        if self.look(hands.machine(), text)? == state(Some("masked")) {
            let stat = hands.machine().lstat(mask);
            let stat = stat.map_err(Trouble::while_doing("looking at a mask"))?;
            let removed = hands.files().remove(mask, Known::of(&stat));
            removed.map_err(Trouble::while_doing("removing a mask"))?;
            reload(hands)?;
        }
        Ok(())
    }

    fn overwritten(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let is_another = self.look(machine, order)? == state(Some("another"));
        Ok(is_another.then(|| "another unit lies where its mask was".to_owned()))
    }
}
