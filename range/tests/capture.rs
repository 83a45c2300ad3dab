//! Packets of a victim's network, taken into the bundle and read by a program that is not ours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use stanch_range::{Victim, debian, packet_tools, possible};

/// Returns what tcpdump reads of the capture in a bundle of the victim.
fn read(victim: &Victim, bundle: &str, name: &str) -> String {
    let packed = victim
        .shell(&format!(
            "tar -xzOf {bundle} live_response/network/capture.pcapng | base64 -w0 >/run/p; cat /run/p"
        ))
        .unwrap();
    let folder = std::env::temp_dir().join(format!("stanch-capture-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (text, file) = (folder.join("packed"), folder.join("capture.pcapng"));
    std::fs::write(&text, packed.trim()).unwrap();
    let decoded = Command::new("base64").arg("-d").arg(&text).output().unwrap();
    assert!(decoded.status.success());
    std::fs::write(&file, &decoded.stdout).unwrap();
    let mut tcpdump = Command::new("tcpdump");
    // It gives up root before it reads, and could not read this then.
    tcpdump.args(["-Z", "root", "-nn", "-tttt", "-A", "-r"]).arg(&file).arg("udp port 9");
    let out = tcpdump.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::remove_dir_all(&folder).unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Says so many numbered words to "discard" over UDP.
fn talk(to: &str, count: u32) -> String {
    format!(
        "(sleep 1; for i in $(seq {count}); do echo marker-$i. >/dev/udp/{to}/9; done) \
         >/dev/null 2>&1 &"
    )
}

fn markers(read: &str) -> (usize, BTreeSet<&str>) {
    let all: Vec<&str> = read
        .match_indices("marker-")
        .filter_map(|(at, _)| read.get(at..)?.split('.').next())
        .collect();
    (all.len(), all.into_iter().collect())
}

#[test]
fn what_goes_over_the_network_meanwhile_is_in_the_bundle_and_tcpdump_reads_it() {
    if !possible() {
        return;
    }
    packet_tools().unwrap();
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    let peer = victim.peer_address();

    // At a device that is named, each packet once, though the loopback shows it twice.
    let stanch = "/run/range/stanch preserve --json -o /run/lo.tar.gz --capture 4s --interface lo";
    let script = format!("{} {stanch} >/run/made.json; true", talk("127.0.0.1", 200));
    victim.run(&["bash", "-c", &script]).unwrap();
    let (seal, code) = victim.stanch(&["seal", "verify", "/run/lo.tar.gz"]).unwrap();
    assert_eq!(code, 0, "{seal:#}");
    let heard = read(&victim, "/run/lo.tar.gz", "lo");
    let (all, different) = markers(&heard);
    assert_eq!((all, different.len()), (200, 200), "{heard}");
    let today = victim.shell("date -u +%Y-%m-%d").unwrap();
    assert!(heard.contains(today.trim()), "times are those of the packets: {heard}");
    let manifest = victim.shell("tar -xzOf /run/lo.tar.gz meta/manifest.jsonl").unwrap();
    let line = manifest.lines().find(|line| line.contains("capture.pcapng")).unwrap();
    assert!(line.contains(" frames, 0 lost\""), "{line}");

    // At all devices that are up, and through a pipe: nothing is written until it is over.
    let stanch = "/run/range/stanch preserve -o - --capture 4s";
    let script = format!("{} {stanch} >/run/all.tar.gz; true", talk(peer, 50));
    victim.run(&["bash", "-c", &script]).unwrap();
    let heard = read(&victim, "/run/all.tar.gz", "all");
    assert_eq!(markers(&heard).1.len(), 50, "{heard}");

    // A device that is not there is told, and the bundle is made all the same.
    let wrong = ["preserve", "-o", "/run/none.tar.gz", "--capture", "1s", "--interface", "eth99"];
    let (made, code) = victim.stanch(&wrong).unwrap();
    assert_eq!(code, 3, "{made:#}");
    assert!(made.to_string().contains("eth99"), "{made:#}");
    // Without the right to listen it is a gap, too.
    let refused = victim
        .run(&[
            "setpriv",
            "--bounding-set=-net_raw",
            "--inh-caps=-net_raw",
            "/run/range/stanch",
            "preserve",
            "-o",
            "/run/denied.tar.gz",
            "--capture",
            "1s",
        ])
        .unwrap();
    assert!(matches!(refused.code, 0 | 3), "{refused:?}");
    let names = victim.shell("tar -tzf /run/denied.tar.gz").unwrap();
    assert!(!names.contains("capture.pcapng"), "{names}");
    let gaps = victim.shell("tar -xzOf /run/denied.tar.gz live/gaps.jsonl").unwrap();
    assert!(gaps.lines().any(|gap| gap.contains("\"capture\"")), "{gaps}");
}
