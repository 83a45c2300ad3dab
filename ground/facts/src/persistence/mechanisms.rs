//! The list of mechanisms: a new place is one line.
//!
//! Source: the manuals of the programs that read these places (systemd.unit(5), crontab(5),
//! pam.d(5), ld.so(8), udev(7), …); ATT&CK's persistence techniques.

use super::{Form, Mechanism};

const ANY: &[&str] = &[];

macro_rules! mechanisms {
    ($($number:literal $name:literal $class:ident $form:expr, [$($place:literal),+];)+) => {
        /// All mechanisms, in the order of the catalogue.
        pub(super) const ALL: &[Mechanism] = &[$(Mechanism {
            number: $number,
            name: $name,
            class: stringify!($class),
            form: $form,
            places: &[$($place),+],
        }),+];
    };
}

use Form::{
    Anacron, Anything, Apt, AtJob, Cron, CronUser, Diversions, Foreign, Helper, Keys, Lines,
    Loaders, Nobody, Pam, Program, Unit,
};

// `~/` stands for each home; patterns are those of glob(7).
mechanisms! {
    1 "systemd-unit" boot Unit, ["/etc/systemd/system/*.*", "/etc/systemd/system.control/*", "/etc/systemd/system.attached/*", "/run/systemd/system/*.*", "/run/systemd/system.control/*", "/run/systemd/system.attached/*", "/usr/local/lib/systemd/system/*", "/usr/lib/systemd/system/*.*", "/lib/systemd/system/*.*"];
    2 "systemd-drop-in" boot Unit, ["/etc/systemd/system/*.d/*.conf", "/run/systemd/system/*.d/*.conf", "/usr/lib/systemd/system/*.d/*.conf", "/lib/systemd/system/*.d/*.conf", "/usr/local/lib/systemd/system/*.d/*.conf", "/etc/systemd/system.conf.d/*.conf", "/etc/systemd/user.conf.d/*.conf", "/etc/systemd/system.conf", "/etc/systemd/user.conf"];
    3 "systemd-user-unit" boot Unit, ["~/.config/systemd/user/*.*", "~/.config/systemd/user/*.d/*.conf", "~/.config/systemd/user.control/*", "~/.local/share/systemd/user/*", "/etc/systemd/user/*.*", "/etc/systemd/user/*.d/*.conf", "/usr/lib/systemd/user/*.*", "/usr/local/share/systemd/user/*", "/run/user/*/systemd/transient/*", "/run/user/*/systemd/user/*"];
    4 "lingering" boot Program, ["/var/lib/systemd/linger/*"];
    5 "systemd-timer" boot Unit, ["/etc/systemd/system/*.timer", "/run/systemd/system/*.timer", "/usr/lib/systemd/system/*.timer", "/usr/local/lib/systemd/system/*.timer"];
    6 "transient-unit" boot Unit, ["/run/systemd/transient/*"];
    7 "systemd-generator" boot Program, ["/etc/systemd/*-generators/*", "/run/systemd/*-generators/*", "/usr/lib/systemd/*-generators/*", "/usr/local/lib/systemd/*-generators/*", "/lib/systemd/*-generators/*"];
    8 "sleep-or-shutdown-hook" boot Program, ["/etc/systemd/system-sleep/*", "/etc/systemd/system-shutdown/*", "/usr/lib/systemd/system-sleep/*", "/usr/lib/systemd/system-shutdown/*", "/lib/systemd/system-sleep/*", "/lib/systemd/system-shutdown/*"];
    10 "wanted-unit" boot Program, ["/etc/systemd/system/*.wants/*", "/etc/systemd/system/*.requires/*", "/etc/systemd/system/*.upholds/*", "/etc/systemd/user/*.wants/*", "~/.config/systemd/user/*.wants/*"];
    11 "system-extension" boot Anything, ["/var/lib/portables/*", "/etc/portables/*", "/etc/extensions/*", "/run/extensions/*", "/var/lib/extensions/*", "/run/confexts/*", "/var/lib/confexts/*"];
    12 "init-script" boot Program, ["/etc/init.d/*", "/etc/rc?.d/*", "/etc/rc.d/*", "/etc/rc.d/rc?.d/*", "/etc/rc.d/init.d/*", "/etc/insserv.conf.d/*"];
    13 "rc-local" boot Program, ["/etc/rc.local", "/etc/rc.d/rc.local", "/etc/rc.common", "/etc/init.d/boot.local"];
    14 "other-supervisor" boot Program, ["/etc/init/*.conf", "/etc/local.d/*.start", "/etc/service/*/run", "/etc/sv/*/run", "/etc/runit/*", "/etc/s6/*", "/etc/s6/*/*", "/etc/s6/*/*/run", "/etc/supervisor/conf.d/*", "/etc/supervisord.d/*", "/etc/monit/*", "/etc/monit/conf*/*"];
    15 "inittab" boot Lines(ANY), ["/etc/inittab"];
    16 "inetd" boot Lines(ANY), ["/etc/inetd.conf", "/etc/xinetd.d/*"];
    17 "user-daemon" boot Program, ["~/.pm2/dump.pm2", "~/.tmux.conf", "~/.config/tmux/tmux.conf", "/etc/tmux.conf", "~/.screenrc", "/etc/screenrc"];

    18 "user-crontab" schedule CronUser, ["/var/spool/cron/crontabs/*", "/var/spool/cron/tabs/*", "/var/spool/cron/*"];
    19 "system-crontab" schedule Cron, ["/etc/crontab", "/etc/cron.d/*"];
    20 "periodic-script" schedule Program, ["/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*", "/etc/cron.monthly/*", "/etc/cron.yearly/*"];
    21 "anacron" schedule Anacron, ["/etc/anacrontab"];
    22 "cron-environment" schedule Program, ["/etc/cron.allow", "/etc/cron.deny", "/etc/default/cron", "/etc/sysconfig/crond"];
    23 "at-job" schedule AtJob, ["/var/spool/cron/atjobs/*", "/var/spool/at/*", "/var/spool/atjobs/*"];
    24 "other-scheduler" schedule Lines(ANY), ["/var/spool/fcron/*", "/var/spool/incron/*", "/etc/incron.d/*", "~/.tsp"];
    25 "logrotate" schedule Program, ["/etc/logrotate.conf", "/etc/logrotate.d/*"];

    27 "system-shell-start" login Program, ["/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/bash_logout", "/etc/bash.bash_logout", "/etc/zsh/*", "/etc/zshenv", "/etc/zshrc", "/etc/zprofile", "/etc/csh.*", "/etc/ksh.kshrc", "/etc/kshrc", "/etc/fish/config.fish", "/etc/fish/conf.d/*.fish"];
    28 "user-shell-start" login Program, ["~/.profile", "~/.bash_profile", "~/.bash_login", "~/.bashrc", "~/.bash_logout", "~/.bash_aliases", "~/.zshenv", "~/.zprofile", "~/.zshrc", "~/.zlogin", "~/.zlogout", "~/.kshrc", "~/.cshrc", "~/.tcshrc", "~/.login", "~/.logout", "~/.shrc", "~/.config/fish/config.fish", "~/.config/fish/conf.d/*"];
    29 "skeleton" login Program, ["/etc/skel/.*"];
    30 "environment-file" login Loaders, ["/etc/environment", "/etc/environment.d/*", "~/.config/environment.d/*", "~/.pam_environment", "/etc/security/pam_env.conf", "/etc/default/*", "/etc/sysconfig/*"];
    31 "authorized-keys" login Keys, ["~/.ssh/authorized_keys", "~/.ssh/authorized_keys2", "/usr/sbin/.ssh/*", "/var/backups/.ssh/*", "/run/sshd/.ssh/*", "/usr/games/.ssh/*", "/etc/ssh/authorized_keys", "/etc/ssh/authorized_keys/*"];
    32 "sshd-configuration" login Lines(&["authorizedkeyscommand", "forcecommand", "permituserenvironment", "trustedusercakeys", "authorizedprincipals", "authorizedkeysfile", "permitrootlogin", "permitemptypasswords", "subsystem", "match"]), ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*"];
    33 "ssh-hook" login Program, ["~/.ssh/rc", "/etc/ssh/sshrc", "~/.ssh/environment"];
    33 "ssh-client-command" login Lines(&["proxycommand", "localcommand", "knownhostscommand", "match"]), ["~/.ssh/config", "/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/*"];
    34 "ssh-daemon" login Program, ["/usr/sbin/sshd", "/usr/lib/openssh/*"];
    35 "host-key" login Program, ["/etc/ssh/ssh_host_*"];
    36 "trusted-host" login Lines(ANY), ["~/.rhosts", "~/.shosts", "~/.k5login", "~/.k5users", "/etc/hosts.equiv", "/etc/shosts.equiv"];
    37 "pam-stack" login Pam, ["/etc/pam.conf", "/etc/pam.d/*"];
    38 "pam-module" login Program, ["/usr/lib/security/*", "/usr/lib64/security/*", "/usr/lib/*/security/*", "/lib/*/security/*", "/lib/security/*", "/lib64/security/*"];
    39 "name-service" login Lines(ANY), ["/etc/nsswitch.conf"];
    39 "name-service-module" login Program, ["/usr/lib/libnss_*", "/usr/lib64/libnss_*", "/usr/lib/*/libnss_*", "/lib/*/libnss_*"];
    40 "account" login Program, ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"];
    41 "login-shell" login Program, ["/etc/shells", "/usr/sbin/nologin", "/usr/sbin/nologin?*"];
    42 "sudo" login Lines(ANY), ["/etc/sudoers", "/etc/sudoers.d/*", "/etc/sudo.conf", "/etc/sudo_logsrvd.conf"];
    43 "doas" login Lines(ANY), ["/etc/doas.conf", "/etc/doas.d/*"];
    44 "polkit" login Program, ["/etc/polkit-1/rules.d/*", "/usr/share/polkit-1/rules.d/*", "/usr/share/polkit-1/actions/*", "/etc/polkit-1/localauthority/*/*.pkla", "/etc/polkit-1/localauthority/*/*/*.pkla", "/var/lib/polkit-1/localauthority/*/*.pkla", "/usr/local/share/polkit-1/*/*"];
    48 "message-of-the-day" login Program, ["/etc/update-motd.d/*", "/etc/motd", "/run/motd.dynamic"];
    49 "login-settings" login Program, ["/etc/login.defs", "/etc/securetty", "/etc/nologin", "/etc/issue", "/etc/issue.d/*"];
    50 "directory-service" login Program, ["/etc/krb5.conf", "/etc/sssd/*", "/etc/sssd/conf.d/*", "/etc/ldap/*"];
    51 "certificate-authority" login Foreign, ["/etc/ssl/certs/*", "/usr/share/ca-certificates/*", "/usr/share/ca-certificates/*/*", "/etc/pki/tls/certs/*"];
    51 "certificate-authority" login Program, ["/usr/local/share/ca-certificates/*", "/etc/pki/ca-trust/source/anchors/*", "/etc/ca-certificates.conf"];
    52 "hosts-file" login Lines(&["debian.org", "ubuntu.com", "fedoraproject.org", "centos.org", "rockylinux.org", "almalinux.org", "redhat.com", "suse", "alpinelinux.org", "pypi.org", "github.com", "docker", "clamav", "update", "security"]), ["/etc/hosts"];
    52 "resolver" login Program, ["/etc/resolv.conf", "/etc/host.conf", "/etc/systemd/resolved.conf.d/*"];

    53 "preloaded-library" loader Lines(ANY), ["/etc/ld.so.preload"];
    54 "loader-configuration" loader Lines(ANY), ["/etc/ld.so.conf", "/etc/ld.so.conf.d/*"];
    55 "loader" loader Program, ["/lib*/ld-linux*", "/lib/*/ld-linux*", "/lib/*/libc.so.6", "/lib64/libc.so.6"];
    57 "library-among-shipped" loader Nobody, ["/usr/lib/*.so*", "/usr/lib64/*.so*", "/usr/lib/*-linux-*/*.so*"];
    57 "library-shadowing" loader Nobody, ["/usr/local/lib/*.so*", "/usr/local/lib64/*.so*", "/usr/local/lib/*-linux-*/*.so*"];
    58 "character-converter" loader Program, ["/usr/lib/*/gconv/gconv-modules*", "/usr/lib64/gconv/gconv-modules*", "/usr/lib/*/gconv/gconv-modules.d/*", "/usr/lib64/gconv/gconv-modules.d/*"];
    59 "python-start-hook" loader Program, ["/usr/lib/python*/*-packages/*.pth", "/usr/local/lib/python*/*-packages/*.pth", "/usr/lib/python*/sitecustomize.py", "/usr/lib/python*/*-packages/*customize.py", "/usr/local/lib/python*/*-packages/*customize.py", "/etc/python*/sitecustomize.py", "~/.local/lib/python*/site-packages/*.pth", "~/.local/lib/python*/site-packages/*customize.py", "/opt/*/lib/python*/site-packages/*.pth", "/opt/*/*/lib/python*/site-packages/*.pth", "/srv/*/lib/python*/site-packages/*.pth", "/srv/*/*/lib/python*/site-packages/*.pth", "~/*/lib/python*/site-packages/*.pth", "/var/www/*/*/lib/python*/site-packages/*.pth"];
    60 "interpreter-start-hook" loader Program, ["/etc/perl/sitecustomize.pl", "/usr/lib/ruby/vendor_ruby/rubygems/defaults/*", "/usr/lib/ruby/*/rubygems/defaults/*", "~/.npmrc"];
    61 "php-directive" loader Lines(&["auto_prepend_file", "auto_append_file", "extension", "zend_extension"]), ["/etc/php/*/*/php.ini", "/etc/php/*/*/conf.d/*", "/etc/php/*/mods-available/*", "/etc/php.ini", "/etc/php.d/*", "/var/www/.user.ini", "/var/www/*/.user.ini", "/var/www/*/*/.user.ini"];
    61 "web-directory-rule" loader Lines(&["php_value", "php_admin_value", "sethandler", "addtype", "addhandler"]), ["/var/www/.htaccess", "/var/www/*/.htaccess", "/var/www/*/*/.htaccess"];
    62 "java-agent" loader Program, ["/usr/share/tomcat*/bin/setenv.sh", "/opt/tomcat/bin/setenv.sh", "/var/lib/tomcat*/webapps/*.war", "/opt/tomcat/webapps/*.war"];
    63 "git-hook" loader Program, ["~/.git/hooks/*", "~/*/.git/hooks/*", "/etc/.git/hooks/*", "/opt/*/.git/hooks/*", "/srv/*/.git/hooks/*", "/var/www/.git/hooks/*", "/var/www/*/.git/hooks/*"];
    63 "git-configuration" loader Lines(&["pager", "fsmonitor", "sshcommand", "path", "hookspath", "editor", "!"]), ["~/.gitconfig", "~/.config/git/config", "/etc/gitconfig", "~/*/.git/config", "/opt/*/.git/config", "/srv/*/.git/config", "/var/www/*/.git/config"];
    64 "editor-start" loader Program, ["~/.vimrc", "~/.vim/plugin/*", "~/.vim/after/*/*", "/etc/vim/vimrc.local", "~/.config/nvim/init.*", "~/.emacs", "~/.emacs.d/init.el", "~/.nanorc"];
    65 "shell-completion" loader Program, ["/etc/bash_completion.d/*", "/usr/share/bash-completion/completions/*", "~/.bash_completion", "/usr/lib/command-not-found"];
    66 "program-among-shipped" loader Nobody, ["/usr/bin/*", "/usr/sbin/*", "/bin/*", "/sbin/*"];
    67 "name-shadowing" loader Program, ["/usr/local/bin/*", "/usr/local/sbin/*", "~/bin/*", "~/.local/bin/*"];
    68 "alternative" loader Program, ["/etc/alternatives/*"];
    68 "diversion" loader Diversions, ["/var/lib/dpkg/diversions"];

    69 "module-autoload" kernel Lines(ANY), ["/etc/modules", "/etc/modules-load.d/*", "/run/modules-load.d/*", "/usr/lib/modules-load.d/*", "/usr/local/lib/modules-load.d/*", "/etc/sysconfig/modules/*", "/etc/initramfs-tools/modules"];
    70 "module-rule" kernel Lines(&["install", "remove", "softdep", "options"]), ["/etc/modprobe.d/*", "/run/modprobe.d/*", "/usr/lib/modprobe.d/*", "/lib/modprobe.d/*"];
    71 "kernel-module" kernel Program, ["/lib/modules/*/extra/*", "/lib/modules/*/updates/*", "/lib/modules/*/weak-updates/*", "/lib/modules/*/*.ko*", "/lib/modules/*/updates/dkms/*"];
    75 "initial-ramdisk-setting" kernel Lines(&["install", "force_drivers", "add_dracutmodules", "pre_", "hook"]), ["/etc/dracut.conf", "/etc/dracut.conf.d/*", "/usr/lib/dracut/dracut.conf.d/*"];
    75 "initial-ramdisk" kernel Program, ["/etc/initramfs-tools/hooks/*", "/etc/initramfs-tools/scripts/*/*", "/etc/initramfs-tools/conf.d/*", "/usr/share/initramfs-tools/hooks/*", "/usr/share/initramfs-tools/scripts/*/*", "/usr/lib/dracut/modules.d/*/*"];
    76 "boot-loader" kernel Program, ["/etc/grub.d/*"];
    76 "kernel-command-line" kernel Lines(&["init=", "systemd.run", "sig_enforce=0", "selinux=0", "lockdown=none", "break=", "single"]), ["/etc/default/grub", "/etc/default/grub.d/*", "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/custom.cfg", "/boot/efi/EFI/*/grub.cfg", "/etc/sysconfig/grub", "/etc/kernel/cmdline", "/boot/loader/entries/*"];
    77 "efi-program" kernel Program, ["/boot/efi/EFI/*/*.efi", "/boot/efi/EFI/*/*.EFI"];
    78 "kernel-image" kernel Program, ["/boot/vmlinuz*", "/boot/System.map*"];
    79 "udev-rule" kernel Lines(&["run", "program", "import"]), ["/etc/udev/rules.d/*", "/run/udev/rules.d/*", "/usr/lib/udev/rules.d/*", "/lib/udev/rules.d/*", "/usr/local/lib/udev/rules.d/*"];
    79 "udev-helper" kernel Program, ["/lib/udev/*", "/usr/lib/udev/*"];
    80 "kernel-helper" kernel Helper, ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/*/release_agent"];
    81 "kernel-setting" kernel Lines(&["core_pattern", "kernel.modprobe", "kernel/modprobe", "hotplug", "kernel.yama", "kernel.kptr_restrict", "kernel.unprivileged_bpf", "net.ipv4.ip_forward", "fs.suid_dumpable"]), ["/etc/sysctl.conf", "/etc/sysctl.d/*", "/run/sysctl.d/*", "/usr/lib/sysctl.d/*", "/usr/local/lib/sysctl.d/*"];
    82 "binary-format" kernel Lines(ANY), ["/etc/binfmt.d/*", "/run/binfmt.d/*", "/usr/lib/binfmt.d/*"];
    83 "files-made-at-boot" kernel Lines(ANY), ["/etc/tmpfiles.d/*", "/run/tmpfiles.d/*", "/usr/lib/tmpfiles.d/*", "/etc/sysusers.d/*", "/run/sysusers.d/*", "/usr/lib/sysusers.d/*", "~/.config/user-tmpfiles.d/*"];
    84 "kernel-package-hook" kernel Program, ["/etc/kernel/*.d/*", "/usr/lib/kernel/install.d/*"];
    85 "acpi-event" kernel Program, ["/etc/acpi/events/*", "/etc/acpi/actions/*", "/etc/acpi/*.sh"];
    86 "mount-table" kernel Lines(ANY), ["/etc/fstab"];

    87 "apt-hook" hook Apt, ["/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"];
    88 "dpkg-hook" hook Lines(&["invoke"]), ["/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/*"];
    88 "maintainer-script" hook Program, ["/var/lib/dpkg/info/*.preinst", "/var/lib/dpkg/info/*.postinst", "/var/lib/dpkg/info/*.prerm", "/var/lib/dpkg/info/*.postrm"];
    89 "dnf-plugin" hook Program, ["/etc/yum/pluginconf.d/*", "/usr/lib/yum-plugins/*", "/etc/dnf/plugins/*", "/usr/lib/python*/site-packages/dnf-plugins/*", "/etc/dnf/libdnf5-plugins/*", "/etc/dnf/automatic.conf"];
    90 "package-source" hook Program, ["/etc/apt/sources.list", "/etc/apt/sources.list.d/*", "/etc/apt/trusted.gpg", "/etc/apt/trusted.gpg.d/*", "/etc/apt/keyrings/*", "/usr/share/keyrings/*", "/etc/apt/preferences.d/*", "/etc/yum.repos.d/*", "/etc/pki/rpm-gpg/*", "/etc/zypp/repos.d/*"];
    92 "rpm-macro" hook Program, ["/usr/lib/rpm/*", "/usr/lib/rpm/macros.d/*", "~/.rpmmacros"];
    93 "network-manager-hook" hook Program, ["/etc/NetworkManager/dispatcher.d/*", "/etc/NetworkManager/dispatcher.d/*.d/*", "/usr/lib/NetworkManager/dispatcher.d/*", "/usr/lib/NetworkManager/dispatcher.d/*.d/*", "/etc/NetworkManager/system-connections/*"];
    94 "network-interface" hook Lines(&["up ", "down ", "pre-", "post-"]), ["/etc/network/interfaces", "/etc/network/interfaces.d/*"];
    94 "network-hook" hook Program, ["/etc/network/if-*.d/*", "/etc/networkd-dispatcher/*.d/*", "/etc/dhcp/dhclient-*-hooks.d/*", "/etc/ppp/ip-*.d/*", "/etc/ppp/ip-up", "/etc/ppp/ip-down", "/etc/wpa_supplicant/*"];
    95 "tunnel-hook" hook Lines(&["postup", "preup", "postdown", "predown", "up", "down", "plugin", "route-up", "client-connect"]), ["/etc/wireguard/*.conf", "/etc/openvpn/*.conf", "/etc/openvpn/*/*.conf"];
    96 "d-bus" hook Lines(&["exec", "user"]), ["/usr/share/dbus-1/system-services/*", "/usr/share/dbus-1/services/*", "/usr/local/share/dbus-1/*/*", "/etc/dbus-1/*/*", "/run/dbus-1/*/*", "/lib/dbus-1/*/*", "~/.local/share/dbus-1/services/*"];
    97 "desktop-autostart" hook Lines(&["exec"]), ["/etc/xdg/autostart/*", "/usr/share/autostart/*", "~/.config/autostart/*", "~/.local/share/autostart/*", "~/.kde*/*/*"];
    97 "desktop-autostart-script" hook Program, ["~/.config/autostart-scripts/*", "~/.config/plasma-workspace/env/*"];
    98 "x-session" hook Program, ["/etc/X11/Xsession.d/*", "/etc/X11/xinit/*", "/etc/X11/xinit/*/*", "~/.xinitrc", "~/.xsession", "~/.xprofile"];
    100 "web-server-configuration" service Lines(&["loadmodule", "load_module", "lua_", "content_by_lua", "auth_basic off", "alias", "customlog", "errorlog"]), ["/etc/nginx/*.conf", "/etc/nginx/*/*", "/etc/apache2/*.conf", "/etc/apache2/*/*", "/etc/httpd/*/*.conf"];
    101 "application-code" service Program, ["/var/www/*/wp-content/mu-plugins/*", "/var/www/*/wp-content/*.php", "/var/www/*/*/wp-content/mu-plugins/*", "/usr/lib/mysql/plugin/*", "/usr/lib/*/mariadb*/plugin/*"];
    101 "data-store" service Lines(&["loadmodule", "preload_libraries", "plugin-load", "plugin_load", "init-file", "init_file", "archive_command"]), ["/etc/redis/*.conf", "/etc/redis.conf", "/etc/postgresql/*/*/*.conf", "/etc/postgresql/*/*/conf.d/*.conf", "/var/lib/postgresql/*/*/postgresql.auto.conf", "/etc/mysql/*.cnf", "/etc/mysql/*/*.cnf", "/etc/my.cnf", "/etc/my.cnf.d/*.cnf"];
    102 "mail-pipe" service Lines(&["|", ":include:", "argv=", "mailbox_command", "pipe"]), ["/etc/aliases", "/etc/postfix/master.cf", "/etc/postfix/main.cf", "/etc/exim4/*.conf", "/etc/exim4/conf.d/transport/*", "~/.forward", "~/.procmailrc", "~/.qmail*"];
    103 "log-or-monitor-agent" service Lines(&["omprog", "program(", "actionban", "actionstart", "extend", "exec", "userparameter", "command[", "path =", "path="]), ["/etc/rsyslog.conf", "/etc/rsyslog.d/*", "/etc/syslog-ng/*.conf", "/etc/syslog-ng/conf.d/*", "/etc/fail2ban/action.d/*", "/etc/audit/plugins.d/*", "/etc/snmp/snmpd.conf", "/etc/snmp/snmpd.conf.d/*", "/etc/zabbix/*.conf", "/etc/zabbix/*.d/*", "/etc/nagios/*.cfg", "/etc/nagios/nrpe.d/*", "/etc/collectd/*.conf", "/etc/osquery/*"];
    104 "container-runtime" service Program, ["/etc/docker/daemon.json", "~/.docker/config.json", "/etc/containers/systemd/*", "/usr/share/containers/oci/hooks.d/*", "/etc/containers/oci/hooks.d/*", "/etc/cni/net.d/*", "/var/lib/docker/containers/*/hostconfig.json", "/var/lib/docker/containers/*/config.v2.json"];
    105 "static-pod" service Program, ["/etc/kubernetes/manifests/*"];
    106 "virtual-machine-hook" service Program, ["/etc/libvirt/hooks/*", "/etc/libvirt/hooks/*/*", "/etc/systemd/nspawn/*", "/var/lib/machines/*", "/var/lib/lxc/*/config"];
    107 "cloud-script" service Program, ["/var/lib/cloud/scripts/per-*/*", "/etc/cloud/cloud.cfg.d/*", "~/.aws/credentials"];
    107 "cloud-alias" service Lines(&["!"]), ["~/.aws/cli/alias"];
    108 "configuration-management" service Program, ["/etc/salt/minion", "/etc/salt/minion.d/*", "/etc/puppet/puppet.conf", "/etc/chef/client.rb", "/etc/ansible/*"];
    109 "restart-hook" service Program, ["/etc/needrestart/*", "/etc/needrestart/*/*"];
    111 "hidden-storage" service Nobody, ["/dev/shm/*", "/dev/shm/.*", "/dev/shm/.*/*", "/dev/.*", "/dev/.*/*", "/run/.*", "/run/.*/*", "/tmp/.*", "/tmp/.*/*", "/var/tmp/.*", "/var/tmp/.*/*"];
}

/// Rights that files give by themselves; they are found by a walk, except access lists, whose
/// places are those in which there are none.
pub(super) const RIGHTS: [Mechanism; 3] = [
    right(45, "set-id", &[]),
    right(46, "capability", &[]),
    right(
        47,
        "access-list",
        &[
            "/etc",
            "/etc/passwd",
            "/etc/shadow",
            "/etc/group",
            "/etc/gshadow",
            "/etc/sudoers",
            "/etc/sudoers.d",
            "/etc/sudoers.d/*",
            "/etc/crontab",
            "/etc/cron.d",
            "/etc/cron.*/*",
            "/etc/ld.so.preload",
            "/etc/ssh/sshd_config",
            "/etc/pam.d/*",
            "/etc/systemd/system",
            "/var/spool/cron/crontabs",
            "/root",
            "/root/.ssh",
            "/root/.ssh/authorized_keys",
        ],
    ),
];

const fn right(number: i64, name: &'static str, places: &'static [&'static str]) -> Mechanism {
    Mechanism { number, name, class: "login", form: Program, places }
}
