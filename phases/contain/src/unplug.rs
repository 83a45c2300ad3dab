//! Unplugging: which devices go down, what that costs, and who has to have typed that he wants it.

use std::path::Path;

use stanch_acts::isolate_network::{IsolateNetwork, Level, Order};
use stanch_acts::responder;
use stanch_acts::unplug_network::{UnplugNetwork, Wanted};
use stanch_acts::{Trouble, WayIn};
use stanch_machine::Machine;
use stanch_words::{Both, Plan, Refusal};

use crate::network::{self, connections};
use crate::{Seat, Wish, devices, take, uplinks};

/// What has to be typed to be let do it.
pub const CONSENT: &str = "unplug";

/// Returns the devices by which the machine reaches others: those of default routes, and hardware.
pub(crate) fn outward(machine: &dyn Machine) -> Vec<String> {
    let uplinks = uplinks(machine);
    let folder = Path::new("/sys/class/net");
    let is_hardware = |name: &str| machine.lstat(&folder.join(name).join("device")).is_ok();
    let all = devices(machine).into_iter();
    all.filter(|name| uplinks.contains(name) || is_hardware(name)).collect()
}

/// Puts it into a plan, or why not.
pub(crate) fn plan(machine: &dyn Machine, wish: &Wish, plan: &mut Plan) -> Result<(), Trouble> {
    if !wish.unplug {
        return Ok(());
    }
    let ways_in = responder::ways_in(machine)?;
    plan.refusals.extend(unsaid(wish));
    // Whatever a whole cut that keeps nobody would do to what is mounted, this does.
    let cut =
        Order { keep: Vec::new(), ..network::order(machine, wish, Level::Isolate, Vec::new()) };
    plan.refusals.extend(network::refusals(machine, &cut));
    if !plan.refusals.is_empty() {
        return Ok(());
    }
    let wanted =
        Wanted { devices: outward(machine), seconds: wish.seconds, code: wish.code.clone() };
    let planned = UnplugNetwork::plan(machine, &wanted, ways_in.clone())?;
    if planned.is_ok() {
        plan.costs.push(connections(&IsolateNetwork::would_cut(machine, &cut)?));
        plan.costs.extend(costs(&wanted, &ways_in));
    }
    take(plan, planned);
    Ok(())
}

/// Returns what was not said that has to be: it shuts every way in over the network.
fn unsaid(wish: &Wish) -> Option<Refusal> {
    let asked = Both::new("unplug the network", "拔除网络");
    if wish.seat != Seat::Console {
        return Some(Refusal {
            asked,
            why: Both::new(
                "no way in over the network stays; it is done only from the console or the BMC: say so with `--console`",
                "网络上的通路将全部断开，只能在控制台或 BMC 上执行：请加 `--console` 表明",
            ),
        });
    }
    let is_said = wish.consents.iter().any(|typed| typed == CONSENT);
    (!is_said).then(|| Refusal {
        asked,
        why: Both::new(
            format!("type `--consent {CONSENT}` once you have seen that the console or the BMC works without this network"),
            format!("请先确认不经本网络也能使用控制台或 BMC，再输入 `--consent {CONSENT}`"),
        ),
    })
}

fn costs(wanted: &Wanted, ways_in: &[WayIn]) -> Vec<Both> {
    let seconds = wanted.seconds;
    let mut costs: Vec<Both> = ways_in
        .iter()
        .map(|way| {
            let from = way.from;
            Both::new(
                format!("Your own connection from {from} ends with it."),
                format!("您自己来自 {from} 的连接也会中断。"),
            )
        })
        .collect();
    costs.extend([
        Both::new(
            "Whatever this machine serves to others stops until it is plugged in again.",
            "本机对外的全部服务在重新接通之前中断。",
        ),
        Both::new(
            format!("A process of ours plugs it in again after {seconds} s unless you confirm. The kernel has no timer for this: if that process is killed, only you do, at the console."),
            format!("若未确认，本工具留下的进程将在 {seconds} 秒后重新接通。内核没有这种定时器：若该进程被杀，只能由您在控制台接通。"),
        ),
        Both::new(
            "Not covered: root on this machine can bring the devices up again; a BMC that shares a port has its own way out. The switch, the hypervisor or the cloud holds against both (`stanch contain outside`).",
            "未覆盖：本机 root 可以重新启用网卡；共用网口的 BMC 另有出口。交换机、虚拟化平台或云可以防住这两者（`stanch contain outside`）。",
        ),
    ]);
    costs
}
