//! Every row of the catalogue of persistence, planted over a clean Debian root and looked for by
//! path and by sign: what lies in files, in as few looks as can be (what would disturb another
//! plant is in another look), and what lives, on a running victim.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its table"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use stanch_range::{PLANTS, Plant, VARIANTS, Victim, debian, possible};

/// Runs `stanch detect` on a root with a folder laid over it.
fn detect(stanch: &Path, root: &Path, over: &Path) -> Value {
    let script = "mkdir \"$1/m\" && mount -t overlay o -o \"lowerdir=$1/over:$2\" \"$1/m\" && \
        exec \"$0\" --json --root \"$1/m\" detect --only files,logs,processes";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(stanch)
        .arg(over)
        .arg(root)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{errors}");
    document.unwrap()
}

/// Makes a folder to be laid over a root: one of its own each time, since tests run side by side.
fn laid_over() -> std::path::PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = format!("stanch-plant-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(folder.join("over")).unwrap();
    folder
}

/// Returns what `stanch detect` says of a root with plants laid over it.
fn planted<'p>(stanch: &Path, root: &Path, plants: impl IntoIterator<Item = &'p Plant>) -> Value {
    let over = laid_over();
    for plant in plants {
        plant.put(root, &over.join("over")).unwrap();
    }
    let document = detect(stanch, root, &over);
    std::fs::remove_dir_all(&over).unwrap();
    document
}

/// Returns whether a text names a path as a whole, not only one that begins with it or ends in it.
fn names(text: &str, path: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    let pieces: Vec<&str> = text.split(path).collect();
    pieces.windows(2).any(|two| {
        let ends = two[1].strip_prefix('.').unwrap_or(two[1]);
        !two[0].ends_with(part) && !ends.starts_with(part)
    })
}

/// Returns the gravest level of the findings that name a path and are not those of the clean root,
/// and their signs.
fn found(document: &Value, clean: &Value, plant: &Plant) -> Option<(String, BTreeSet<String>)> {
    let same = |a: &Value, b: &Value| ["sign", "entity", "seen"].iter().all(|k| a[k] == b[k]);
    let before = clean["findings"].as_array().unwrap();
    let findings = document["findings"].as_array().unwrap();
    let new = findings.iter().filter(|finding| !before.iter().any(|old| same(old, finding)));
    let named = new.filter(|finding| {
        // The page lists a whole entry: its path stands in the entity, the words or the evidence.
        [&finding["entity"], &finding["seen"], &finding["evidence"]]
            .iter()
            .any(|part| names(&part.to_string(), plant.path.trim_end()))
    });
    let all: Vec<(&str, &str)> = named
        .map(|finding| (finding["level"].as_str().unwrap(), finding["sign"].as_str().unwrap()))
        .collect();
    let level = LEVELS.iter().rev().find(|level| all.iter().any(|(l, _)| l == *level))?;
    Some(((*level).to_owned(), all.iter().map(|(_, sign)| (*sign).to_owned()).collect()))
}

const LEVELS: [&str; 5] = ["info", "low", "medium", "high", "critical"];

/// Prints the table of one set of plants, row by row, and returns those that are not found by
/// their path and their sign, and those that are found below the level that they have at least.
fn table<'p>(
    documents: &[Value],
    clean: &Value,
    plants: &[(usize, &'p Plant)],
) -> (Vec<&'p str>, Vec<&'p str>) {
    let (mut missed, mut below) = (Vec::new(), Vec::new());
    for (batch, plant) in plants {
        let Some((level, signs)) = found(&documents[*batch], clean, plant) else {
            eprintln!("{:>4}  MISSED    {}", plant.row, plant.path);
            missed.push(plant.path);
            continue;
        };
        let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
        let less = if rank(&level) < rank(plant.least) { " < " } else { "" };
        let least = if less.is_empty() { "" } else { plant.least };
        eprintln!("{:>4}  {level}{less}{least}  {}  {signs:?}", plant.row, plant.path);
        if !less.is_empty() {
            below.push(plant.path);
        }
        if !plant.sign.is_empty() && !signs.contains(plant.sign) {
            eprintln!("      ANOTHER SIGN than {}", plant.sign);
            missed.push(plant.path);
        }
    }
    let of = plants.len();
    let grave = of - missed.len() - below.len();
    eprintln!("found {} of {of}, as grave as they are {grave} of {of}", of - missed.len());
    (missed, below)
}

/// Puts each plant into the first set in which nothing lies at its places yet.
fn sets(plants: &'static [Plant]) -> Vec<(usize, &'static Plant)> {
    let mut taken: Vec<BTreeSet<&str>> = Vec::new();
    let mut placed = Vec::new();
    for plant in plants {
        let places: Vec<&str> = plant
            .with
            .iter()
            .map(|(path, _)| *path)
            .chain([plant.path])
            .map(str::trim_end)
            .collect();
        // What changes how all the others are read or run stands alone.
        let alone = ALONE.iter().any(|path| places.contains(path));
        let free = |set: &BTreeSet<&str>| {
            !alone
                && !ALONE.iter().any(|path| set.contains(path))
                && !places.iter().any(|place| set.contains(place))
        };
        let number = taken.iter().position(free).unwrap_or(taken.len());
        if number == taken.len() {
            taken.push(BTreeSet::new());
        }
        taken[number].extend(places);
        placed.push((number, plant));
    }
    placed
}

/// Accounts, and the owners of files: other plants are judged by them.
const ALONE: [&str; 2] = ["/etc/passwd", "/var/lib/dpkg/diversions"];

/// Returns what `stanch detect` says of each set.
fn looked_at(stanch: &Path, root: &Path, placed: &[(usize, &Plant)]) -> Vec<Value> {
    (0..=placed.iter().map(|(set, _)| *set).max().unwrap())
        .map(|number| {
            let of_set = placed.iter().filter(|(set, _)| *set == number);
            planted(stanch, root, of_set.map(|(_, plant)| *plant))
        })
        .collect()
}

#[test]
fn variants_are_found_by_their_path_and_as_grave_as_they_are() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let bare = planted(&stanch, &root, []);
    let placed = sets(VARIANTS);
    let documents = looked_at(&stanch, &root, &placed);
    let (missed, below) = table(&documents, &bare, &placed);
    assert!(missed.is_empty() && below.is_empty(), "missed {missed:#?}, below {below:#?}");
}

#[test]
fn every_way_back_is_found_by_its_path_and_a_clean_root_has_none() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let bare = planted(&stanch, &root, []);
    let grave = |finding: &&Value| !matches!(finding["level"].as_str(), Some("info" | "low"));
    let above_low: Vec<&Value> =
        bare["findings"].as_array().unwrap().iter().filter(grave).collect();
    assert!(above_low.is_empty(), "{above_low:#?}");
    assert_eq!(bare["verdict"], "clean");
    let placed = sets(PLANTS);
    let documents = looked_at(&stanch, &root, &placed);
    let (missed, below) = table(&documents, &bare, &placed);
    let live = what_lives(&root);
    let (all, found) =
        (placed.len() + LIVING.len(), placed.len() + LIVING.len() - missed.len() - live.len());
    eprintln!("all rows: found {found} of {all} by their paths and signs");
    assert!(missed.is_empty() && below.is_empty(), "missed {missed:#?}, below {below:#?}");
    assert!(live.is_empty(), "{}", live.join("\n"));
}

/// What only lives on a running machine: the row of the catalogue, what is prepared, what is
/// started, what must be named, and the sign that must name it.
struct Living {
    row: u32,
    prepare: &'static str,
    start: &'static str,
    names: &'static str,
    sign: &'static str,
}

/// This kernel loads no modules, so that of row 72 there is what a module off the list leaves in
/// /sys; and it has one core pattern for all, so that the one of row 80 lies over the file.
const LIVING: &[Living] = &[
    Living {
        row: 72,
        prepare: "mount -t tmpfs none /sys/module && mkdir /sys/module/agent && echo live >/sys/module/agent/initstate",
        start: "",
        names: "agent",
        sign: "processes.hidden-module",
    },
    Living {
        row: 73,
        prepare: "cp /run/range/stand-in /usr/local/sbin/probed",
        start: "/usr/local/sbin/probed bpf",
        names: "/usr/local/sbin/probed",
        sign: "processes.ebpf-of-nobody",
    },
    Living {
        row: 74,
        prepare: "cp /run/range/stand-in /usr/local/sbin/pktd",
        start: "/usr/local/sbin/pktd packet",
        names: "/usr/local/sbin/pktd",
        sign: "traffic.packet-socket",
    },
    Living {
        row: 80,
        prepare: "mkdir -p /opt/agent && cp /run/range/stand-in /opt/agent/core && \
            echo '|/opt/agent/core %p' >/opt/agent/pattern && \
            mount --bind /opt/agent/pattern /proc/sys/kernel/core_pattern",
        start: "",
        names: "/proc/sys/kernel/core_pattern",
        sign: "files.kernel-helper",
    },
    Living {
        row: 110,
        prepare: "",
        start: "/run/range/stand-in memfd",
        names: "/memfd:",
        sign: "processes.program-without-a-file",
    },
    Living {
        row: 110,
        prepare: "cp /run/range/stand-in /usr/sbin/agentd",
        start: "/usr/sbin/agentd sleep",
        names: "/usr/sbin/agentd",
        sign: "processes.deleted-program",
    },
    Living {
        row: 110,
        prepare: "cp /run/range/stand-in /usr/local/bin/upd",
        start: "/usr/local/bin/upd named [kworker/0:3]",
        names: "/usr/local/bin/upd",
        sign: "processes.fake-kernel-thread",
    },
    Living {
        row: 111,
        prepare: "mkdir '/dev/...' && cp /bin/true '/dev/.../agent'",
        start: "",
        names: "/dev/.../agent",
        sign: "files.file-in-dev",
    },
    Living {
        row: 112,
        prepare: "echo '* * * * * root /bin/true' >/etc/cron.d/locked && /run/range/stand-in lock /etc/cron.d/locked",
        start: "",
        names: "/etc/cron.d/locked",
        sign: "files.locked-implant",
    },
    Living {
        row: 112,
        prepare: "cp /bin/true /usr/local/bin/kept && /run/range/stand-in lock /usr/local/bin/kept",
        start: "",
        names: "/usr/local/bin/kept",
        sign: "files.locked-implant",
    },
    Living {
        row: 112,
        prepare: "mkdir -p /root/.ssh && echo >/root/.ssh/authorized_keys && /run/range/stand-in lock /root/.ssh/authorized_keys",
        start: "",
        names: "/root/.ssh/authorized_keys",
        sign: "files.locked-implant",
    },
];

/// Lets all of it live on one victim, prints its part of the table, and returns what was missed.
fn what_lives(root: &Path) -> Vec<String> {
    let victim = Victim::boot(root).unwrap();
    for (number, living) in LIVING.iter().enumerate() {
        victim.shell(if living.prepare.is_empty() { "true" } else { living.prepare }).unwrap();
        if !living.start.is_empty() {
            victim.start(&format!("living-{number}"), living.start).unwrap();
        }
    }
    // A program whose file goes away while it runs.
    victim.shell("rm /usr/sbin/agentd").unwrap();
    let (document, _) = victim.stanch(&["detect"]).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let mut missed = Vec::new();
    for living in LIVING {
        let of_it = findings.iter().filter(|finding| {
            [&finding["entity"], &finding["seen"]]
                .iter()
                .any(|part| part.to_string().contains(living.names))
        });
        let grave =
            of_it.filter(|finding| !matches!(finding["level"].as_str(), Some("info" | "low")));
        let signs: BTreeSet<&str> =
            grave.map(|finding| finding["sign"].as_str().unwrap()).collect();
        eprintln!("{:>4}  {}  {signs:?}", living.row, living.names);
        if !signs.contains(living.sign) {
            missed.push(format!("{}: expected {}, found {signs:?}", living.names, living.sign));
        }
    }
    missed
}
