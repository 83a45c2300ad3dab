//! Unplugging a victim: nothing goes in or out, and it comes back by itself, whatever was killed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use stanch_range::{Victim, debian, possible};

const CASE: [&str; 2] = ["--case", "/run/range/case"];
const STANCH: &str = "/run/range/stanch --case /run/range/case";
const UNPLUG: &str = "--level unplug --console --consent unplug";

/// What is lost with a device, and has to come back.
const WAYS: &str =
    "for at in all default eth0; do echo 0 > /proc/sys/net/ipv6/conf/$at/accept_dad; done
    ip addr add fd77::2/64 dev eth0 nodad; ip route add default via 10.77.0.1
    ip route add 198.51.100.0/24 via 10.77.0.1 metric 7; ip -6 route add default via fd77::1
    ip link add link eth0 name mac0 type macvlan mode bridge; ip addr add 10.5.0.2/24 dev mac0
    ip link set mac0 up; ip route add 10.6.0.0/16 via 10.5.0.1";

fn network(victim: &Victim) -> String {
    // An address of the link itself is tentative for a second or two, after its device came up.
    std::thread::sleep(Duration::from_secs(3));
    let told = "ip -o addr | sed 's/valid_lft.*//'; ip route show table all; \
                ip -6 route show table all";
    let mut lines: Vec<String> = victim
        .shell(told)
        .unwrap()
        .lines()
        .map(|line| line.replace(" linkdown", "").trim().to_owned())
        .filter(|line| !line.contains("ff00::/8") && !line.contains("anycast"))
        .collect();
    lines.sort();
    lines.join("\n")
}

fn reaches(victim: &Victim) -> bool {
    let knock = "timeout 2 bash -c ': >/dev/tcp/10.77.0.2/22'";
    victim.on_peer(knock).unwrap().code == 0
}

fn status(victim: &Victim) -> serde_json::Value {
    victim.stanch(&[&CASE[..], &["contain", "status"]].concat()).unwrap().0
}

#[test]
fn unplugged_nothing_passes_and_unconfirmed_it_comes_back_by_itself_as_it_was() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(WAYS).unwrap();
    let before = network(&victim);
    assert!(reaches(&victim));
    // Not without the console, and not without having typed it.
    for (words, wanted) in
        [("--level unplug", "--console"), ("--level unplug --console", "--consent")]
    {
        let script = format!("{STANCH} contain apply --yes {words}");
        let refused = victim.run(&["sh", "-c", &script]).unwrap();
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(refused.err.contains(wanted), "{refused:?}");
    }
    let plan = victim.shell(&format!("{STANCH} contain plan {UNPLUG}")).unwrap();
    assert!(plan.contains("eth0") && plan.contains("no timer"), "{plan}");
    assert_eq!(network(&victim), before, "a plan touches nothing");
    // The one who did it is killed as soon as it is done.
    let apply = format!("{STANCH} contain apply --yes {UNPLUG} --rollback-after 30s");
    let applied = victim.shell(&format!("{apply} & wait $!")).unwrap();
    let began = Instant::now();
    assert!(applied.contains("stanch contain confirm"), "{applied}");
    assert!(!reaches(&victim), "nothing comes in");
    assert!(victim.shell("ip link show eth0").unwrap().contains("state DOWN"));
    let told = status(&victim);
    assert_eq!(told["unplugged"], "holds", "{told}");
    assert!(told["unplugged_left_s"].as_u64().unwrap() <= 30, "{told}");
    while !reaches(&victim) && began.elapsed() < Duration::from_secs(45) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let after = began.elapsed();
    assert!((Duration::from_secs(25)..Duration::from_secs(40)).contains(&after), "{after:?}");
    assert_eq!(network(&victim), before, "addresses and routes are back");
    assert_eq!(status(&victim)["unplugged"], serde_json::Value::Null);
    // Released before its time, and the process that waited ends.
    victim.shell(&apply).unwrap();
    assert!(!reaches(&victim));
    victim.shell(&format!("{STANCH} contain release")).unwrap();
    assert_eq!(network(&victim), before);
    assert!(reaches(&victim));
    let waits = "for n in $(seq 50); do pgrep -f 'contain [p]lug-in' >/dev/null || exit 0; \
                 sleep 0.1; done; exit 1";
    assert_eq!(victim.run(&["sh", "-c", waits]).unwrap().code, 0, "nobody waits any more");
    // Confirmed it stays.
    victim.shell(&apply).unwrap();
    let code = status(&victim)["code"].as_str().unwrap().to_owned();
    let wrong = victim.run(&["sh", "-c", &format!("{STANCH} contain confirm x")]).unwrap();
    assert_eq!(wrong.code, 2, "{wrong:?}");
    victim.shell(&format!("{STANCH} contain confirm {code}")).unwrap();
    std::thread::sleep(Duration::from_secs(33));
    assert!(!reaches(&victim), "it stays unplugged");
    // A ledger that is gone does not keep it unplugged for ever: whoever sits there plugs it in.
    assert!(status(&victim)["unplugged_left_s"].as_u64().unwrap() > 80_000);
    victim.shell(&format!("{STANCH} contain release")).unwrap();
    assert_eq!(network(&victim), before);
    victim.shell(&format!("{STANCH} ledger verify")).unwrap();
}

#[test]
fn killed_between_two_devices_or_with_its_ledger_gone_it_comes_back_all_the_same() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(WAYS).unwrap();
    let before = network(&victim);
    let apply = format!("{STANCH} contain apply --yes {UNPLUG} --rollback-after 30s");
    // Killed at the very entry that says it is done: the device is down, and nobody is told.
    let script = format!(
        "strace -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:signal=KILL:when=4 {apply}"
    );
    victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
    assert!(!reaches(&victim), "it was unplugged");
    victim.shell("mv /run/range/case/ledger.jsonl /run/range/taken").unwrap();
    let began = Instant::now();
    while !reaches(&victim) && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(reaches(&victim), "it came back by itself");
    assert_eq!(network(&victim), before, "addresses and routes are back");
}
