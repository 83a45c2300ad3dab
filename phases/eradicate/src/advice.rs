//! What a plan does not mend, and what is to be done after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stanch_acts::restore_file::RestoreFile;
use stanch_facts::packages::{Manager, Missing, ShippedFiles};
use stanch_words::{Both, Level, Plan, text};

use crate::{Group, Suspect, reach};

/// What has to be made anew when files below a place have changed.
const ANEW: [(&[&str], &str); 8] = [
    (&["/etc/systemd/", "/usr/lib/systemd/", "/run/systemd/"], "systemctl daemon-reload"),
    (&["/etc/ld.so.conf"], "ldconfig"),
    (&["/etc/initramfs-tools", "/usr/share/initramfs-tools"], "update-initramfs -u -k all"),
    (&["/etc/default/grub", "/etc/grub.d"], "update-grub"),
    (&["/usr/local/share/ca-certificates"], "update-ca-certificates --fresh"),
    (&["/etc/aliases"], "newaliases"),
    (&["/etc/udev/", "/usr/lib/udev/"], "udevadm control --reload"),
    (&["/etc/ssh/sshd_config"], "systemctl reload ssh"),
];

/// Signs of a kernel that lies, where they are grave: a race or a tracer gives lesser ones.
pub(crate) const KERNEL: [&str; 7] = [
    "files.hidden-entry",
    "performance.hidden-process-works",
    "processes.hidden-module",
    "processes.hidden-process",
    "processes.hidden-tasks",
    "processes.hooked-listing",
    "traffic.hidden-port",
];

/// Files of packages that see every password, or start before everything else.
const TRUSTED_BY_ALL: [&str; 7] =
    ["/libc.so", "/libc-", "/ld-linux", "/sshd", "/pam_unix.so", "/libpam.so", "/sudo"];

/// Returns it.
pub(crate) fn of(
    plan: &Plan,
    suspects: &[Suspect],
    groups: &BTreeMap<PathBuf, Group<'_>>,
    shipped: &ShippedFiles,
) -> Vec<Both> {
    let mut told = reinstall(suspects);
    told.extend(downloads(plan, shipped));
    told.extend(more_names(groups));
    told.extend(anew(plan));
    told.extend(copied(suspects, groups));
    if !plan.steps.is_empty() {
        told.push(Both::new(
            "Programs that run go on running from memory: freeze them, or restart what uses a file that was put back.",
            "已在运行的程序仍在内存中运行：请先冻结，或重启使用了被还原文件的服务。",
        ));
    }
    told
}

/// Returns when nothing less than a new installation is enough.
fn reinstall(suspects: &[Suspect]) -> Vec<Both> {
    let mut told = Vec::new();
    let is_kernel = |one: &Suspect| one.level >= Level::High && KERNEL.contains(&one.sign.as_str());
    if let Some(one) = suspects.iter().find(|one| is_kernel(one)) {
        let sign = &one.sign;
        told.push(Both::new(
            format!("Install this machine anew: `{sign}` shows that the kernel itself lies, and nothing that runs on it can prove it clean."),
            format!("应重装系统：`{sign}` 表明内核自身在说谎，在其上运行的任何工具都无法证明它干净。"),
        ));
    }
    let is_altered = |one: &&Suspect| {
        let path = one.subject.path.as_deref().unwrap_or_default();
        one.sign.contains("altered") && TRUSTED_BY_ALL.iter().any(|name| path.contains(name))
    };
    if let Some(one) = suspects.iter().find(is_altered) {
        let path = text::escaped(one.subject.path.as_deref().unwrap_or_default());
        told.push(Both::new(
            format!("Install this machine anew unless you know how `{path}` was altered: who could write it was root and has seen every password since; change them all."),
            format!("除非查清 `{path}` 如何被改，否则应重装系统：能改它的人拥有 root，并可能看到此后的全部密码；请全部更换。"),
        ));
    }
    told
}

/// Returns what whoever was root could copy: taking away what he left does not take that away.
fn copied(suspects: &[Suspect], groups: &BTreeMap<PathBuf, Group<'_>>) -> Option<Both> {
    let was_root = suspects.iter().any(|one| one.sign == "logs.second-root-account")
        || groups.values().any(reach::is_roots);
    was_root.then(|| {
        Both::new(
            "Whoever was root could copy the machine's keys and every password's hash: `stanch contain apply --replace-host-keys`, and `--rotate-password USER` for every account; keys and tokens of applications are to be issued anew.",
            "拥有过 root 的人可能已复制主机密钥与全部密码哈希：请执行 `stanch contain apply --replace-host-keys`，并对每个账户执行 `--rotate-password 用户`；应用的密钥与令牌须重新签发。",
        )
    })
}

/// Returns how to get the package files of what could not be put back.
fn downloads(plan: &Plan, shipped: &ShippedFiles) -> Vec<Both> {
    let is_done = |path: &Path| {
        let name = path.to_string_lossy();
        plan.steps.iter().any(|step| step.subject.path.as_deref() == Some(&*name))
    };
    let missing = shipped.missing.iter().filter(|(path, _)| !is_done(path));
    let missing: Vec<&Missing> = missing.map(|(_, missing)| missing).collect();
    [(Manager::Dpkg, "apt-get download"), (Manager::Rpm, "dnf download")]
        .into_iter()
        .filter_map(|(manager, command)| download(&missing, manager, command))
        .collect()
}

fn download(missing: &[&Missing], manager: Manager, command: &str) -> Option<Both> {
    // Both go into a command that a person copies, and both are the suspect machine's words.
    let of_manager = || missing.iter().filter(move |one| one.manager == manager);
    let names = of_manager().map(|one| one.name.as_str()).filter(|name| is_plain(name));
    let names: BTreeSet<&str> = names.collect();
    let offers = of_manager().filter_map(|one| one.offer.as_ref());
    let places: BTreeSet<&str> =
        offers.map(|offer| offer.address.as_str()).filter(|address| is_plain(address)).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.into_iter().collect::<Vec<_>>().join(" ");
    let (mut en, mut zh) = (
        format!(
            "Package files are missing. On a clean machine of the same release: `{command} {names}`"
        ),
        format!("缺少软件包文件。请在同版本的干净机器上执行 `{command} {names}`"),
    );
    if !places.is_empty() {
        let places: Vec<String> =
            places.into_iter().map(|address| format!("http://{address}")).collect();
        let places = places.join(" ");
        en += &format!(", or anywhere `curl -fL --remote-name-all {places}`");
        zh += &format!("，或在任意机器上执行 `curl -fL --remote-name-all {places}`");
    }
    en += "; bring the folder over and plan anew with `--packages DIR`. What the archive signed for is compared, not believed.";
    zh += "，把所得目录带到本机，加上 `--packages 目录` 重新制定方案。软件包会与软件源签名的摘要核对。";
    Some(Both::new(en, zh))
}

/// Returns whether a word means itself to every shell.
fn is_plain(word: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-+~:=/%".contains(letter);
    !word.starts_with(['-', '~']) && word.chars().all(is_plain)
}

/// Returns the files whose content stays under another name.
fn more_names(groups: &BTreeMap<PathBuf, Group<'_>>) -> Vec<Both> {
    let links = |group: &Group<'_>| group.met.seen.stat.map_or(1, |stat| stat.links);
    let many = groups.iter().filter(|(_, group)| links(group) > 1);
    let many = many.filter(|(_, group)| group.met.seen.state.sha256().is_some());
    many.take(10)
        .map(|(path, group)| {
            let (path, more) =
                (text::escaped(&path.to_string_lossy()), links(group).saturating_sub(1));
            Both::new(
                format!("`{path}` has {more} more names (hard links): they stay; `find / -xdev -samefile` lists them."),
                format!("`{path}` 另有 {more} 个硬链接名，不会被处理；`find / -xdev -samefile` 可列出。"),
            )
        })
        .collect()
}

/// Returns what has to be made anew afterwards.
fn anew(plan: &Plan) -> Vec<Both> {
    let paths: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.act != RestoreFile::NAME)
        .filter_map(|step| step.subject.path.as_deref())
        .collect();
    let is_below = |path: &str, place: &str| {
        path.starts_with(place) || Path::new(path).starts_with(place.trim_end_matches('/'))
    };
    let commands: Vec<&str> = ANEW
        .iter()
        .filter(|(places, _)| {
            places.iter().any(|place| paths.iter().any(|path| is_below(path, place)))
        })
        .map(|(_, command)| *command)
        .collect();
    if commands.is_empty() {
        return Vec::new();
    }
    let commands = commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>();
    let commands = commands.join(", ");
    vec![Both::new(
        format!(
            "Afterwards, and after an undo, have read anew what reads these files: {commands}."
        ),
        format!("处置之后（撤销之后亦然）请重新加载：{commands}。"),
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_facts::packages::Offer;

    fn suspect(sign: &str, level: Level, path: &str) -> Suspect {
        let sign = sign.to_owned();
        Suspect { finding: "F-0001".to_owned(), sign, level, ..Suspect::named(Path::new(path)) }
    }

    #[test]
    fn a_new_installation_is_advised_where_the_kernel_lies_or_what_all_trust_was_altered() {
        let told = |one: Suspect| {
            reinstall(&[one]).into_iter().map(|told| told.en).collect::<Vec<_>>().join("\n")
        };
        for sign in KERNEL {
            assert!(told(suspect(sign, Level::High, "/x")).contains("the kernel itself lies"));
            assert_eq!(told(suspect(sign, Level::Low, "/x")), "", "{sign}");
        }
        // A hidden service of Tor hides from others, not from us.
        assert_eq!(told(suspect("traffic.hidden-service-command", Level::High, "/x")), "");
        let altered = "files.altered-login-program";
        for path in ["/usr/sbin/sshd", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/sudo"] {
            let told = told(suspect(altered, Level::Critical, path));
            assert!(told.contains("unless you know how") && told.contains(path), "{told}");
        }
        assert_eq!(told(suspect("files.altered-program", Level::High, "/usr/bin/ls")), "");
    }

    #[test]
    fn a_command_to_copy_has_no_word_that_a_shell_would_take_for_more() {
        let missing = |name: &str, address: &str| Missing {
            manager: Manager::Dpkg,
            name: name.to_owned(),
            offer: Some(Offer { address: address.to_owned(), sha256: String::new() }),
        };
        let good = missing("coreutils:amd64=9.1-1", "deb.debian.org/debian/pool/c_9.1-1_amd64.deb");
        let bad = missing("x;reboot", "deb.debian.org/`reboot`");
        let told = download(&[&good, &bad], Manager::Dpkg, "apt-get download").unwrap().en;
        assert!(told.contains("`apt-get download coreutils:amd64=9.1-1`"), "{told}");
        assert!(
            told.contains("all http://deb.debian.org/debian/pool/c_9.1-1_amd64.deb`"),
            "{told}"
        );
        assert!(!told.contains("reboot"), "{told}");
        assert_eq!(download(&[&bad], Manager::Dpkg, "x"), None);
        assert_eq!(download(&[&good], Manager::Rpm, "x"), None);
    }
}
