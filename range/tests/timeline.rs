//! The timeline of a running Debian whose daemons write logs of their own.

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

#[test]
fn what_daemons_tell_and_what_files_carry_stand_in_the_order_in_which_it_happened() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    victim
        .shell(
            "logger -t drill marker-one; sleep 1.1; echo x >/srv/marker-two; sleep 1.1; \
             logger -t drill marker-three; sleep 1; touch -a -d 2020-01-01 /var/log/syslog /srv",
        )
        .unwrap();
    // The time of a log's last change is the intruder's to set; what is in it is seen all the same.
    victim.shell("touch -m -d 2020-01-01 /var/log/syslog /var/log/user.log").unwrap();
    let times = "stat -c '%n %X %Y' /var/log/syslog /srv /srv/marker-two";
    let before = victim.shell(times).unwrap();
    let asked = ["/run/range/stanch", "timeline", "--since", "30m", "--format", "jsonl"];
    let ran = victim.run(&asked).unwrap();
    assert!(matches!(ran.code, 0 | 3), "{ran:?}");
    assert_eq!(victim.shell(times).unwrap(), before, "a time of a file changed");

    let lines: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let micros = |line: &Value| line["timestamp"].as_i64().unwrap();
    assert!(lines.is_sorted_by_key(micros), "the oldest first");
    let of = |marker: &str| -> Vec<(usize, &Value)> {
        let is_of = |line: &Value| {
            let of_file = line["path"].as_str().is_some_and(|path| path.ends_with(marker));
            of_file || line["message"].as_str().unwrap().ends_with(marker)
        };
        lines.iter().enumerate().filter(|(_, line)| is_of(line)).collect()
    };
    let (one, two, three) = (of("marker-one"), of("marker-two"), of("marker-three"));
    // Debian's rsyslog writes it into syslog and into user.log: two logs, one event.
    let count = victim.shell("cat /var/log/syslog /var/log/user.log | grep -c marker-one").unwrap();
    assert_eq!((count.trim(), one.len(), three.len()), ("2", 1, 1), "{one:?} {three:?}");
    assert!(ran.err.contains("told by two logs"), "{}", ran.err);
    let born = two.iter().find(|(_, line)| line["macb"].as_str().unwrap().contains('m')).unwrap();
    assert!(one[0].0 < born.0 && born.0 < three[0].0, "{one:?} {born:?} {three:?}");
    assert_eq!(born.1["path"], "/srv/marker-two");
}
