//! Takes the devices down by which the machine reaches others: nothing goes in or out, whatever
//! filter or program stands there.
//!
//! With a device go its addresses of IPv6 and the routes over it, and over what lies on it (VLANs,
//! bridges). So the order holds them as the kernel told them, and taking it back gives them back.
//!
//! Source: rtnetlink(7); linux/rtnetlink.h, linux/if_addr.h.

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Kernel, Machine, Miss};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::{Act, Trouble};
use crate::netlink::{self, Wants};
use crate::order;
use crate::responder::WayIn;

/// `RTM_NEWLINK` and `RTM_GETLINK`; `RTM_NEWADDR`, `RTM_GETADDR`; `RTM_NEWROUTE`, `RTM_GETROUTE`.
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
/// `NLM_F_CREATE | NLM_F_REPLACE`.
const PUT: u16 = 0x500;
/// `IFF_UP`, `IFF_LOOPBACK`.
const UP: u32 = 1;
const LOOPBACK: u32 = 8;
/// `AF_INET6`.
const SIX: u8 = 10;
/// How often what needs a device that is coming up is tried again, and how long is waited between.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Takes devices of the network down.
#[derive(Debug)]
pub struct UnplugNetwork;

/// What is to be unplugged, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The version of this form: 1.
    pub v: u32,
    /// The devices that are taken down, in this order.
    pub devices: Vec<String>,
    /// All devices that were up, in the order in which they are brought up again.
    pub up: Vec<String>,
    /// Addresses and routes that go with them, as the kernel told them, in hexadecimal.
    pub addresses: Vec<String>,
    /// Likewise.
    pub routes: Vec<String>,
    /// By which connections the responder came in: they end.
    pub ways_in: Vec<WayIn>,
    /// After how many seconds a process of ours plugs it in again unless that is confirmed.
    pub seconds: u64,
    /// What has to be typed to confirm.
    pub code: String,
}

impl Order {
    /// Reads an order that was kept.
    ///
    /// # Errors
    /// [`Trouble::Order`] if it is not one.
    pub fn read(text: &str) -> Result<Self, Trouble> {
        order::read(UnplugNetwork::NAME, text, |order: &Self| order.v)
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The devices to be taken down; those that are down already are left out.
    pub devices: Vec<String>,
    /// After how many seconds it is plugged in again.
    pub seconds: u64,
    /// What has to be typed to confirm.
    pub code: String,
}

impl UnplugNetwork {
    /// The act's name.
    pub const NAME: &'static str = "unplug_network";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if the machine does not let itself be read.
    pub fn plan(
        machine: &dyn Machine,
        wanted: &Wanted,
        ways_in: Vec<WayIn>,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
        let links = links(kernel)?;
        let up: Vec<&Link> = links.iter().filter(|link| link.is_up && !link.is_loopback).collect();
        let devices: Vec<String> = up
            .iter()
            .filter(|link| wanted.devices.contains(&link.name))
            .map(|link| link.name.clone())
            .collect();
        let names = devices.join(", ");
        let does = Both::new(
            format!("Takes {names} down: nothing goes in or out any more, yours neither."),
            format!("关闭 {names}：一切进出中断，您自己的也不例外。"),
        );
        if devices.is_empty() {
            return Ok(Err(Refusal {
                asked: Both::new("unplug the network", "拔除网络"),
                why: Both::new(
                    "no device that leads out is up; if we took it down, `stanch contain release` brings it up",
                    "没有处于启用状态的外连网卡；若由本工具关闭，请用 `stanch contain release` 恢复",
                ),
            }));
        }
        let order = Order {
            v: 1,
            up: up.iter().map(|link| link.name.clone()).collect(),
            addresses: addresses(kernel, &links)?,
            routes: routes(kernel, &links)?,
            devices,
            ways_in,
            seconds: wanted.seconds,
            code: wanted.code.clone(),
        };
        let text = order::text(&order);
        let met = UnplugNetwork.look(machine, &text)?;
        let mut subject = Subject::new(SubjectKind::Host);
        let [_, node, ..] = kernel.uname();
        subject.name = Some(node);
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does,
            undo: Undo::Possible,
            risk: Risk::LockOut,
            order: text,
            met,
        }))
    }
}

impl Act for UnplugNetwork {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The state is which of the order's devices are up.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        let order = Order::read(order)?;
        let links = links(machine.kernel().ok_or(Trouble::NotLive)?)?;
        let is_up = |name: &&String| links.iter().any(|link| link.name == **name && link.is_up);
        let up: Vec<&String> = order.devices.iter().filter(is_up).collect();
        Ok(serde_json::json!({ "up": up }).to_string())
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        for device in Order::read(order)?.devices {
            set(hands, &device, 0)?;
        }
        Ok(())
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let order = Order::read(order)?;
        let links = links(machine.kernel().ok_or(Trouble::NotLive)?)?;
        let still = links.iter().find(|link| link.is_up && order.devices.contains(&link.name));
        Ok(still.map(|link| format!("`{}` is still up", link.name)))
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        let order = Order::read(order)?;
        let present = links(hands.machine().kernel().ok_or(Trouble::NotLive)?)?;
        // One that is refused keeps no other from coming back: the way in may be any of them.
        let mut refused = None;
        for device in &order.up {
            if present.iter().any(|link| link.name == *device && !link.is_up)
                && let Err(trouble) = set(hands, device, UP)
            {
                refused.get_or_insert(trouble);
            }
        }
        let of = |kind, list: &[String]| -> Vec<(u16, Vec<u8>)> {
            list.iter().map(|text| (kind, bytes(text))).collect()
        };
        let (addresses, routes) = (&order.addresses, &order.routes);
        let given = give_back(hands, [of(NEW_ADDRESS, addresses), of(NEW_ROUTE, routes)].concat());
        refused.map_or(given, Err)
    }
}

/// A device of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    number: u32,
    name: String,
    is_up: bool,
    is_loopback: bool,
}

fn list(kernel: &dyn Kernel, kind: u16, body: &[u8]) -> Result<Vec<Vec<u8>>, Trouble> {
    let request = netlink::request(kind, Wants::List, body);
    let answers = kernel.netlink(netlink::ROUTE, &request);
    let answers = answers.map_err(Trouble::while_doing("listing devices and routes"))?;
    Ok(netlink::bodies(&answers).into_iter().map(<[u8]>::to_vec).collect())
}

/// Lists the devices: `struct ifinfomsg` and attributes, of which 3 is the name.
fn links(kernel: &dyn Kernel) -> Result<Vec<Link>, Trouble> {
    let told = list(kernel, GET_LINK, &[0; 16])?;
    let link = |body: &Vec<u8>| {
        let word = |at: usize| {
            let bytes = body.get(at..).and_then(<[u8]>::first_chunk::<4>);
            bytes.map(|bytes| u32::from_ne_bytes(*bytes))
        };
        let (number, flags) = (word(4)?, word(8)?);
        let attributes = netlink::attributes(body.get(16..)?);
        let name = attributes.into_iter().find(|(kind, _)| *kind == 3)?.1;
        let name = String::from_utf8(name.strip_suffix(&[0]).unwrap_or(name).to_vec()).ok()?;
        let (is_up, is_loopback) = (flags & UP != 0, flags & LOOPBACK != 0);
        Some(Link { number, name, is_up, is_loopback })
    };
    Ok(told.iter().filter_map(link).collect())
}

/// Returns the addresses of IPv6 that go with their devices and that nobody gives back: those that
/// stand for ever. Others come by router advertisements, and the link's own by itself.
fn addresses(kernel: &dyn Kernel, links: &[Link]) -> Result<Vec<String>, Trouble> {
    /// `IFA_F_PERMANENT`; `IFA_F_TENTATIVE`, which is a state and no wish.
    const PERMANENT: u8 = 0x80;
    const TENTATIVE: u8 = 0x40;
    /// `RT_SCOPE_LINK`.
    const OF_LINK: u8 = 253;
    let mut found = Vec::new();
    for mut body in list(kernel, GET_ADDRESS, &[SIX, 0, 0, 0, 0, 0, 0, 0])? {
        // `struct ifaddrmsg`: family, length, flags, scope, number of the device.
        let [SIX, _, flags, scope, n0, n1, n2, n3, ..] = *body.as_slice() else { continue };
        let number = u32::from_ne_bytes([n0, n1, n2, n3]);
        let is_ours = links.iter().any(|link| link.number == number && !link.is_loopback);
        if is_ours && flags & PERMANENT != 0 && scope != OF_LINK {
            if let Some(flags) = body.get_mut(2) {
                *flags &= !TENTATIVE;
            }
            found.push(stanch_words::text::hex(&body));
        }
    }
    Ok(found)
}

/// Returns the routes over devices but loopback that the kernel did not make by itself: they go
/// with the device, and nobody gives them back. Those without a gateway come first: others rest on
/// them.
fn routes(kernel: &dyn Kernel, links: &[Link]) -> Result<Vec<String>, Trouble> {
    /// `RTPROT_KERNEL`, `RTPROT_RA`; `RTM_F_CLONED`; `RT_TABLE_LOCAL`.
    const MADE_BY: [u8; 2] = [2, 9];
    const CLONED: u32 = 0x200;
    const LOCAL: u8 = 255;
    /// `RTA_OIF`, `RTA_GATEWAY`, `RTA_MULTIPATH`, `RTA_VIA`; `RTA_CACHEINFO`, which is no wish, and
    /// `RTA_NH_ID`, whose object goes with the device: what it says is told beside it.
    const DEVICE: u16 = 4;
    const GATEWAY: u16 = 5;
    const MANY: u16 = 9;
    const VIA: u16 = 18;
    const CACHE: u16 = 12;
    const OBJECT: u16 = 30;
    /// `RTNH_F_ONLINK`: the only flag of a route that is a wish.
    const ON_LINK: u32 = 4;
    let mut found: Vec<(bool, String)> = Vec::new();
    for family in [2_u8, SIX] {
        let mut question = [0_u8; 12];
        if let Some(first) = question.first_mut() {
            *first = family;
        }
        for mut body in list(kernel, GET_ROUTE, &question)? {
            // `struct rtmsg`: family, lengths, tos, table, protocol, scope, type, flags.
            let [_, _, _, _, table, protocol, _, _, f0, f1, f2, f3, ..] = *body.as_slice() else {
                continue;
            };
            let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
            if MADE_BY.contains(&protocol) || flags & CLONED != 0 || table == LOCAL {
                continue;
            }
            let attributes = netlink::attributes(body.get(12..).unwrap_or_default());
            let of = |wanted| attributes.iter().find(|(kind, _)| *kind == wanted).map(|(_, d)| *d);
            let device = of(DEVICE).and_then(<[u8]>::first_chunk::<4>);
            let device = device.map(|number| u32::from_ne_bytes(*number));
            let is_loopback =
                |number| links.iter().any(|link: &Link| link.number == number && link.is_loopback);
            let has_gateway = [GATEWAY, VIA, MANY].into_iter().any(|kind| of(kind).is_some());
            let has_device = device.is_some_and(|number| !is_loopback(number));
            if !has_device && of(MANY).is_none() {
                continue;
            }
            if let Some(place) = body.get_mut(8..12) {
                place.copy_from_slice(&(flags & ON_LINK).to_ne_bytes());
            }
            found.push((
                has_gateway,
                stanch_words::text::hex(&without(&body, 12, &[CACHE, OBJECT])),
            ));
        }
    }
    found.sort_by_key(|(has_gateway, _)| *has_gateway);
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

/// Returns a message's body without attributes that only tell: `head` bytes stand before them.
fn without(body: &[u8], head: usize, kinds: &[u16]) -> Vec<u8> {
    let mut kept = body.get(..head).unwrap_or_default().to_vec();
    for (kind, content) in netlink::attributes(body.get(head..).unwrap_or_default()) {
        if !kinds.contains(&kind) {
            kept.extend(netlink::attribute(kind, content));
        }
    }
    kept
}

/// Returns the bytes that hexadecimal text stands for; none if it is torn.
fn bytes(text: &str) -> Vec<u8> {
    stanch_words::text::unhex(text.as_bytes()).unwrap_or_default()
}

/// Sets whether a device is up. One that is gone is no trouble.
fn set(hands: &dyn Changing, device: &str, flags: u32) -> Result<(), Trouble> {
    // `struct ifinfomsg`: flags, and which of them are meant.
    let mut body = [[0_u8; 8].as_slice(), &flags.to_ne_bytes(), &UP.to_ne_bytes()].concat();
    body.extend(netlink::attribute(3, &[device.as_bytes(), &[0]].concat()));
    let request = netlink::request(NEW_LINK, Wants::Deed { flags: 0 }, &body);
    match hands.netlink_request(netlink::ROUTE, &request) {
        Err(miss) if miss.detail.contains("No such device") => Ok(()),
        other => other.map_err(Trouble::while_doing("setting a device up or down")),
    }
}

/// Gives addresses and routes back, all that the kernel takes. What it refuses is tried again: a
/// device may just be coming up, and a route may need another one to its next hop.
fn give_back(hands: &dyn Changing, mut left: Vec<(u16, Vec<u8>)>) -> Result<(), Trouble> {
    let kernel = hands.machine().kernel().ok_or(Trouble::NotLive)?;
    let mut tries = TRIES;
    loop {
        let mut last = None;
        left.retain(|(kind, body)| match put(hands, *kind, body) {
            Ok(()) => false,
            Err(source) => {
                last = Some(source);
                true
            }
        });
        let Some(source) = last else { return Ok(()) };
        if tries == 0 {
            return Err(Trouble::Machine { doing: "giving an address or route back", source });
        }
        tries = tries.saturating_sub(1);
        kernel.sleep(PAUSE);
    }
}

/// Gives an address or a route back. One that is there is no trouble, and neither is one whose
/// device is gone.
fn put(hands: &dyn Changing, kind: u16, body: &[u8]) -> Result<(), Miss> {
    let request = netlink::request(kind, Wants::Deed { flags: PUT }, body);
    match hands.netlink_request(netlink::ROUTE, &request) {
        Err(miss)
            if ["File exists", "No such device"].iter().any(|so| miss.detail.contains(so)) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_as_it_was_written_and_a_torn_text_is_nothing() {
        let body = [0_u8, 7, 255, 16];
        assert_eq!(bytes(&stanch_words::text::hex(&body)), body);
        assert_eq!(bytes("0g"), b"");
    }

    #[test]
    fn what_only_tells_is_left_out() {
        let body = [vec![1; 8], netlink::attribute(1, b"abcd"), netlink::attribute(6, b"ef")];
        let kept = without(&body.concat(), 8, &[6]);
        assert_eq!(kept, [vec![1; 8], netlink::attribute(1, b"abcd")].concat());
    }
}
