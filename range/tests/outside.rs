//! What is told of the places outside the machine where it can be cut off.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use stanch_range::{Victim, debian, possible};

fn texts(list: &serde_json::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

#[test]
fn the_switch_that_tells_of_itself_is_named_with_its_port_and_nothing_is_changed() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let before = victim.shell("ip maddr; ip -d link; cat /proc/net/packet").unwrap();
    let began = Instant::now();
    let (quiet, code) = victim.stanch(&["contain", "outside", "--listen", "2s"]).unwrap();
    assert_eq!(code, 0, "{quiet}");
    assert!(began.elapsed() >= Duration::from_secs(2), "it listens as long as it says");
    assert_eq!(quiet["devices"][0]["name"], "eth0", "{quiet}");
    assert_eq!(quiet["devices"][0]["neighbours"], serde_json::json!([]), "{quiet}");
    let mac = quiet["devices"][0]["mac"].as_str().unwrap();
    let at_switch = |told: &serde_json::Value| {
        let all = told["advice"].as_array().unwrap();
        all.iter().find(|one| one["place"] == "switch").cloned()
    };
    // The machine that the range runs on says by its firmware what it is; in a cloud there is no
    // switch to speak to.
    let has_switch = quiet["platform"] != "cloud";
    if has_switch {
        let advice = at_switch(&quiet).unwrap();
        let find = format!("show mac address-table address {mac}");
        assert!(texts(&advice["commands"]).contains(&find.as_str()), "{advice}");
    }

    let mut switch = victim.spawn_on_peer(&["switch", "sw-rack4 Ethernet1/12"]).unwrap();
    let began = Instant::now();
    let (told, code) = victim.stanch(&["contain", "outside", "--listen", "30s"]).unwrap();
    assert_eq!(code, 0, "{told}");
    assert!(began.elapsed() < Duration::from_secs(20), "what is known is not waited for");
    let neighbour = &told["devices"][0]["neighbours"][0];
    assert_eq!(neighbour["name"], "sw-rack4", "{told}");
    assert_eq!(neighbour["port"], "Ethernet1/12", "{told}");
    assert_eq!(neighbour["by"], "LLDP", "{told}");
    if has_switch {
        let advice = at_switch(&told).unwrap();
        assert_eq!(texts(&advice["commands"]), ["interface Ethernet1/12", "shutdown"]);
        assert_eq!(texts(&advice["undo"]), ["interface Ethernet1/12", "no shutdown"]);
    }
    for (lang, listened) in [("en", "sw-rack4 Ethernet1/12"), ("zh", "sw-rack4 Ethernet1/12")] {
        let page = ["/run/range/stanch", "contain", "outside", "--lang", lang];
        let page = victim.run(&page).unwrap();
        assert!(page.out.contains(listened), "{page:?}");
    }
    // Isolated, the machine still hears who its neighbour is: the rules come after the socket.
    let cut = "contain apply --yes --no-watch --console --rollback-after 30s";
    victim.shell(&format!("/run/range/stanch --case /run/range/case {cut}")).unwrap();
    let (told, _) = victim.stanch(&["contain", "outside", "--listen", "30s"]).unwrap();
    assert_eq!(told["devices"][0]["neighbours"][0]["name"], "sw-rack4", "{told}");
    victim.shell("/run/range/stanch --case /run/range/case contain release").unwrap();
    switch.kill().unwrap();
    switch.wait().unwrap();
    let after = victim.shell("ip maddr; ip -d link; cat /proc/net/packet").unwrap();
    assert_eq!(after, before, "nothing of the listening is left");
    // Without root it cannot listen, says so, and tells the rest.
    let user = "setpriv --reuid 33 --clear-groups --inh-caps=-all --bounding-set=-all \
                /run/range/stanch contain outside --json";
    let told: serde_json::Value = serde_json::from_str(&victim.shell(user).unwrap()).unwrap();
    assert_eq!(told["gaps"][0]["kind"], "denied", "{told}");
    assert_eq!(told["devices"][0]["name"], "eth0", "{told}");
}
