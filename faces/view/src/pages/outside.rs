//! What can be cut from outside: told, never done.

use stanch_incident::containment::outside::{Advice, Outside, Place, Platform, Port};
use stanch_words::{Lang, text};

use super::query;
use crate::{Look, Sheet};

/// Returns the page.
pub fn page(outside: &Outside, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(
        0,
        look.say(
            "What cuts this machine off from outside, where root on it cannot undo it. Nothing of this was done; each command is typed at the place that it names, and CAPITALS stand for what you know there.",
            "以下办法从外部断网，本机的 root 无法撤销。均未执行：请在所注明之处输入；大写部分由您在那里填写。",
        ),
    );
    sheet.heading("Where it hangs", "所处位置");
    sheet.prose(2, &platform(outside, look));
    for port in outside.ports.iter().filter(|port| port.is_outward) {
        sheet.prose(2, &cable(port, outside.listened, look));
    }
    for gap in &outside.gaps {
        sheet.prose(2, &not_heard(&query::why(gap, look), look));
    }
    for advice in &outside.advice {
        place(&mut sheet, advice, look);
    }
    sheet.finish()
}

fn platform(outside: &Outside, look: Look) -> String {
    let name = outside.platform.name();
    let told = match (&outside.platform, look.lang) {
        (Platform::Cloud(_) | Platform::OtherCloud(_), Lang::En) => {
            format!("The firmware says that it runs in a cloud: {name}.")
        }
        (Platform::Cloud(_) | Platform::OtherCloud(_), Lang::Zh) => {
            format!("固件表明运行于云上：{name}。")
        }
        (Platform::Hypervisor(_), Lang::En) => {
            format!("The firmware says that it runs on a hypervisor: {name}.")
        }
        (Platform::Hypervisor(_), Lang::Zh) => format!("固件表明运行于虚拟化平台：{name}。"),
        (Platform::Metal, Lang::En) => "The firmware names no hypervisor and no cloud.".to_owned(),
        (Platform::Metal, Lang::Zh) => "固件未提及虚拟化平台或云。".to_owned(),
        (Platform::Unknown, Lang::En) => "The firmware does not tell what it runs on.".to_owned(),
        (Platform::Unknown, Lang::Zh) => "固件未说明运行于何处。".to_owned(),
    };
    if outside.instance.is_empty() {
        return told;
    }
    let instance = &outside.instance;
    match look.lang {
        Lang::En => format!(
            "{told} It calls itself `{instance}`: compare with the console before you type it."
        ),
        Lang::Zh => format!("{told} 本机自称 `{instance}`：输入前请与控制台核对。"),
    }
}

fn cable(port: &Port, seconds: u64, look: Look) -> String {
    let (device, mac) = (&port.device, &port.mac);
    let told: Vec<String> = port
        .neighbours
        .iter()
        .map(|one| {
            let name = if one.name.is_empty() { &one.chassis } else { &one.name };
            let mut said = format!("{name} {} ({})", one.port, one.by.name());
            for more in [&one.port_description, &one.address] {
                if !more.is_empty() {
                    said = format!("{said}, {more}");
                }
            }
            text::shortened(&said, 200)
        })
        .collect();
    match (told.is_empty(), seconds, look.lang) {
        (false, _, Lang::En) => format!("{device} ({mac}): {}", told.join("; ")),
        (false, _, Lang::Zh) => format!("{device}（{mac}）：{}", told.join("；")),
        (true, 0, Lang::En) => format!("{device} ({mac}): nobody was listened to."),
        (true, 0, Lang::Zh) => format!("{device}（{mac}）：没有监听。"),
        (true, _, Lang::En) => {
            format!("{device} ({mac}): no switch told of itself in {seconds} s.")
        }
        (true, _, Lang::Zh) => format!("{device}（{mac}）：{seconds} 秒内没有交换机自报。"),
    }
}

fn not_heard(why: &str, look: Look) -> String {
    match look.lang {
        Lang::En => format!("Nobody could be listened to: {why}."),
        Lang::Zh => format!("无法监听：{why}。"),
    }
}

fn place(sheet: &mut Sheet, advice: &Advice, look: Look) {
    match advice.place {
        Place::Switch => sheet.heading("At the switch", "在交换机上"),
        Place::Hypervisor => sheet.heading("At the hypervisor", "在虚拟化平台上"),
        Place::Cloud => sheet.heading("In the cloud", "在云平台上"),
        Place::Console => sheet.heading("At the console", "在控制台"),
    }
    sheet.prose(2, look.text(&advice.does));
    for command in &advice.commands {
        sheet.command(4, command);
    }
    if !advice.undo.is_empty() {
        sheet.prose(2, look.say("The way back:", "恢复："));
        for command in &advice.undo {
            sheet.command(4, command);
        }
    }
    for warning in &advice.warnings {
        sheet.hanging(2, "!", 2, look.text(warning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_incident::containment::outside::{Neighbour, Protocol};
    use stanch_words::Both;

    fn outside() -> Outside {
        Outside {
            ports: vec![Port {
                device: "eth0".to_owned(),
                mac: "52:54:00:12:34:56".to_owned(),
                is_outward: true,
                neighbours: vec![Neighbour {
                    by: Protocol::Lldp,
                    chassis: "00:1c:73:aa:bb:cc".to_owned(),
                    port: "Ethernet12\u{1b}[2J".to_owned(),
                    port_description: String::new(),
                    name: "sw-rack4".to_owned(),
                    description: String::new(),
                    address: "10.0.0.250".to_owned(),
                    vlan: Some(42),
                }],
            }],
            platform: Platform::Metal,
            instance: String::new(),
            listened: 35,
            advice: vec![Advice {
                place: Place::Switch,
                does: Both::new("Shuts it.", "关闭。"),
                commands: vec!["shutdown".to_owned()],
                undo: vec!["no shutdown".to_owned()],
                warnings: vec![Both::new("Mind.", "注意。")],
            }],
            gaps: Vec::new(),
        }
    }

    #[test]
    fn each_command_has_its_way_back_and_nothing_hostile_reaches_the_terminal() {
        for (lang, way_back) in [(Lang::En, "The way back:"), (Lang::Zh, "恢复：")] {
            let page = page(&outside(), Look::plain(lang));
            assert!(page.contains("sw-rack4 Ethernet12"), "{page}");
            assert!(page.contains("    shutdown\n"), "{page}");
            assert!(page.contains(way_back) && page.contains("    no shutdown\n"), "{page}");
            assert!(!page.contains('\u{1b}'), "{page}");
        }
    }

    #[test]
    fn where_nobody_told_that_is_said() {
        let mut outside = outside();
        for port in &mut outside.ports {
            port.neighbours.clear();
        }
        let page = page(&outside, Look::plain(Lang::En));
        assert!(page.contains("no switch told of itself in 35 s"), "{page}");
    }
}
