//! The list of all tables.

use stanch_words::{Ask, Seen, TableSpec};

use crate::Host;

/// One table: its spec and how it is read.
#[derive(Debug)]
pub struct Table {
    /// Name, columns and their meanings.
    pub spec: &'static TableSpec,
    /// Reads the rows that are asked for. Never fails as a whole: what is missing is a gap.
    pub read: fn(&Host, &Ask, &mut Seen),
}

/// Declares the modules and the list in one place.
macro_rules! tables {
    ($($name:ident)+) => {
        $(pub mod $name;)+
        /// All tables, by name.
        pub static ALL: &[Table] = &[$(Table { spec: &$name::SPEC, read: $name::read }),+];
    };
}

// One line a table, in alphabetical order.
tables! {
    account_changes
    account_events
    apt_sources
    arp_cache
    at_jobs
    audit_changes
    authorized_keys
    baseline_differences
    block_devices
    bpf_links
    bpf_programs
    changed_files
    changed_system_files
    command_bursts
    containerd_containers
    content_matches
    cpu_gaps
    cpu_time
    cpu_usage
    cron_runs
    data_store_uses
    crontab
    deb_package_files
    deb_packages
    disk_encryption
    disk_usage
    dns_resolvers
    docker_containers
    etc_hosts
    etc_protocols
    etc_services
    events
    file
    flows
    foreign_packages
    file_capabilities
    ftrace_functions
    gathered_files
    groups
    guard_stops
    hash
    hidden_files
    hidden_modules
    hidden_ports
    hidden_processes
    history_evasion
    initial_ramdisk_files
    interface_addresses
    interface_details
    iptables
    journal_files
    kernel_complaints
    kernel_info
    kernel_modules
    kernel_rates
    kernel_taint
    known_hosts
    last
    lastlog
    ld_preload
    library_hooks
    listening_ports
    load_average
    load_changes
    load_history
    load_retreats
    locked_files
    log_anomalies
    log_files
    log_rates
    log_sources
    logging_rules
    logged_in_users
    login_failures
    login_record_damage
    login_targets
    logins
    mail_submissions
    memory_gaps
    memory_info
    mounts
    name_failures
    names_asked
    nftables_rules
    odd_names
    odd_times
    os_version
    ownerless_sockets
    package_changes
    package_ownership
    package_runs
    packet_sockets
    pam_rules
    persistence
    podman_containers
    privilege_uses
    process_code
    process_envs
    process_memory_map
    process_namespaces
    process_open_files
    process_open_pipes
    process_open_sockets
    processes
    raw_sockets
    rename_bursts
    routes
    rpm_package_files
    rpm_packages
    service_accounts
    shadow
    shell_history
    shell_startup_files
    shells
    socket_disagreements
    ssh_configs
    sshd_config
    startup_items
    sudoers
    suid_bin
    system_controls
    system_files
    system_info
    systemd_generators
    systemd_units
    task_gaps
    telling_commands
    temporary_programs
    time
    traffic_gaps
    uptime
    user_groups
    user_ssh_keys
    users
    web_attacks
    web_clients
    web_paths
    wordpress_files
    yum_sources
}

/// Returns a table by name.
pub fn find(name: &str) -> Option<&'static Table> {
    ALL.iter().find(|table| table.spec.name == name)
}
/// Returns some columns of all rows of a table, of a machine that gives no gap in it.
#[cfg(test)]
pub(crate) fn shown<const N: usize>(
    name: &str,
    machine: stanch_machine::Pretend,
    columns: [usize; N],
) -> Vec<[String; N]> {
    let host = Host::new(std::sync::Arc::new(machine));
    let mut seen = Seen::default();
    (find(name).unwrap().read)(&host, &Ask::all(), &mut seen);
    assert_eq!(seen.gaps, []);
    seen.rows.iter().map(|row| columns.map(|column| row.get(column).to_string())).collect()
}
