//! Cutting the network of a victim with a real sshd: the intruder is cut off, the responder is not,
//! and what nobody confirms opens by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use stanch_range::{Ran, Victim, debian, possible};

/// The responder's address; the intruder has the peer's first one.
const RESPONDER: &str = "10.77.0.9";
const CLIENT: &str = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=3 -o LogLevel=ERROR -o BatchMode=yes -i /run/range/known";
const STANCH: &str = "/run/range/stanch --case /run/range/case";

/// A victim that the responder may log in to by key, and a connection of the intruder's to outside.
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
    std::thread::sleep(Duration::from_millis(300));
    victim
        .shell(
            "setsid --fork bash -c 'exec 3<>/dev/tcp/10.77.0.1/4444; sleep 300' </dev/null \
             >/dev/null 2>&1; sleep 0.3",
        )
        .unwrap();
    assert_eq!(outward(&victim), 1, "the intruder's connection stands");
    (victim, sink)
}

/// Returns how many connections to the intruder stand.
fn outward(victim: &Victim) -> usize {
    let ran = victim.run(&["ss", "-Htn", "state", "established", "dst", "10.77.0.1"]).unwrap();
    ran.out.lines().count()
}

/// Logs in from an address of the peer and runs something there.
fn from(victim: &Victim, address: &str, command: &str) -> Ran {
    let script = format!("ssh {CLIENT} -b {address} root@10.77.0.2 '{command}' </dev/null");
    victim.on_peer(&script).unwrap()
}

/// Returns the victim's packet filter, as another program tells it.
fn filter(victim: &Victim) -> String {
    let ran = victim.outer_on_network(&["/usr/sbin/nft", "list", "ruleset"]).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.out
}

/// Returns how many frames the peer's device has received.
fn received(victim: &Victim) -> u64 {
    let script = "awk '$1 == \"eth0:\" { print $3 }' /proc/net/dev";
    victim.on_peer(script).unwrap().out.trim().parse().unwrap()
}

fn send_frames(victim: &Victim) -> u64 {
    let before = received(victim);
    victim.shell("/run/range/stand-in frames").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    received(victim) - before
}

fn end(mut child: std::process::Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn isolated_the_responder_stays_the_intruder_is_cut_and_unconfirmed_it_opens_by_itself() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let foreign = "table inet site { chain c { type filter hook input priority 0; policy accept; \
                   tcp dport 9999 drop; }; }";
    let made = victim.outer_on_network(&["/usr/sbin/nft", foreign]).unwrap();
    assert_eq!(made.code, 0, "{made:?}");
    let before = filter(&victim);
    assert!(send_frames(&victim) >= 20, "raw frames go out before");

    let plan = from(&victim, RESPONDER, &format!("{STANCH} contain plan --level isolate"));
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.out.contains("10.77.0.9:22"), "the way in is told by itself: {plan:?}");
    assert!(plan.out.contains("10.77.0.1"), "what would end is named: {plan:?}");
    assert_eq!(filter(&victim), before, "a plan touches nothing");

    let began = Instant::now();
    let apply = format!("{STANCH} contain apply --yes --rollback-after 30s; echo still here");
    let applied = from(&victim, RESPONDER, &apply);
    assert!(applied.out.contains("still here"), "the responder's session lives: {applied:?}");
    assert!(applied.out.contains("stanch contain confirm"), "{applied:?}");
    assert_eq!(outward(&victim), 0, "the intruder's connection has ended");
    assert_eq!(from(&victim, RESPONDER, "echo in").out.trim(), "in", "new ones of the responder");
    assert_ne!(from(&victim, "10.77.0.1", "true").code, 0, "the intruder does not come in");
    let out = victim.run(&["timeout", "2", "bash", "-c", ": >/dev/tcp/10.77.0.1/4444"]).unwrap();
    assert_ne!(out.code, 0, "nothing new goes out");
    assert!(send_frames(&victim) < 10, "raw frames of every kind are cut at the device");
    let own = victim.run(&["bash", "-c", ": >/dev/tcp/127.0.0.1/22"]).unwrap();
    assert_eq!(own.code, 0, "loopback works");

    let (status, code) =
        victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    assert_eq!(code, 0);
    assert_eq!(status["acts"][0]["state"], "done");
    // The program that cut it has ended; the kernel alone opens.
    while began.elapsed() < Duration::from_secs(34) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let back = from(&victim, "10.77.0.1", "true");
    assert_eq!(back.code, 0, "it opened by itself: {back:?}");

    let released = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(released.code, 0, "{released:?}");
    assert_eq!(filter(&victim), before, "the filter is as it was");
    let verified = from(&victim, RESPONDER, &format!("{STANCH} ledger verify"));
    assert_eq!(verified.code, 0, "{verified:?}");
    end(sink);
}

#[test]
fn only_a_new_connection_confirms_and_then_the_cut_stays() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let in_one = format!(
        "{STANCH} contain apply --yes --rollback-after 30s --json > /run/range/out; \
         code=$(sed -n \"s/.*\\\"code\\\": \\\"\\(.*\\)\\\".*/\\1/p\" /run/range/out); \
         echo code $code; {STANCH} contain confirm $code; echo exit $?"
    );
    let applied = from(&victim, RESPONDER, &in_one);
    let code = applied.out.lines().find_map(|line| line.strip_prefix("code ")).unwrap().to_owned();
    assert!(applied.out.contains("exit 4"), "an old connection proves nothing: {applied:?}");
    let wrong = from(&victim, RESPONDER, &format!("{STANCH} contain confirm nonsense"));
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let confirmed = from(&victim, RESPONDER, &format!("{STANCH} contain confirm {code}"));
    assert_eq!(confirmed.code, 0, "{confirmed:?}");
    std::thread::sleep(Duration::from_secs(32));
    assert_ne!(from(&victim, "10.77.0.1", "true").code, 0, "it stays cut");
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let left = status["cut_left_s"].as_u64().unwrap();
    assert!((86_000..=86_400).contains(&left), "{status}");
    // Without its watch, what is removed stays removed, and is told.
    let watch =
        victim.shell("pgrep -f 'contain [w]atch'; pkill -KILL -f 'contain [w]atch'").unwrap();
    assert!(watch.lines().count() >= 1, "{watch}");
    let flushed = victim.outer_on_network(&["/usr/sbin/nft", "flush", "ruleset"]).unwrap();
    assert_eq!(flushed.code, 0, "{flushed:?}");
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    assert_eq!(status["cut"], "removed", "that somebody removed it is told: {status}");
    let undone = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(from(&victim, "10.77.0.1", "true").code, 0);
    end(sink);
}

#[test]
fn whoever_removes_the_rules_finds_them_made_again() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let apply = format!("{STANCH} contain apply --yes --rollback-after 60s");
    let applied = from(&victim, RESPONDER, &apply);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(applied.out.contains("watches over it"), "{applied:?}");
    let nft = |arguments: &[&str]| {
        let ran = victim.outer_on_network(&[&["/usr/sbin/nft"], arguments].concat()).unwrap();
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let made = filter(&victim);
    let tampering: [&[&str]; 4] = [
        &["flush", "ruleset"],
        &["delete", "table", "netdev", "stanch_devices"],
        &["insert", "rule", "inet", "stanch", "output", "accept"],
        &["flush", "set", "inet", "stanch", "armed"],
    ];
    for (times, one) in (1..).zip(tampering) {
        std::thread::sleep(Duration::from_millis(500));
        nft(one);
        let began = Instant::now();
        let again = || {
            let (status, _) =
                victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
            (status["cut"] == "holds" && status["cut_made_again"] == times).then_some(status)
        };
        let status = std::iter::repeat_with(again)
            .take_while(|_| began.elapsed() < Duration::from_secs(10))
            .find_map(|status| status);
        let status = status.unwrap_or_else(|| panic!("{one:?} is not mended"));
        let left = status["cut_left_s"].as_u64().unwrap();
        assert!(left <= 60, "it has no more time than before: {left}");
        assert_ne!(from(&victim, "10.77.0.1", "true").code, 0, "{one:?}: the intruder is out");
        assert_eq!(from(&victim, RESPONDER, "true").code, 0, "{one:?}: the responder is in");
    }
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    assert!(status["cut_packets"].as_u64().unwrap() > 0, "what was cut is counted: {status}");
    // A device that comes later is covered, too.
    victim
        .shell("ip link add late0 type veth peer name late1; ip link set late0 up; sleep 1")
        .unwrap();
    assert!(filter(&victim).contains("late0"), "{}", filter(&victim));
    victim.shell("ip link del late0; sleep 1").unwrap();
    let rules = |text: &str| text.lines().filter(|line| line.contains("drop")).count();
    assert_eq!(rules(&filter(&victim)), rules(&made), "{}", filter(&victim));
    let released = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(released.code, 0, "{released:?}");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(filter(&victim), "", "what is released is not made again");
    let ended = "for n in $(seq 60); do pgrep -f 'contain [w]atch' >/dev/null || exit 0; sleep 0.2; done; exit 1";
    let ended = victim.run(&["sh", "-c", ended]).unwrap();
    assert_eq!(ended.code, 0, "the watch ends with the cut: {ended:?}");
    let kept = victim.run(&["sh", "-c", &format!("{STANCH} ledger show --json")]).unwrap();
    for what in ["removed", "changed", "disarmed", "new-device"] {
        assert!(kept.out.contains(what), "{what}: {kept:?}");
    }
    end(sink);
}

#[test]
fn blind_nobody_who_listens_to_the_wire_hears_what_is_cut() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    victim
        .shell(
            "setsid --fork /run/range/stand-in hear /run/range/heard </dev/null >/dev/null 2>&1
             sleep 0.5; echo 0 > /run/range/heard",
        )
        .unwrap();
    victim.shell("ip addr add fd77::2/64 dev eth0 nodad").unwrap();
    let addresses = "ip addr add fd77::1/64 dev eth0 nodad; ip addr add fd77::9/128 dev eth0 nodad";
    assert_eq!(victim.on_peer(addresses).unwrap().code, 0);
    let by_six = |address: &str| {
        let script = format!("ssh {CLIENT} -b {address} root@fd77::2 true </dev/null");
        victim.on_peer(&script).unwrap().code
    };
    let heard = || -> u64 {
        let knock =
            "bash -c 'for n in 1 2 3 4 5; do echo word > /dev/udp/10.77.0.2/53; done'; sleep 0.5";
        let count = || victim.shell("cat /run/range/heard").unwrap().trim().parse().unwrap();
        let before: u64 = count();
        let _refused = victim.on_peer(knock).unwrap();
        count() - before
    };
    assert!(heard() >= 5, "it hears before");
    let before = filter(&victim);
    let isolate = format!("{STANCH} contain apply --yes --no-watch --level isolate");
    let isolated = from(&victim, RESPONDER, &isolate);
    assert_eq!(isolated.code, 0, "{isolated:?}");
    assert!(heard() >= 5, "rules alone come too late (M14)");
    assert_eq!(from(&victim, RESPONDER, &format!("{STANCH} contain release")).code, 0);
    let blind = format!(
        "{STANCH} contain apply --yes --level blind --keep [fd77::9]:22 --rollback-after 45s"
    );
    let plan = from(&victim, RESPONDER, &format!("{STANCH} contain plan --level blind"));
    assert!(!plan.out.contains("packet socket"), "nothing uncovered is claimed: {plan:?}");
    let began = Instant::now();
    let applied = from(&victim, RESPONDER, &blind);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(heard(), 0, "now it hears nothing");
    assert_eq!(from(&victim, RESPONDER, "echo in").out.trim(), "in", "the responder comes in");
    assert_ne!(from(&victim, "10.77.0.1", "true").code, 0);
    assert_eq!(by_six("fd77::9"), 0, "what is kept comes in over IPv6, neighbours and all");
    assert_ne!(by_six("fd77::1"), 0);
    // Somebody takes the program away: the watch puts it back.
    let off = victim.outer_on_network(&["/sbin/ip", "link", "set", "eth0", "xdpgeneric", "off"]);
    assert_eq!(off.unwrap().code, 0);
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(heard(), 0, "it was put back");
    while began.elapsed() < Duration::from_secs(50) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(heard() >= 5, "it opened by itself");
    assert_eq!(from(&victim, "10.77.0.1", "true").code, 0);
    let released = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(released.code, 0, "{released:?}");
    assert_eq!(filter(&victim), before);
    let link = victim.outer_on_network(&["/sbin/ip", "link", "show", "eth0"]).unwrap();
    assert!(!link.out.contains("xdp"), "no program stays behind: {link:?}");
    end(sink);
}

#[test]
fn a_blocked_address_is_cut_both_ways_and_the_responders_own_is_refused() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let own = format!("{STANCH} contain apply --yes --block 10.77.0.0/24");
    let refused = from(&victim, RESPONDER, &own);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains(RESPONDER), "{refused:?}");
    assert_eq!(filter(&victim), "", "nothing was done");
    let block = format!("{STANCH} contain apply --yes --block 10.77.0.1");
    let applied = from(&victim, RESPONDER, &block);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(outward(&victim), 0);
    assert_ne!(from(&victim, "10.77.0.1", "true").code, 0);
    assert_eq!(from(&victim, RESPONDER, "true").code, 0);
    let again = from(&victim, RESPONDER, &block);
    assert_eq!(again.code, 4, "one cut is not laid over another: {again:?}");
    assert!(again.err.contains("cut by us already"), "{again:?}");
    let undone = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(filter(&victim), "");
    end(sink);
}

/// Kills the program at its Nth call of something, on its way through `contain apply`.
fn killed_at(victim: &Victim, call: &str, number: u32) -> Ran {
    let script = format!(
        "strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={number} \
         {STANCH} contain apply --yes --no-watch --block 10.77.0.1"
    );
    victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap()
}

#[test]
fn killed_at_any_step_it_is_gone_on_with_or_taken_back() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    let mut cut_off = 0;
    // `sendto` asks the kernel and changes the filter; `fdatasync` makes an entry count.
    let steps = (1..=4).map(|n| ("fdatasync", n)).chain((11..=24).map(|n| ("sendto", n)));
    for (at, (call, number)) in steps.enumerate() {
        killed_at(&victim, call, number);
        let case = ["--case", "/run/range/case"];
        let (status, code) = victim.stanch(&[&case[..], &["contain", "status"]].concat()).unwrap();
        assert_eq!(code, 0, "the ledger is whole after {call} {number}: {status}");
        let last = status["acts"].as_array().unwrap().last().cloned();
        let state = last.as_ref().map_or("none", |act| act["state"].as_str().unwrap());
        let id = last.as_ref().map_or("", |act| act["id"].as_str().unwrap());
        if state == "cut-off" {
            cut_off += 1;
            let way: &[&str] = if at % 2 == 0 { &["undo", id] } else { &["undo", id, "--resume"] };
            let (_, code) = victim.stanch(&[&case[..], way].concat()).unwrap();
            assert_eq!(code, 0, "{way:?} after {call} {number}");
        }
        let (status, _) = victim.stanch(&[&case[..], &["contain", "status"]].concat()).unwrap();
        if status["cut"] == "holds" {
            assert!(filter(&victim).contains("10.77.0.1"), "{call} {number}");
            let (_, code) = victim.stanch(&[&case[..], &["contain", "release"]].concat()).unwrap();
            assert_eq!(code, 0);
        }
        assert_eq!(filter(&victim), "", "after {call} {number}");
    }
    assert!(cut_off >= 3, "it was cut off {cut_off} times");
    let verified = victim.run(&["sh", "-c", &format!("{STANCH} ledger verify")]).unwrap();
    assert_eq!(verified.code, 0, "{verified:?}");
    end(sink);
}

/// Two programs that bring each other back, as miners do, each writing that it lives.
const WATCHDOGS: &str = r#"
    cat > /tmp/one <<'END'
#!/bin/bash
while :; do
    kill -0 "$(cat /tmp/two.pid 2>/dev/null)" 2>/dev/null || { /tmp/two & echo $! > /tmp/two.pid; }
    date +%s.%N > /tmp/one.alive; sleep 0.1
done
END
    cat > /tmp/two <<'END'
#!/bin/bash
while :; do date +%s.%N > /tmp/two.alive; sleep 0.1; done
END
    chmod 755 /tmp/one /tmp/two
    setsid --fork bash -c 'echo $$ > /tmp/one.pid; exec /tmp/one' </dev/null >/dev/null 2>&1
    sleep 1; cat /tmp/one.pid
"#;

/// Returns whether one of the two wrote within half a second.
fn is_alive(victim: &Victim) -> bool {
    // Who is killed while it writes leaves an empty file, so lines cannot be counted.
    let signs = "cat /tmp/one.alive /tmp/two.alive";
    let told = victim.shell(&format!("{signs}; sleep 0.5; echo later; {signs}")).unwrap();
    let (before, after) = told.split_once("later\n").unwrap();
    before != after
}

#[test]
fn two_that_bring_each_other_back_are_frozen_in_one_pass_and_thawed() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    for mounted in ["mount -t cgroup2 none /sys/fs/cgroup", "umount /sys/fs/cgroup"] {
        victim.shell(mounted).unwrap();
        let pid = victim.shell(WATCHDOGS).unwrap().trim().to_owned();
        assert!(is_alive(&victim));
        let case = ["--case", "/run/range/case"];
        let freeze = ["contain", "apply", "--yes", "--freeze", pid.as_str()];
        let (done, code) = victim.stanch(&[&case[..], &freeze].concat()).unwrap();
        assert_eq!(code, 0, "{done}");
        assert!(!is_alive(&victim), "{done}");
        let (again, code) = victim.stanch(&[&case[..], &freeze].concat()).unwrap();
        assert_eq!(code, 4, "what is frozen is not frozen again: {again}");
        let act = done["acts"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&act["state"], &act["step"]["act"]),
            (&"done".into(), &"freeze_process".into())
        );
        let undo = ["undo", act["id"].as_str().unwrap()];
        let (undone, code) = victim.stanch(&[&case[..], &undo].concat()).unwrap();
        assert_eq!(code, 0, "{undone}");
        assert!(is_alive(&victim), "{undone}");
        victim.shell("kill $(cat /tmp/one.pid) $(cat /tmp/two.pid); sleep 0.2").unwrap();
    }
    // The first of them ends between the plan and its doing: its child is frozen all the same.
    let pid = victim.shell(WATCHDOGS).unwrap().trim().to_owned();
    let case = ["--case", "/run/range/case"];
    let (plan, code) =
        victim.stanch(&[&case[..], &["contain", "plan", "--freeze", &pid]].concat()).unwrap();
    assert_eq!(code, 0, "{plan}");
    victim.shell(&format!("kill {pid}; sleep 0.3")).unwrap();
    assert!(is_alive(&victim), "the second runs on");
    let apply = ["contain", "apply", "--yes", "--plan", plan["id"].as_str().unwrap()];
    let (done, code) = victim.stanch(&[&case[..], &apply].concat()).unwrap();
    assert_eq!(code, 0, "{done}");
    assert!(!is_alive(&victim), "{done}");
    let act = done["acts"].as_array().unwrap().last().unwrap();
    let undo = ["undo", act["id"].as_str().unwrap()];
    let (undone, code) = victim.stanch(&[&case[..], &undo].concat()).unwrap();
    assert_eq!(code, 0, "{undone}");
    assert!(is_alive(&victim), "{undone}");
    let first = victim.run(&["sh", "-c", &format!("{STANCH} contain apply --yes --freeze 1")]);
    assert_eq!(first.unwrap().code, 4, "the first process is refused");
    let own =
        victim.run(&["sh", "-c", &format!("{STANCH} contain apply --yes --freeze $$; exit $?")]);
    assert_eq!(own.unwrap().code, 4, "what this session hangs on is refused");
}

/// A container as it looks from the network: a namespace of its own behind the victim. And IPv6.
const MORE_WAYS: &str = r"
    ip addr add fd77::2/64 dev eth0 nodad; echo 1 > /proc/sys/net/ipv4/ip_forward
    setsid --fork unshare --net sh -c 'echo $$ > /run/range/inner; exec sleep 300' </dev/null \
        >/dev/null 2>&1
    sleep 0.5; inner=$(cat /run/range/inner)
    ip link add c0 type veth peer name c1 netns $inner
    ip addr add 10.88.0.1/24 dev c0; ip link set c0 up
    nsenter -t $inner -n sh -ec 'ip addr add 10.88.0.2/24 dev c1; ip link set c1 up
        ip route add default via 10.88.0.1'
";

#[test]
fn ipv6_and_what_is_forwarded_are_cut_too() {
    if !possible() {
        return;
    }
    let (victim, sink) = victim();
    victim.shell(MORE_WAYS).unwrap();
    let peer = "ip addr add fd77::1/64 dev eth0 nodad; ip route add 10.88.0.0/24 via 10.77.0.2";
    assert_eq!(victim.on_peer(peer).unwrap().code, 0);
    let by_six = || {
        let script = format!("ssh {CLIENT} -b fd77::1 root@fd77::2 true </dev/null");
        victim.on_peer(&script).unwrap()
    };
    let forwarded = || {
        let script = "nsenter -t $(cat /run/range/inner) -n timeout 3 \
             bash -c ': >/dev/tcp/10.77.0.1/4444'";
        victim.run(&["sh", "-c", script]).unwrap()
    };
    assert_eq!((by_six().code, forwarded().code), (0, 0), "both pass before");
    let applied = from(&victim, RESPONDER, &format!("{STANCH} contain apply --yes"));
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_ne!(by_six().code, 0, "IPv6 is cut");
    assert_ne!(forwarded().code, 0, "what is forwarded is cut");
    let released = from(&victim, RESPONDER, &format!("{STANCH} contain release"));
    assert_eq!(released.code, 0, "{released:?}");
    assert_eq!((by_six().code, forwarded().code), (0, 0), "both pass again");
    end(sink);
}

/// Returns the entries of the case's ledger.
fn entries(victim: &Victim) -> Vec<serde_json::Value> {
    let told = victim.shell("cat /run/range/case/ledger.jsonl").unwrap();
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn two_that_bring_each_other_back_die_in_one_pass_and_what_they_were_is_kept() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let case = ["--case", "/run/range/case"];
    for mounted in ["mount -t cgroup2 none /sys/fs/cgroup", "umount /sys/fs/cgroup"] {
        victim.shell(mounted).unwrap();
        let pid = victim.shell(WATCHDOGS).unwrap().trim().to_owned();
        assert!(is_alive(&victim));
        let kill = ["contain", "apply", "--yes", "--kill", pid.as_str()];
        let (done, code) = victim.stanch(&[&case[..], &kill].concat()).unwrap();
        assert_eq!(code, 0, "{done}");
        assert!(!is_alive(&victim), "{done}");
        let left = victim.run(&["pgrep", "-r", "R,S,D,T", "-f", "/tmp/(one|two)"]).unwrap();
        assert_eq!(left.out, "", "none is left");
        let act = done["acts"].as_array().unwrap().last().unwrap();
        assert_eq!((&act["state"], &act["step"]["act"]), (&"done".into(), &"kill_process".into()));
        let refused = victim.run(&["sh", "-c", &format!("{STANCH} undo {}", act["id"])]).unwrap();
        assert_eq!(refused.code, 4, "there is no way back: {refused:?}");
        let groups = victim
            .shell(&format!("ls /sys/fs/cgroup | grep -c stanch-end-{pid}- || true"))
            .unwrap();
        assert_eq!(groups.trim(), "0", "our group is gone");
    }
    let kept: Vec<_> =
        entries(&victim).into_iter().filter(|one| one["what"] == "exhibit.kept").collect();
    let of = |end: &str| {
        let is_of = |one: &&serde_json::Value| one["body"]["path"].as_str().unwrap().ends_with(end);
        kept.iter().filter(is_of).count()
    };
    assert!(of("/exe") >= 2 && of("/maps") >= 4 && of("/environ") >= 4, "{kept:?}");
    for one in &kept {
        let sha256 = one["body"]["sha256"].as_str().unwrap();
        assert!(
            victim.run(&["test", "-s", &format!("/run/range/case/vault/{sha256}")]).unwrap().code
                == 0
        );
    }
    let first = victim.run(&["sh", "-c", &format!("{STANCH} contain apply --yes --kill 1")]);
    assert_eq!(first.unwrap().code, 4, "the first process is refused");
    let own =
        victim.run(&["sh", "-c", &format!("{STANCH} contain apply --yes --kill $$; exit $?")]);
    assert_eq!(own.unwrap().code, 4, "what this session hangs on is refused");
    let verified = victim.run(&["sh", "-c", &format!("{STANCH} ledger verify")]).unwrap();
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_kill_that_was_cut_off_is_gone_on_with() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell("mount -t cgroup2 none /sys/fs/cgroup").unwrap();
    let case = ["--case", "/run/range/case"];
    let mut cut_off = 0;
    let calls = [("fdatasync", 1), ("fdatasync", 2), ("mkdir", 1), ("fsync", 2), ("fdatasync", 5)];
    let more = [("pidfd_send_signal", 1), ("rmdir", 1), ("fdatasync", 12), ("fdatasync", 13)];
    for (at, (call, number)) in calls.into_iter().chain(more).enumerate() {
        let pid = victim.shell(WATCHDOGS).unwrap().trim().to_owned();
        let script = format!(
            "strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={number} \
             {STANCH} contain apply --yes --kill {pid}"
        );
        victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
        let (status, code) = victim.stanch(&[&case[..], &["contain", "status"]].concat()).unwrap();
        assert_eq!(code, 0, "the ledger is whole after {call} {number}: {status}");
        let last = status["acts"].as_array().unwrap().last().cloned();
        if let Some(act) = last.filter(|act| act["state"] == "cut-off") {
            cut_off += 1;
            let id = act["id"].as_str().unwrap();
            let was_alive = is_alive(&victim);
            // Before anything was killed it can be taken back; after, only gone on with.
            if at % 2 == 0 {
                let (_, code) = victim.stanch(&[&case[..], &["undo", id]].concat()).unwrap();
                if code == 0 {
                    assert!(is_alive(&victim), "they run on after {call} {number}");
                } else {
                    assert_eq!(code, 6, "{call} {number}");
                    assert!(!was_alive);
                }
            } else {
                let resume = ["undo", id, "--resume"];
                let (_, code) = victim.stanch(&[&case[..], &resume].concat()).unwrap();
                assert_eq!(code, 0, "{call} {number}");
                assert!(!is_alive(&victim), "after {call} {number}");
            }
        }
        victim.shell("pkill -KILL -f '^/bin/bash /tmp/(one|two)' || true; sleep 0.2").unwrap();
        let groups =
            victim.shell(&format!("ls /sys/fs/cgroup | grep stanch-end-{pid}- || true")).unwrap();
        assert_eq!(groups, "", "after {call} {number}");
    }
    assert!(cut_off >= 5, "it was cut off {cut_off} times");
    let verified = victim.run(&["sh", "-c", &format!("{STANCH} ledger verify")]).unwrap();
    assert_eq!(verified.code, 0, "{verified:?}");
}
