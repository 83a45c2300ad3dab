//! A network that was unplugged.

use stanch_incident::unplugging::{Unplugged, WaitEnd};
use stanch_words::{Lang, text};

use crate::{Look, Sheet};

/// Writes how it stands, and what comes next.
pub(super) fn write(sheet: &mut Sheet, unplugged: &Unplugged, look: Look) {
    let seconds = unplugged.left;
    sheet.prose(0, look.text(&unplugged.deed.step.does));
    sheet.prose(
        0,
        &match (unplugged.holds, look.lang) {
            (true, Lang::En) => format!("It is unplugged. A process of ours plugs it in again in {seconds} s."),
            (true, Lang::Zh) => format!("网络已拔除，本工具的进程将在 {seconds} 秒后重新接通。"),
            (false, Lang::En) => "Somebody brought a device up again, or the machine was started anew. If it was not you, have the switch or the hypervisor cut the port: `stanch contain outside`.".to_owned(),
            (false, Lang::Zh) => "有人重新启用了网卡，或机器重启过。若不是您所为，请从交换机或虚拟化平台断开端口：`stanch contain outside`。".to_owned(),
        },
    );
    sheet.heading("Next", "下一步");
    sheet.command(2, "stanch contain release");
}

/// Writes what is said after it was unplugged. `waits` is the process that plugs it in again.
pub(super) fn applied(sheet: &mut Sheet, unplugged: &Unplugged, waits: Option<u32>, look: Look) {
    let seconds = unplugged.left;
    let pid = waits.map_or_else(String::new, |pid| format!(" {pid}"));
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("Unplugged. Process{pid} plugs it in again in {seconds} s, with its addresses and routes, unless you confirm here:"),
            Lang::Zh => format!("已拔除。若不在此确认，进程{pid} 将在 {seconds} 秒后重新接通，并恢复地址与路由："),
        },
    );
    sheet.command(2, &format!("stanch contain confirm {}", unplugged.order.code));
    sheet.heading("To plug it in again", "如需接通");
    sheet.command(2, "stanch contain release");
    sheet.prose(
        2,
        look.say(
            "or, without this program (addresses of IPv6 and routes are then yours to give back):",
            "没有本程序时（IPv6 地址与路由需自行恢复）：",
        ),
    );
    for device in &unplugged.order.devices {
        sheet.command(2, &format!("ip link set {} up", text::escaped(device)));
    }
}

/// Returns what is said when the wait ends.
pub fn waited(end: WaitEnd, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(
        0,
        match end {
            WaitEnd::PluggedIn => look.say("Plugged in again.", "已重新接通。"),
            WaitEnd::NotNeeded => look.say("There was nothing to plug in.", "无须接通。"),
        },
    );
    sheet.finish()
}
