//! Stopping services on a victim: what starts them goes, they are masked and killed, and undoing
//! gives the links back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stanch_range::{Victim, debian, possible};

const STANCH: &str = "/run/range/stanch --case /run/range/case";

/// Returns whatever starts services, links with their targets and times.
fn starters(victim: &Victim) -> String {
    let places = "/etc/systemd /etc/rc0.d /etc/rc2.d /etc/rc3.d /etc/rc6.d /etc/init.d";
    victim
        .shell(&format!("find {places} ! -type d -printf '%p %y %l %m %u %T@\\n' | sort"))
        .unwrap()
}

fn answers(victim: &Victim) -> bool {
    victim.run(&["bash", "-c", ": >/dev/tcp/127.0.0.1/80"]).unwrap().code == 0
}

fn contain(victim: &Victim, arguments: &str) -> stanch_range::Ran {
    victim.run(&["sh", "-c", &format!("{STANCH} contain {arguments}")]).unwrap()
}

fn last_plan(victim: &Victim) -> String {
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let acts = status.pointer("/acts").and_then(serde_json::Value::as_array).unwrap();
    let plan = acts.last().and_then(|act| act.pointer("/plan")).unwrap();
    plan.as_str().unwrap().to_owned()
}

#[test]
fn a_stopped_service_is_dead_and_masked_and_undo_gives_its_links_back() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    // The first process is no systemd here, so that only what stands on the disk counts.
    let before = starters(&victim);
    assert!(before.contains("multi-user.target.wants/nginx.service"), "{before}");
    assert!(answers(&victim));
    let plan = contain(&victim, "plan --stop-service nginx");
    assert_eq!(plan.code, 0, "{plan:?}");
    assert_eq!(starters(&victim), before, "a plan touches nothing");
    let applied = contain(&victim, "apply --yes --stop-service nginx");
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(!answers(&victim), "{applied:?}");
    // The first process buries what was killed when it comes to it.
    let buried = "for n in $(seq 50); do pgrep -x nginx >/dev/null || break; sleep 0.1; done; \
                  pgrep -x nginx";
    assert_eq!(victim.run(&["sh", "-c", buried]).unwrap().out, "");
    let now = starters(&victim);
    assert!(!now.contains("wants/nginx.service"), "{now}");
    assert!(now.contains("/etc/systemd/system/nginx.service l /dev/null"), "{now}");
    assert!(!now.contains("/etc/rc2.d/S01nginx"), "{now}");
    let again = contain(&victim, "apply --yes --stop-service nginx");
    assert_eq!(again.code, 4, "what is masked is not masked again: {again:?}");
    let plan = last_plan(&victim);
    let undone = victim.run(&["sh", "-c", &format!("{STANCH} undo {plan}")]).unwrap();
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(starters(&victim), before, "links are as they were");
    victim.shell("/usr/sbin/nginx").unwrap();
    assert!(answers(&victim));
    for never in ["dbus", "systemd-journald", "../x"] {
        let refused = contain(&victim, &format!("apply --yes --stop-service {never}"));
        assert_eq!(refused.code, 4, "{never}: {refused:?}");
    }
}

/// A unit of the intruder's own, whose processes lie in a control group as systemd makes it.
const IMPLANT: &str = "
    mount -t cgroup2 none /sys/fs/cgroup
    mkdir -p /sys/fs/cgroup/range.slice/upd.service
    printf '[Service]\\nExecStart=/usr/bin/sleep 4321\\nRestart=always\\n\\
[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/upd.service
    ln -s /etc/systemd/system/upd.service /etc/systemd/system/multi-user.target.wants/upd.service
    cp /usr/bin/sleep /tmp/upd";

/// Two in its control group, and one that left it, as an implant would: the same program tells it.
const PROCESSES: &str = "
    mkdir -p /sys/fs/cgroup/range.slice/upd.service
    for n in 1 2; do
        setsid --fork sh -c 'echo $$ > /sys/fs/cgroup/range.slice/upd.service/cgroup.procs
            exec /tmp/upd 4321' </dev/null >/dev/null 2>&1
    done
    setsid --fork /tmp/upd 4321 </dev/null >/dev/null 2>&1; sleep 0.5";

#[test]
fn a_unit_of_the_intruders_own_goes_with_its_control_group_also_when_cut_off() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(IMPLANT).unwrap();
    let before = starters(&victim);
    let starts = || victim.shell(PROCESSES).unwrap();
    let alive =
        || victim.run(&["pgrep", "-r", "R,S,D,T", "-x", "upd"]).unwrap().out.lines().count();
    let case = ["--case", "/run/range/case"];
    let mut cut_off = 0;
    for call in ["symlinkat:1", "unlinkat:2", "pidfd_send_signal:1", "rmdir:1", "fdatasync:8"] {
        starts();
        let (name, number) = call.split_once(':').unwrap();
        let script = format!(
            "strace -f -qq -o /dev/null -e trace={name} -e inject={name}:signal=KILL:when={number} \
             {STANCH} contain apply --yes --stop-service upd"
        );
        victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
        let (status, code) = victim.stanch(&[&case[..], &["contain", "status"]].concat()).unwrap();
        assert_eq!(code, 0, "the ledger is whole after {call}: {status}");
        let last = status["acts"].as_array().unwrap().last().unwrap().clone();
        if last["state"] == "cut-off" {
            cut_off += 1;
            let resume = ["undo", last["id"].as_str().unwrap(), "--resume"];
            let (told, code) = victim.stanch(&[&case[..], &resume].concat()).unwrap();
            assert_eq!(code, 0, "after {call}: {told}");
        }
        let (told, code) =
            victim.stanch(&[&case[..], &["undo", &last_plan(&victim)]].concat()).unwrap();
        assert_eq!(code, 0, "after {call}: {told}");
        assert_eq!(starters(&victim), before, "after {call}");
    }
    assert!(cut_off >= 4, "it was cut off {cut_off} times");
    starts();
    assert!(alive() >= 3);
    let applied = contain(&victim, "apply --yes --stop-service upd");
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(alive(), 0, "{applied:?}");
    assert!(starters(&victim).contains("/etc/systemd/system/upd.service l /dev/null"));
    let left = victim.shell("ls /sys/fs/cgroup | grep stanch-end-upd || true").unwrap();
    assert_eq!(left, "", "our group is gone");
    // Control groups are the kernel's, not the victim's: they do not end with it.
    victim.shell("cd /sys/fs/cgroup; rmdir range.slice/upd.service range.slice").unwrap();
}

#[test]
fn a_program_of_the_intruders_own_dies_with_all_who_run_it_wherever_they_are() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    // Strangers to each other: two sessions, no common parent, one of them deleted its file's name.
    let first = "cp /usr/bin/sleep /tmp/upd; setsid --fork /tmp/upd 4321 </dev/null >/dev/null 2>&1
        setsid --fork /tmp/upd 4322 </dev/null >/dev/null 2>&1; sleep 0.3; rm /tmp/upd
        setsid --fork sleep 4323 </dev/null >/dev/null 2>&1; pgrep -x upd | head -1";
    let pid = victim.shell(first).unwrap().trim().to_owned();
    let killed = contain(&victim, &format!("apply --yes --kill {pid}"));
    assert_eq!(killed.code, 0, "{killed:?}");
    let left = victim.run(&["pgrep", "-r", "R,S,D,T", "-x", "upd"]).unwrap();
    assert_eq!(left.out, "", "{killed:?}");
    let stranger = victim.run(&["pgrep", "-x", "-f", "sleep 4323"]).unwrap();
    assert_ne!(stranger.out, "", "who runs a program of the machine's is left alone");
    let kept = victim.shell("grep exhibit.kept /run/range/case/ledger.jsonl").unwrap();
    assert!(kept.contains("/tmp/upd (deleted)"), "where the program lay is told: {kept}");
}

/// A unit of the intruder's own that systemd brings back whenever it dies.
const RESTARTED: &str = "
    cp /usr/bin/sleep /tmp/upd
    printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=/tmp/upd 4321\\nRestart=always\\nRestartSec=0\\n\\
[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/upd.service
    systemctl daemon-reload; systemctl enable --now upd.service";

#[test]
fn systemd_itself_does_not_bring_a_stopped_service_back_until_it_is_given_back() {
    if !possible() {
        return;
    }
    let victim = Victim::boot_with_systemd(&debian().unwrap()).unwrap();
    assert_eq!(victim.shell("cat /proc/1/comm").unwrap(), "systemd\n");
    victim.shell(RESTARTED).unwrap();
    // It is brought back by systemd when it only dies.
    let pid = || victim.run(&["pgrep", "-r", "R,S,D,T", "-x", "upd"]).unwrap().out;
    let first = pid();
    assert_ne!(first, "");
    victim.shell("pkill -KILL -x upd; sleep 1").unwrap();
    assert!(!pid().is_empty() && pid() != first, "{first} {}", pid());
    assert!(answers(&victim), "nginx runs under systemd");
    let before = starters(&victim);
    for unit in ["upd", "nginx"] {
        let applied = contain(&victim, &format!("apply --yes --stop-service {unit}"));
        assert_eq!(applied.code, 0, "{applied:?}");
    }
    victim.shell("sleep 2").unwrap();
    assert_eq!(pid(), "", "systemd does not bring it back");
    assert!(!answers(&victim));
    let start = |unit: &str| victim.run(&["systemctl", "start", unit]).unwrap();
    for unit in ["upd", "nginx"] {
        let refused = start(unit);
        assert!(refused.code != 0 && refused.err.contains("masked"), "{refused:?}");
    }
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let acts = status.pointer("/acts").and_then(serde_json::Value::as_array).unwrap();
    let mut plans: Vec<&str> =
        acts.iter().filter_map(|act| act.pointer("/plan")?.as_str()).collect();
    plans.dedup();
    for plan in plans.iter().rev() {
        let undone = victim.run(&["sh", "-c", &format!("{STANCH} undo {plan}")]).unwrap();
        assert_eq!(undone.code, 0, "{undone:?}");
    }
    assert_eq!(starters(&victim), before, "links are as they were");
    // Undoing starts nothing; systemd has read its units anew and can.
    victim.shell("sleep 1").unwrap();
    assert_eq!(pid(), "");
    for unit in ["upd", "nginx"] {
        let mut started = start(unit);
        // Asked within the second in which a unit came back, systemd 252 at times finds it "busy"
        // until it is told to read its units once more.
        for _try in 0..5 {
            if !started.err.contains("busy") {
                break;
            }
            victim.shell("systemctl daemon-reload; sleep 1").unwrap();
            started = start(unit);
        }
        assert_eq!(started.code, 0, "{started:?}");
    }
    // nginx may need a moment until it listens.
    victim.shell("sleep 1").unwrap();
    assert!(answers(&victim) && !pid().is_empty());
    let state = victim.run(&["systemctl", "is-system-running"]).unwrap();
    assert!(["running", "degraded"].contains(&state.out.trim()), "{state:?}");
}
