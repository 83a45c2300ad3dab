//! What to type where, and what takes it back. `CAPITALS` stand for what only the person there knows.

use stanch_words::Both;

use super::Port;
use super::neighbours::Neighbour;
use super::platform::{Cloud, Hypervisor, Platform};

/// Where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the switch.
    Switch,
    /// At the hypervisor.
    Hypervisor,
    /// With the cloud's tools.
    Cloud,
    /// At the console, or the board's own computer (BMC).
    Console,
}

impl Place {
    /// Returns the word used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Hypervisor => "hypervisor",
            Self::Cloud => "cloud",
            Self::Console => "console",
        }
    }
}

/// What to do at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Where.
    pub place: Place,
    /// What it does.
    pub does: Both,
    /// What to type.
    pub commands: Vec<String>,
    /// What takes it back.
    pub undo: Vec<String>,
    /// What to know before.
    pub warnings: Vec<Both>,
}

/// Returns whether a text may become a part of a command: what a port, an address or an instance is
/// called by honest ones. It comes from hostile bytes.
pub(super) fn is_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
    !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.chars().all(is_plain)
}

/// Returns a text as a part of a command, or what stands for it.
fn word<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if is_word(text) { text } else { otherwise }
}

/// Returns what to do at each place, the nearest first.
pub(super) fn advice(ports: &[Port], platform: &Platform, instance: &str) -> Vec<Advice> {
    let outward: Vec<&Port> = ports.iter().filter(|port| port.is_outward).collect();
    let mut all = Vec::new();
    match platform {
        Platform::Cloud(cloud) => all.push(in_cloud(*cloud, word(instance, "INSTANCE"))),
        Platform::OtherCloud(name) => all.push(in_other_cloud(name)),
        Platform::Hypervisor(hypervisor) => all.push(at_hypervisor(*hypervisor, &outward)),
        Platform::Metal | Platform::Unknown => {}
    }
    // In a cloud nobody reaches the switch.
    if !matches!(platform, Platform::Cloud(_) | Platform::OtherCloud(_)) {
        for port in &outward {
            for neighbour in &port.neighbours {
                all.push(at_switch(port, Some(neighbour), port.neighbours.len()));
            }
            if port.neighbours.is_empty() {
                all.push(at_switch(port, None, 0));
            }
        }
    }
    if matches!(platform, Platform::Metal | Platform::Unknown) {
        all.push(console());
    }
    all
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&one| one.to_owned()).collect()
}

/// Returns what shuts a port in the language of a switch, and what opens it.
fn switch_commands(description: &str, port: &str) -> (Vec<String>, Vec<String>) {
    let says = |word: &str| description.to_lowercase().contains(word);
    let under = |commands: &[&str]| {
        let mut all = vec![format!("interface {port}")];
        all.extend(strings(commands));
        all
    };
    if says("juniper") || says("junos") {
        let (set, delete) =
            (format!("set interfaces {port} disable"), format!("delete interfaces {port} disable"));
        return (vec![set, "commit".to_owned()], vec![delete, "commit".to_owned()]);
    }
    if says("huawei") || says("h3c") || says("comware") || says("versatile routing") {
        return (under(&["shutdown"]), under(&["undo shutdown"]));
    }
    if says("mikrotik") || says("routeros") {
        let line = |verb: &str| vec![format!("/interface {verb} {port}")];
        return (line("disable"), line("enable"));
    }
    if says("linux") || says("cumulus") || says("sonic") {
        let line = |state: &str| vec![format!("ip link set {port} {state}")];
        return (line("down"), line("up"));
    }
    (under(&["shutdown"]), under(&["no shutdown"]))
}

fn at_switch(port: &Port, neighbour: Option<&Neighbour>, claims: usize) -> Advice {
    let (device, mac) = (&port.device, &port.mac);
    let mut warnings = Vec::new();
    let (does, (commands, undo)) = match neighbour {
        Some(told) => {
            let name = if told.name.is_empty() { &told.chassis } else { &told.name };
            let by = told.by.name();
            warnings.push(Both::new(
                format!("Anybody on the same segment can send such frames: compare with the switch's own table, where {mac} stands behind that port."),
                format!("同一网段的任何人都能发出这种帧：请与交换机自身的 MAC 表核对，{mac} 应位于该端口。"),
            ));
            if claims > 1 {
                warnings.push(Both::new(
                    format!("{claims} claim to be the other end of `{device}`; at least one of them is not."),
                    format!("有 {claims} 个设备自称是 `{device}` 的对端，其中必有不实。"),
                ));
            }
            let shown = &told.port;
            (
                Both::new(
                    format!(
                        "Shuts port `{shown}` of switch `{name}`, behind which `{device}` hangs ({by})."
                    ),
                    format!(
                        "关闭交换机 `{name}` 的端口 `{shown}`，其下接本机 `{device}`（{by}）。"
                    ),
                ),
                switch_commands(&told.description, word(&told.port, "PORT")),
            )
        }
        None => {
            let find = format!("show mac address-table address {}", word(mac, "MAC"));
            let (commands, undo) = switch_commands("", "PORT");
            (
                Both::new(
                    format!(
                        "Shuts the switch port behind which `{device}` ({mac}) hangs; no switch told which it is, so look the address up there first."
                    ),
                    format!(
                        "关闭本机 `{device}`（{mac}）所接的交换机端口；没有交换机告知是哪一个，请先在交换机上按地址查找。"
                    ),
                ),
                ([vec![find], commands].concat(), undo),
            )
        }
    };
    warnings.push(Both::new(
        "A BMC that shares this port goes with it; so does every other machine behind it.",
        "与该端口共用网口的 BMC 会一同断开，该端口下的其他机器也是。",
    ));
    Advice { place: Place::Switch, does, commands, undo, warnings }
}

/// Returns what has the hypervisor pull the cable.
fn at_hypervisor(hypervisor: Hypervisor, ports: &[&Port]) -> Advice {
    let macs: Vec<&str> = ports.iter().map(|port| word(&port.mac, "MAC")).collect();
    let macs = if macs.is_empty() { vec!["MAC"] } else { macs };
    let (commands, undo) = hypervisor_commands(hypervisor, &macs);
    let mut warnings = vec![Both::new(
        "The console of the hypervisor still reaches the machine.",
        "虚拟化平台的控制台仍可访问这台机器。",
    )];
    if hypervisor == Hypervisor::Qemu {
        warnings.push(Both::new(
            "Under Proxmox: `qm config VMID`, then `qm set VMID --net0 …,link_down=1` with the rest as it was.",
            "Proxmox：先 `qm config VMID`，再 `qm set VMID --net0 …,link_down=1`，其余照旧。",
        ));
    }
    Advice {
        place: Place::Hypervisor,
        does: Both::new(
            "Has the hypervisor pull the cable of this machine's network cards.",
            "由虚拟化平台断开本机网卡的链路。",
        ),
        commands,
        undo,
        warnings,
    }
}

/// Returns what pulls the cable of each card, and what plugs it in again.
fn hypervisor_commands(hypervisor: Hypervisor, macs: &[&str]) -> (Vec<String>, Vec<String>) {
    let each = |line: &dyn Fn(&str) -> String| -> Vec<String> {
        macs.iter().map(|mac| line(mac)).collect()
    };
    match hypervisor {
        Hypervisor::Qemu => {
            let find = each(&|mac| {
                format!(
                    "for d in $(virsh list --name); do virsh domiflist $d | grep -qi {mac} && echo $d; done"
                )
            });
            let down = each(&|mac| format!("virsh domif-setlink DOMAIN {mac} down"));
            ([find, down].concat(), each(&|mac| format!("virsh domif-setlink DOMAIN {mac} up")))
        }
        Hypervisor::Vmware => {
            let by = |verb: &str| vec![format!("govc device.{verb} -vm VM ethernet-0")];
            let find = strings(&["govc device.info -vm VM 'ethernet-*'"]);
            ([find, by("disconnect")].concat(), by("connect"))
        }
        Hypervisor::HyperV => {
            let bare = |mac: &str| mac.replace(':', "").to_uppercase();
            let find = each(&|mac| {
                let bare = bare(mac);
                format!(
                    "Get-VMNetworkAdapter -All | Where-Object MacAddress -eq {bare} | Format-List VMName,Name,SwitchName"
                )
            });
            let down = strings(&["Disconnect-VMNetworkAdapter -VMName VM"]);
            let up = strings(&["Connect-VMNetworkAdapter -VMName VM -SwitchName SWITCH"]);
            ([find, down].concat(), up)
        }
        Hypervisor::VirtualBox => (
            strings(&["VBoxManage controlvm VM setlinkstate1 off"]),
            strings(&["VBoxManage controlvm VM setlinkstate1 on"]),
        ),
        Hypervisor::Xen => {
            let find = strings(&["xl network-list DOMAIN"]);
            let down = each(&|mac| format!("xl network-detach DOMAIN {mac}"));
            let up = each(&|mac| format!("xl network-attach DOMAIN mac={mac} bridge=BRIDGE"));
            ([find, down].concat(), up)
        }
    }
}

/// The group that is put in place of those of the machine.
const GROUP: &str = "stanch-isolate";

fn in_cloud(cloud: Cloud, instance: &str) -> Advice {
    let (commands, undo) = match cloud {
        Cloud::Aws => aws(instance),
        Cloud::Azure => azure(),
        Cloud::Google => google(),
        Cloud::Alibaba => alibaba(instance),
        Cloud::Tencent => tencent(instance),
        Cloud::OpenStack => (
            vec![
                format!("openstack port list --server {instance}"),
                "openstack port set --disable PORT".to_owned(),
            ],
            strings(&["openstack port set --enable PORT"]),
        ),
    };
    let does = if cloud == Cloud::OpenStack {
        Both::new("Shuts this machine's ports in the cloud's network.", "在云网络中关闭本机端口。")
    } else {
        Both::new(
            "Puts a security group that lets nothing through but you in place of this machine's.",
            "以只放行您的安全组替换本机现有安全组。",
        )
    };
    Advice { place: Place::Cloud, does, commands, undo, warnings: cloud_warnings(cloud) }
}

fn azure() -> (Vec<String>, Vec<String>) {
    let rule = |name: &str, priority: u32, rest: &str| {
        format!(
            "az network nsg rule create --resource-group GROUP --nsg-name {GROUP} --name {name} --priority {priority} {rest}"
        )
    };
    let nic = "--resource-group GROUP --name NIC";
    (
        vec![
            "az vm nic list --resource-group GROUP --vm-name VM".to_owned(),
            format!("az network nic show {nic} --query networkSecurityGroup.id"),
            format!("az network nsg create --resource-group GROUP --name {GROUP}"),
            rule(
                "you-in",
                100,
                "--direction Inbound --access Allow --protocol Tcp --source-address-prefixes YOUR.ADDRESS/32 --destination-port-ranges 22",
            ),
            rule(
                "none-in",
                200,
                "--direction Inbound --access Deny --protocol '*' --destination-port-ranges '*'",
            ),
            rule(
                "none-out",
                200,
                "--direction Outbound --access Deny --protocol '*' --destination-port-ranges '*'",
            ),
            format!("az network nic update {nic} --network-security-group {GROUP}"),
        ],
        vec![format!("az network nic update {nic} --network-security-group OLD_GROUP")],
    )
}

fn google() -> (Vec<String>, Vec<String>) {
    let rule = |name: &str, rest: &str| {
        format!(
            "gcloud compute firewall-rules create {GROUP}-{name} --network NETWORK --target-tags {GROUP} {rest}"
        )
    };
    (
        vec![
            rule(
                "you",
                "--direction INGRESS --action ALLOW --rules tcp:22 --source-ranges YOUR.ADDRESS/32 --priority 0",
            ),
            rule("in", "--direction INGRESS --action DENY --rules all --priority 1"),
            rule("out", "--direction EGRESS --action DENY --rules all --priority 1"),
            format!("gcloud compute instances add-tags VM --zone ZONE --tags {GROUP}"),
        ],
        vec![format!("gcloud compute instances remove-tags VM --zone ZONE --tags {GROUP}")],
    )
}

fn alibaba(instance: &str) -> (Vec<String>, Vec<String>) {
    let group = "--RegionId REGION --SecurityGroupId NEW_GROUP";
    let put = |group: &str| {
        format!(
            "aliyun ecs ModifyInstanceAttribute --InstanceId {instance} --SecurityGroupIds.1 {group}"
        )
    };
    (
        vec![
            format!("aliyun ecs DescribeInstanceAttribute --InstanceId {instance}"),
            format!(
                "aliyun ecs CreateSecurityGroup --RegionId REGION --VpcId VPC --SecurityGroupName {GROUP}"
            ),
            format!(
                "aliyun ecs AuthorizeSecurityGroupEgress {group} --IpProtocol all --PortRange -1/-1 --DestCidrIp 0.0.0.0/0 --Policy drop --Priority 100"
            ),
            format!(
                "aliyun ecs AuthorizeSecurityGroup {group} --IpProtocol tcp --PortRange 22/22 --SourceCidrIp YOUR.ADDRESS/32"
            ),
            put("NEW_GROUP"),
        ],
        vec![put("OLD_GROUP")],
    )
}

fn tencent(instance: &str) -> (Vec<String>, Vec<String>) {
    let put = |group: &str| {
        format!(
            "tccli cvm ModifyInstancesAttribute --InstanceIds '[\"{instance}\"]' --SecurityGroups '[\"{group}\"]'"
        )
    };
    (
        vec![
            format!("tccli cvm DescribeInstances --InstanceIds '[\"{instance}\"]'"),
            format!("tccli vpc CreateSecurityGroup --GroupName {GROUP} --GroupDescription {GROUP}"),
            "tccli vpc CreateSecurityGroupPolicies --SecurityGroupId NEW_GROUP --SecurityGroupPolicySet '{\"Ingress\":[{\"Protocol\":\"TCP\",\"Port\":\"22\",\"CidrBlock\":\"YOUR.ADDRESS/32\",\"Action\":\"ACCEPT\"}]}'".to_owned(),
            put("NEW_GROUP"),
        ],
        vec![put("OLD_GROUP")],
    )
}

fn aws(instance: &str) -> (Vec<String>, Vec<String>) {
    let groups = "NetworkInterfaces[].[NetworkInterfaceId,VpcId,Groups[].GroupId]";
    (
        vec![
            format!("aws ec2 describe-instances --instance-ids {instance} --query 'Reservations[].Instances[].{groups}'"),
            format!("aws ec2 create-security-group --group-name {GROUP} --description {GROUP} --vpc-id VPC"),
            "aws ec2 revoke-security-group-egress --group-id NEW_GROUP --ip-permissions '[{\"IpProtocol\":\"-1\",\"IpRanges\":[{\"CidrIp\":\"0.0.0.0/0\"}]}]'".to_owned(),
            "aws ec2 authorize-security-group-ingress --group-id NEW_GROUP --protocol tcp --port 22 --cidr YOUR.ADDRESS/32".to_owned(),
            "aws ec2 modify-network-interface-attribute --network-interface-id ENI --groups NEW_GROUP".to_owned(),
        ],
        strings(&["aws ec2 modify-network-interface-attribute --network-interface-id ENI --groups OLD_GROUPS"]),
    )
}

fn cloud_warnings(cloud: Cloud) -> Vec<Both> {
    let mut warnings = vec![Both::new(
        "Write the answer of the first command down: it is the way back.",
        "请记下第一条命令的输出：那就是恢复的依据。",
    )];
    if cloud != Cloud::OpenStack {
        warnings.push(Both::new(
            "Connections that stand go on: a security group is asked when a connection begins, and those that it tracks outlive the change. End them here first with `stanch contain apply --level isolate`, or deny the subnet's traffic where no state is kept (a network ACL), which cuts its other machines too.",
            "已建立的连接不会因此中断：安全组只在连接建立时判断，已跟踪的连接会继续。请先在本机执行 `stanch contain apply --level isolate` 终止它们，或在无状态的网络 ACL 上拒绝整个子网（同子网的其他机器也会断开）。",
        ));
        warnings.push(Both::new(
            "The machine's own role or key may let the intruder change the group back: take it away first.",
            "本机所持的角色或密钥可能让入侵者改回安全组：请先撤销。",
        ));
    }
    warnings
}

fn in_other_cloud(name: &str) -> Advice {
    Advice {
        place: Place::Cloud,
        does: Both::new(
            format!(
                "In the console of {name}: a firewall that lets nothing through but you, or the network card taken off."
            ),
            format!("在 {name} 的控制台：设置只放行您的防火墙，或卸下网卡。"),
        ),
        commands: Vec::new(),
        undo: Vec::new(),
        // The first is about a command, and none is told.
        warnings: cloud_warnings(Cloud::Aws).split_off(1),
    }
}

fn console() -> Advice {
    Advice {
        place: Place::Console,
        does: Both::new(
            "Before the port is shut: make sure that you reach the console without it.",
            "关闭端口之前：请确认不经该端口也能到达控制台。",
        ),
        commands: Vec::new(),
        undo: Vec::new(),
        warnings: vec![
            Both::new(
                "The board's own computer (BMC: iDRAC, iLO, IPMI) may share a network card with the machine; then it goes with the port.",
                "板载管理控制器（BMC：iDRAC、iLO、IPMI）可能与本机共用网口，端口关闭时会一同断开。",
            ),
            Both::new(
                "No cut made on the machine covers the BMC: whoever has root here could have given himself an account there. Change its passwords from elsewhere.",
                "在本机做的任何断网都管不到 BMC：持有 root 的人可能已在其中给自己开了账户，请从别处更换其密码。",
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::neighbours::Protocol;

    fn port(neighbours: Vec<Neighbour>) -> Port {
        Port {
            device: "eth0".to_owned(),
            mac: "52:54:00:12:34:56".to_owned(),
            is_outward: true,
            neighbours,
        }
    }

    fn neighbour(port: &str, description: &str) -> Neighbour {
        Neighbour {
            by: Protocol::Lldp,
            chassis: "00:1c:73:aa:bb:cc".to_owned(),
            port: port.to_owned(),
            port_description: String::new(),
            name: "sw-rack4".to_owned(),
            description: description.to_owned(),
            address: String::new(),
            vlan: None,
        }
    }

    #[test]
    fn each_switch_is_spoken_to_in_its_own_words_and_told_the_way_back() {
        let told = |description: &str| {
            let advice =
                advice(&[port(vec![neighbour("ge-0/0/7", description)])], &Platform::Metal, "");
            let first = advice.into_iter().find(|one| one.place == Place::Switch).unwrap();
            (first.commands.join("; "), first.undo.join("; "))
        };
        let (down, up) = told("Juniper Networks EX4300");
        assert_eq!(down, "set interfaces ge-0/0/7 disable; commit");
        assert_eq!(up, "delete interfaces ge-0/0/7 disable; commit");
        assert_eq!(told("Huawei VRP").1, "interface ge-0/0/7; undo shutdown");
        assert_eq!(told("whoever").0, "interface ge-0/0/7; shutdown");
    }

    #[test]
    fn what_a_frame_says_never_becomes_a_command_of_its_own() {
        for hostile in ["Eth1; reload", "$(id)", "a b", "-x", "x\ny", "\u{202e}", ""] {
            let all = advice(&[port(vec![neighbour(hostile, "")])], &Platform::Metal, "");
            let commands: Vec<_> = all.iter().flat_map(|one| &one.commands).collect();
            assert!(commands.iter().all(|line| !line.contains(hostile) || hostile.is_empty()));
            assert!(commands.iter().any(|line| line.as_str() == "interface PORT"), "{commands:?}");
        }
    }

    #[test]
    fn a_hypervisor_gets_every_card_and_each_has_its_way_back() {
        let platform = Platform::Hypervisor(Hypervisor::Qemu);
        let all = advice(&[port(Vec::new())], &platform, "");
        let first = &all[0];
        assert_eq!(first.place, Place::Hypervisor);
        let down = "virsh domif-setlink DOMAIN 52:54:00:12:34:56 down";
        assert!(first.commands.iter().any(|line| line == down), "{first:?}");
        assert_eq!(first.undo, ["virsh domif-setlink DOMAIN 52:54:00:12:34:56 up"]);
    }

    #[test]
    fn every_cloud_warns_of_connections_that_stand_and_has_a_way_back() {
        for cloud in [Cloud::Aws, Cloud::Azure, Cloud::Google, Cloud::Alibaba, Cloud::Tencent] {
            let told = in_cloud(cloud, "i-0abc");
            assert!(told.warnings.iter().any(|one| one.en.contains("go on")), "{cloud:?}");
            assert!(!told.commands.is_empty() && !told.undo.is_empty(), "{cloud:?}");
        }
        assert!(!in_cloud(Cloud::OpenStack, "x").undo.is_empty());
    }
}
