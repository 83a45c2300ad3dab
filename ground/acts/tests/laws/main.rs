//! The laws that every act keeps, over 200 machines made by chance, each in namespaces of its own
//! kernel's making, with the real hands:
//!
//! 1. planning changes nothing,
//! 2. doing it is seen by its own look, and doing it twice is the same as doing it once,
//! 3. undoing it gives back all that was met, but what has no way back says so,
//! 4. whatever it is torn away at, going on reaches the same end, and taking it back the beginning.
//!
//! An act that is not among the cases here fails the test: a new one is held to the laws at once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and makes the machine that it acts on"
)]

mod cables;
mod chance;
mod faltering;
mod machine;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use stanch_acts::acts::ALL;
use stanch_acts::{Deed, Runner, Signer, State, deeds};
use stanch_ledger::{Case, Ledger, Record};
use stanch_machine::{Hands, Live};
use stanch_words::{Phase, Plan, Step, Undo};

use chance::Chance;
use faltering::Faltering;
use machine::World;

/// How many machines are made.
const MACHINES: u64 = 200;
/// Among how many copies of this program they are shared out: the kernel lets whoever changes rules
/// wait, so that more than there are processors are of use.
const COPIES: u64 = 4;
/// Set in a copy of this program that runs in namespaces of its own: which of them it is.
const INSIDE: &str = "STANCH_LAWS_INSIDE";
/// What that copy's namespaces get before it begins: everything that is changed lies in memory, and
/// the control groups begin at one of its own. The shell stays as their first process and buries the
/// orphans.
const PREPARE: &str = "set -e
    mount -t proc none /proc
    mount -t tmpfs none /run && mkdir /run/range
    mount -t tmpfs none /etc
    mount -t tmpfs none /home
    mount -t tmpfs none /var
    ip link set lo up
    ip link add laws0 type veth peer name laws1
    mount -t cgroup2 none /sys/fs/cgroup
    group=/sys/fs/cgroup/laws-$STANCH_LAWS_INSIDE
    mkdir -p $group
    code=0
    sh -c 'echo 0 >$0/cgroup.procs; exec unshare --cgroup sh -c \"$@\"' $group \
        'umount /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"' sh \"$@\" || code=$?
    umount /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    find $group -depth -type d -exec rmdir {} +
    exit $code";

#[test]
fn every_act_keeps_the_laws_on_every_machine() {
    if let Some(copy) = std::env::var_os(INSIDE) {
        return inside(copy.to_string_lossy().parse().unwrap());
    }
    if !is_root() {
        eprintln!("SKIPPED laws: root is needed to make namespaces");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let copy = |copy: u64| {
        Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child"])
            .args(["sh", "-c", PREPARE, "sh"])
            .arg(&own)
            .args(["--exact", "every_act_keeps_the_laws_on_every_machine", "--nocapture"])
            .env(INSIDE, copy.to_string())
            .spawn()
            .unwrap()
    };
    let copies: Vec<_> = (0..COPIES).map(copy).collect();
    // All are waited for before one is judged: none is left behind.
    let ended: Vec<_> = copies.into_iter().map(|mut copy| copy.wait().unwrap()).collect();
    assert!(ended.iter().all(std::process::ExitStatus::success), "{ended:?}");
}

/// Returns whether we are root, by the owner of our own `/proc` folder.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|told| told.uid() == 0)
}

/// All laws on the machines of one copy, in namespaces of its own.
fn inside(copy: u64) {
    // A fall is part of the test: its words would fill the screen.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<faltering::Torn>() {
            usual(info);
        }
    }));
    let live = Live::new();
    let mut held: BTreeMap<&'static str, Held> = BTreeMap::new();
    let machines = MACHINES / COPIES;
    for seed in copy * machines + 1..=(copy + 1) * machines {
        for act in ALL {
            let mut chance = Chance::of(seed, act.name());
            let law = Laws { live: &live, seed, name: act.name() };
            law.hold(&mut chance, held.entry(act.name()).or_default());
        }
    }
    for (name, held) in &held {
        eprintln!(
            "{name}: {} machines, torn away {} times; {} gone on with, {} taken back",
            held.machines, held.torn, held.resumed, held.taken_back
        );
        assert_eq!(held.machines, machines, "{name}");
        assert!(held.torn >= machines / 2, "{name} was torn away too seldom: {}", held.torn);
    }
}

/// How often the laws were held to an act.
#[derive(Debug, Default)]
struct Held {
    machines: u64,
    torn: u64,
    resumed: u64,
    taken_back: u64,
}

/// The laws of one act on one machine.
struct Laws<'a> {
    live: &'a Live,
    seed: u64,
    name: &'static str,
}

impl Laws<'_> {
    fn hold(&self, chance: &mut Chance, held: &mut Held) {
        let hands = Hands::on(self.live).unwrap();
        let about = format!("{} on machine {}", self.name, self.seed);
        // Whole, twice, and back.
        let world = World::make(self.name, &mut chance.clone());
        let before = world.state(self.live);
        let step = world.plan(self.live);
        assert_eq!(world.state(self.live), before, "{about}: the plan changed something");
        let act = stanch_acts::acts::find(self.name).unwrap();
        let (mut ledger, plan) = kept(&world, &step);
        let done = Runner::new(&mut ledger, signer()).apply(&hands, &plan);
        let done = done.unwrap_or_else(|error| panic!("{about}: {error:?}"));
        let (after, end) = (world.state(self.live), world.outcome(self.live));
        assert_eq!(act.verify(self.live, &step.order).unwrap(), None, "{about}");
        act.apply(&hands, &step.order).unwrap_or_else(|error| panic!("{about}, twice: {error:?}"));
        assert_eq!(world.state(self.live), after, "{about}: twice is not once");
        let is_reversible = step.undo == Undo::Possible;
        if is_reversible {
            assert_ne!(after, before, "{about}: nothing was done");
            undo(&hands, &mut ledger, done.first().unwrap(), &about);
            assert_eq!(world.state(self.live), before, "{about}: undone is not as before");
        }
        drop(ledger);
        world.end();
        held.machines += 1;
        // Torn away at its first change, and at one by chance: all of them on the way through all
        // machines.
        for at in [1, 2 + u32::try_from(self.seed).unwrap() % 16] {
            let goes_on = !is_reversible || (u64::from(at) + self.seed).is_multiple_of(2);
            let world = World::make(self.name, &mut chance.clone());
            let before = world.state(self.live);
            let step = world.plan(self.live);
            let (mut ledger, plan) = kept(&world, &step);
            let faltering = Faltering::new(&hands, at, self.seed.is_multiple_of(2));
            let ran = catch_unwind(AssertUnwindSafe(|| {
                Runner::new(&mut ledger, signer()).apply(&faltering, &plan).map(|_done| ())
            }));
            let is_torn = ran.is_err();
            if is_torn {
                held.torn += 1;
                let about = format!("{about}, torn away at {at}");
                let deed = standing(&ledger);
                assert_eq!(deed.state, State::CutOff, "{about}");
                if goes_on {
                    let resumed = Runner::new(&mut ledger, signer()).resume(&hands, &deed);
                    resumed.unwrap_or_else(|error| panic!("{about}, gone on with: {error:?}"));
                    assert_eq!(world.outcome(self.live), end, "{about}: another end");
                    held.resumed += 1;
                } else {
                    undo(&hands, &mut ledger, &deed, &about);
                    assert_eq!(world.state(self.live), before, "{about}: another beginning");
                    held.taken_back += 1;
                }
            }
            drop(ledger);
            world.end();
        }
    }
}

fn undo(hands: &Hands<'_>, ledger: &mut Ledger, deed: &Deed, about: &str) {
    let undone = Runner::new(ledger, signer()).undo(hands, deed);
    undone.unwrap_or_else(|error| panic!("{about}, undone: {error:?}"));
}

fn signer() -> Signer {
    Signer { who: "root".to_owned(), tool: "laws".to_owned() }
}

/// Keeps a plan of one step in the case of a machine.
fn kept(world: &World, step: &Step) -> (Ledger, Plan) {
    let mut ledger = Case::at(world.case()).write(&record()).unwrap();
    let mut plan = Plan {
        id: String::new(),
        phase: Phase::Contain,
        steps: vec![Step { id: "S-1".to_owned(), ..step.clone() }],
        refusals: Vec::new(),
        costs: Vec::new(),
    };
    Runner::new(&mut ledger, signer()).keep(&mut plan, 0).unwrap();
    (ledger, plan)
}

/// Returns the only act of a ledger.
fn standing(ledger: &Ledger) -> Deed {
    let folder = ledger.path().parent().unwrap();
    let entries = Case::at(folder).entries().unwrap();
    deeds(&entries).into_iter().next_back().unwrap()
}

fn record() -> Record {
    Record {
        time: 0,
        who: "root".to_owned(),
        tool: "laws".to_owned(),
        what: String::new(),
        body: serde_json::Value::Null,
    }
}

/// Returns the folder that all machines lie in.
fn place() -> &'static Path {
    Path::new("/run/laws")
}
