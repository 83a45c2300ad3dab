// list: who guards a Linux server, in the order of class.
//! Who guards a Linux server, by the names of unit, program and package.
//!
//! Source: the unit files and package lists of the distributions and the vendors' manuals.

/// One guard.
#[derive(Debug)]
pub(super) struct Guard {
    /// The name that is shown.
    pub(super) name: &'static str,
    /// logger, audit, prevention or agent.
    pub(super) class: &'static str,
    /// Names of its unit (without `.service`) and program, and its unit's description, in small
    /// letters.
    names: &'static [&'static str],
    /// Its packages.
    pub(super) packages: &'static [&'static str],
}

const fn guard(
    name: &'static str,
    class: &'static str,
    names: &'static [&'static str],
    packages: &'static [&'static str],
) -> Guard {
    Guard { name, class, names, packages }
}

pub(super) static GUARDS: &[Guard] = &[
    guard("rsyslog", "logger", &["rsyslog", "rsyslogd", "system logging service"], &["rsyslog"]),
    guard(
        "syslog-ng",
        "logger",
        &["syslog-ng", "system logger daemon"],
        &["syslog-ng", "syslog-ng-core"],
    ),
    guard("systemd-journald", "logger", &["systemd-journald", "journal service"], &[]),
    guard(
        "auditd",
        "audit",
        &["auditd", "security auditing service", "security audit logging service"],
        &["auditd", "audit"],
    ),
    guard(
        "fail2ban",
        "prevention",
        &["fail2ban", "fail2ban-server", "fail2ban.server", "fail2ban service"],
        &["fail2ban", "fail2ban-server"],
    ),
    guard("crowdsec", "prevention", &["crowdsec", "crowdsec agent"], &["crowdsec"]),
    guard("sshguard", "prevention", &["sshguard"], &["sshguard"]),
    guard("denyhosts", "prevention", &["denyhosts"], &["denyhosts"]),
    guard(
        "firewalld",
        "prevention",
        &["firewalld", "firewalld - dynamic firewall daemon"],
        &["firewalld"],
    ),
    guard("suricata", "prevention", &["suricata", "suricata ids/idp daemon"], &["suricata"]),
    guard("snort", "prevention", &["snort"], &["snort"]),
    guard(
        "clamav",
        "prevention",
        &["clamav-daemon", "clamd", "clamd@scan", "clam antivirus userspace daemon"],
        &["clamav-daemon", "clamd"],
    ),
    guard("falco", "agent", &["falco", "falco-modern-bpf", "falco-bpf", "falco-kmod"], &["falco"]),
    guard("tetragon", "agent", &["tetragon"], &["tetragon"]),
    guard("osquery", "agent", &["osqueryd", "the osquery daemon"], &["osquery"]),
    guard(
        "wazuh",
        "agent",
        &["wazuh-agent", "wazuh-agentd", "wazuh-manager", "wazuh agent"],
        &["wazuh-agent", "wazuh-manager"],
    ),
    guard(
        "ossec",
        "agent",
        &["ossec", "ossec-hids", "ossec-agentd"],
        &["ossec-hids", "ossec-hids-agent"],
    ),
    guard("samhain", "agent", &["samhain"], &["samhain"]),
    guard("sysmon", "agent", &["sysmon"], &["sysmonforlinux"]),
    guard("auditbeat", "agent", &["auditbeat"], &["auditbeat"]),
    guard("elastic-agent", "agent", &["elastic-agent"], &["elastic-agent", "elastic-endpoint"]),
    guard("elastic-endpoint", "agent", &["elasticendpoint", "elastic-endpoint"], &[]),
    guard(
        "falcon-sensor",
        "agent",
        &["falcon-sensor", "falcond", "crowdstrike falcon sensor"],
        &["falcon-sensor"],
    ),
    guard("mdatp", "agent", &["mdatp", "wdavdaemon", "microsoft defender"], &["mdatp"]),
    guard("sentinelone", "agent", &["sentinelone", "sentineld"], &["sentinelagent"]),
    guard("carbon-black", "agent", &["cbagentd", "cbdaemon", "cb-psc-sensor"], &["cb-psc-sensor"]),
    guard("trend-micro", "agent", &["ds_agent", "tmxbc"], &["ds-agent"]),
    guard("sophos", "agent", &["sophos-spl", "sav-protect"], &[]),
    guard("cortex", "agent", &["traps_pmd", "cortex-agent"], &["cortex-agent"]),
    guard("qualys", "agent", &["qualys-cloud-agent"], &["qualys-cloud-agent"]),
    guard(
        "aliyun-aegis",
        "agent",
        &["aegis", "aliyundun", "aliyundunupdate", "aliyundunmonitor"],
        &[],
    ),
    guard("tencent-cwp", "agent", &["ydservice", "ydlive", "ydeyes"], &[]),
    guard("huawei-hostguard", "agent", &["hostguard"], &["hostguard"]),
    guard("guardduty", "agent", &["amazon-guardduty-agent"], &["amazon-guardduty-agent"]),
];

/// Returns the place of a guard in the list, by the name of its unit or program, or by its unit's
/// description.
pub(super) fn find(name: &str) -> Option<usize> {
    let name = name.strip_suffix(".service").unwrap_or(name);
    GUARDS.iter().position(|guard| guard.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_guards() {
        let mut names: Vec<&str> =
            GUARDS.iter().flat_map(|guard| guard.names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
    }

    #[test]
    fn guards_by_unit_and_description() {
        let name = |text| find(text).and_then(|at| GUARDS.get(at)).map(|guard| guard.name);
        assert_eq!(name("rsyslog.service"), Some("rsyslog"));
        assert_eq!(name("AliYunDun"), Some("aliyun-aegis"));
        assert_eq!(name("Journal Service"), Some("systemd-journald"));
        assert_eq!(name("rsyslog-keeper.service"), None);
    }
}
