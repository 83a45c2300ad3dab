//! What the machine runs on: told from what the firmware says of it (`/sys/class/dmi/id`), and from
//! the kernel's own word about Xen.
//!
//! Source: SMBIOS (DSP0134), types 1, 2 and 3; the values as each maker documents them for telling
//! its machines.

use std::path::Path;

use stanch_machine::Machine;

/// A cloud whose commands we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon.
    Aws,
    /// Microsoft.
    Azure,
    /// Google.
    Google,
    /// Alibaba.
    Alibaba,
    /// Tencent.
    Tencent,
    /// Whoever runs `OpenStack`.
    OpenStack,
}

/// A hypervisor whose commands we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hypervisor {
    /// QEMU with or without KVM: libvirt, Proxmox.
    Qemu,
    /// VMware's.
    Vmware,
    /// Microsoft's.
    HyperV,
    /// Oracle's on a desk.
    VirtualBox,
    /// Xen.
    Xen,
}

/// What the machine runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A cloud.
    Cloud(Cloud),
    /// A cloud that we know by its name alone.
    OtherCloud(&'static str),
    /// A hypervisor.
    Hypervisor(Hypervisor),
    /// Hardware of its own, as far as the firmware tells.
    Metal,
    /// The firmware tells nothing.
    Unknown,
}

impl Platform {
    /// Returns the word used in JSON: `cloud`, `hypervisor`, `metal` or `unknown`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cloud(_) | Self::OtherCloud(_) => "cloud",
            Self::Hypervisor(_) => "hypervisor",
            Self::Metal => "metal",
            Self::Unknown => "unknown",
        }
    }

    /// Returns its name; empty if it has none.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cloud(Cloud::Aws) => "Amazon EC2",
            Self::Cloud(Cloud::Azure) => "Microsoft Azure",
            Self::Cloud(Cloud::Google) => "Google Compute Engine",
            Self::Cloud(Cloud::Alibaba) => "Alibaba Cloud ECS",
            Self::Cloud(Cloud::Tencent) => "Tencent Cloud CVM",
            Self::Cloud(Cloud::OpenStack) => "OpenStack",
            Self::OtherCloud(name) => name,
            Self::Hypervisor(Hypervisor::Qemu) => "QEMU/KVM",
            Self::Hypervisor(Hypervisor::Vmware) => "VMware",
            Self::Hypervisor(Hypervisor::HyperV) => "Hyper-V",
            Self::Hypervisor(Hypervisor::VirtualBox) => "VirtualBox",
            Self::Hypervisor(Hypervisor::Xen) => "Xen",
            Self::Metal | Self::Unknown => "",
        }
    }
}

/// How much of a field is read: SMBIOS keeps no longer texts than a screen line or two.
const FIELD: u64 = 256;

/// What the firmware says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Who made the machine (`sys_vendor`).
    pub vendor: String,
    /// Which it is (`product_name`).
    pub product: String,
    /// Its chassis' tag.
    pub chassis_tag: String,
    /// Its board's tag: at Amazon the name of the instance.
    pub board_tag: String,
    /// Who made the firmware, and its version.
    pub bios: String,
}

impl Firmware {
    /// Reads what the firmware says; empty where it says nothing.
    pub fn of(machine: &dyn Machine) -> Self {
        let field = |name: &str| {
            let path = Path::new("/sys/class/dmi/id").join(name);
            let bytes = machine.read(&path, FIELD).map(|read| read.bytes).unwrap_or_default();
            stanch_words::text::from_bytes(bytes.trim_ascii())
        };
        Self {
            vendor: field("sys_vendor"),
            product: field("product_name"),
            chassis_tag: field("chassis_asset_tag"),
            board_tag: field("board_asset_tag"),
            bios: format!("{} {}", field("bios_vendor"), field("bios_version")),
        }
    }
}

/// Clouds that say who they are, and of which no commands are told: a word of the vendor or of the
/// chassis' tag.
const OTHERS: [(&str, &str); 8] = [
    ("DigitalOcean", "DigitalOcean"),
    ("Hetzner", "Hetzner Cloud"),
    ("Vultr", "Vultr"),
    ("OracleCloud.com", "Oracle Cloud"),
    ("Linode", "Linode"),
    ("Scaleway", "Scaleway"),
    ("UpCloud", "UpCloud"),
    ("Exoscale", "Exoscale"),
];

/// Azure's machines all have this tag of the chassis.
const AZURE: &str = "7783-7084-3265-9085-8269-3286-77";

/// Returns what a machine runs on.
pub(super) fn platform(machine: &dyn Machine, firmware: &Firmware) -> Platform {
    let Firmware { vendor, product, chassis_tag, bios, .. } = firmware;
    let says = |text: &str, word: &str| text.to_lowercase().contains(&word.to_lowercase());
    if says(vendor, "Amazon EC2") || says(bios, "amazon") {
        return Platform::Cloud(Cloud::Aws);
    }
    if chassis_tag == AZURE {
        return Platform::Cloud(Cloud::Azure);
    }
    let clouds = [
        ("Google", Cloud::Google),
        ("Alibaba Cloud", Cloud::Alibaba),
        ("Tencent Cloud", Cloud::Tencent),
        ("OpenStack", Cloud::OpenStack),
        ("HUAWEICLOUD", Cloud::OpenStack),
        ("OpenTelekomCloud", Cloud::OpenStack),
    ];
    let fields = [vendor, product, chassis_tag];
    for (word, cloud) in clouds {
        if fields.iter().any(|field| says(field, word)) {
            return Platform::Cloud(cloud);
        }
    }
    for (word, name) in OTHERS {
        if fields.iter().any(|field| says(field, word)) {
            return Platform::OtherCloud(name);
        }
    }
    let is_xen = machine.read(Path::new("/sys/hypervisor/type"), FIELD);
    let is_xen = is_xen.is_ok_and(|read| read.bytes.trim_ascii() == b"xen");
    let hypervisors = [
        ("VMware", Hypervisor::Vmware),
        ("VirtualBox", Hypervisor::VirtualBox),
        ("QEMU", Hypervisor::Qemu),
        ("KVM", Hypervisor::Qemu),
        ("oVirt", Hypervisor::Qemu),
        ("RHEV", Hypervisor::Qemu),
        ("Xen", Hypervisor::Xen),
    ];
    for (word, hypervisor) in hypervisors {
        if says(vendor, word) || says(product, word) {
            return Platform::Hypervisor(hypervisor);
        }
    }
    if says(vendor, "Microsoft") && says(product, "Virtual Machine") {
        return Platform::Hypervisor(Hypervisor::HyperV);
    }
    if is_xen {
        return Platform::Hypervisor(Hypervisor::Xen);
    }
    if says(bios, "seabios") || says(bios, "Bochs") {
        return Platform::Hypervisor(Hypervisor::Qemu);
    }
    if vendor.is_empty() && product.is_empty() { Platform::Unknown } else { Platform::Metal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_machine_is_told_by_what_its_firmware_says() {
        let told = |fields: &[(&str, &str)]| {
            let machine = fields.iter().fold(Pretend::new(), |machine, (name, text)| {
                machine.file(Path::new("/sys/class/dmi/id").join(name), format!("{text}\n"))
            });
            platform(&machine, &Firmware::of(&machine))
        };
        assert_eq!(told(&[("sys_vendor", "Amazon EC2")]), Platform::Cloud(Cloud::Aws));
        assert_eq!(
            told(&[("sys_vendor", "Xen"), ("bios_version", "4.11.amazon")]),
            Platform::Cloud(Cloud::Aws)
        );
        let microsoft = ("sys_vendor", "Microsoft Corporation");
        let product = ("product_name", "Virtual Machine");
        assert_eq!(
            told(&[microsoft, product, ("chassis_asset_tag", AZURE)]),
            Platform::Cloud(Cloud::Azure)
        );
        assert_eq!(told(&[microsoft, product]), Platform::Hypervisor(Hypervisor::HyperV));
        assert_eq!(
            told(&[("product_name", "Google Compute Engine")]),
            Platform::Cloud(Cloud::Google)
        );
        assert_eq!(
            told(&[("sys_vendor", "QEMU"), ("product_name", "Standard PC (Q35 + ICH9, 2009)")]),
            Platform::Hypervisor(Hypervisor::Qemu)
        );
        assert_eq!(told(&[("sys_vendor", "Hetzner")]), Platform::OtherCloud("Hetzner Cloud"));
        assert_eq!(
            told(&[("sys_vendor", "Dell Inc."), ("product_name", "PowerEdge R640")]),
            Platform::Metal
        );
        assert_eq!(told(&[]), Platform::Unknown);
    }
}
