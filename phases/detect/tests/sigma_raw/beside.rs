//! What an event that was made for one rule is besides.

/// Which rules fire beside the one that an event was made for. Each was read beside its event:
/// they match by their own words, mostly because one rule asks of audit's records what another
/// asks of a started process (`whoami`), or asks for less (`curl` at all).
// list: a rule, and what else its event truly is
pub(crate) static BESIDE: &[(&str, &[&str])] = &[
    (
        "file_event_lnx_susp_shell_script_under_profile_directory",
        &["lnx_auditd_hidden_binary_execution", "lnx_auditd_unix_shell_configuration_modification"],
    ),
    ("lnx_auditd_dd_delete_file", &["lnx_auditd_binary_padding"]),
    ("lnx_auditd_keylogging_with_pam_d", &["lnx_auditd_password_policy_discovery"]),
    ("lnx_auditd_ld_so_preload_mod", &["lnx_ldso_preload_injection"]),
    ("lnx_auditd_masquerading_crond", &["lnx_auditd_susp_cmds", "lnx_shell_susp_commands"]),
    (
        "lnx_auditd_network_service_scanning",
        &["proc_creation_lnx_susp_network_utilities_execution"],
    ),
    ("lnx_auditd_susp_cmds", &["lnx_auditd_file_or_folder_permissions"]),
    ("lnx_auditd_susp_exe_folders", &["proc_creation_lnx_susp_execution_tmp_folder"]),
    ("lnx_auditd_system_info_discovery", &["lnx_auditd_system_info_discovery2"]),
    ("lnx_auditd_user_discovery", &["lnx_auditd_system_info_discovery"]),
    ("proc_creation_lnx_chattr_immutable_removal", &["lnx_auditd_chattr_immutable_removal"]),
    ("proc_creation_lnx_clear_logs", &["proc_creation_lnx_file_deletion"]),
    ("proc_creation_lnx_crypto_mining", &["lnx_auditd_coinminer"]),
    ("proc_creation_lnx_file_and_directory_discovery", &["lnx_buffer_overflows"]),
    ("proc_creation_lnx_find_shell_execution", &["proc_creation_lnx_file_and_directory_discovery"]),
    ("proc_creation_lnx_iptables_flush_ufw", &["proc_creation_lnx_system_network_discovery"]),
    (
        "proc_creation_lnx_mkfifo_named_pipe_creation_susp_location",
        &["proc_creation_lnx_mkfifo_named_pipe_creation"],
    ),
    (
        "proc_creation_lnx_netcat_reverse_shell",
        &["proc_creation_lnx_susp_network_utilities_execution"],
    ),
    ("proc_creation_lnx_nohup_susp_execution", &["proc_creation_lnx_nohup"]),
    ("proc_creation_lnx_python_reverse_shell", &["proc_creation_lnx_python_pty_spawn"]),
    ("proc_creation_lnx_susp_curl_fileupload", &["proc_creation_lnx_curl_usage"]),
    ("proc_creation_lnx_susp_curl_useragent", &["proc_creation_lnx_curl_usage"]),
    ("proc_creation_lnx_susp_execution_tmp_folder", &["lnx_auditd_susp_exe_folders"]),
    ("proc_creation_lnx_susp_find_execution", &["proc_creation_lnx_file_and_directory_discovery"]),
    (
        "proc_creation_lnx_susp_history_delete",
        &["lnx_auditd_susp_histfile_operations", "proc_creation_lnx_file_deletion"],
    ),
    ("proc_creation_lnx_susp_history_recon", &["lnx_auditd_susp_histfile_operations"]),
    ("proc_creation_lnx_susp_process_reading_sudoers", &["proc_creation_lnx_local_account"]),
    (
        "proc_creation_lnx_susp_script_interpretor_spawn_credential_scanner",
        &["proc_creation_lnx_pua_trufflehog"],
    ),
    (
        "proc_creation_lnx_susp_shell_child_process_from_parent_tmp_folder",
        &["lnx_auditd_susp_exe_folders", "proc_creation_lnx_susp_execution_tmp_folder"],
    ),
    (
        "proc_creation_lnx_system_info_discovery",
        &["lnx_auditd_system_info_discovery", "lnx_auditd_user_discovery"],
    ),
    ("proc_creation_lnx_system_network_connections_discovery", &["lnx_auditd_user_discovery"]),
    (
        "proc_creation_lnx_touch_susp",
        &["lnx_auditd_change_file_time_attr", "lnx_auditd_hidden_files_directories"],
    ),
    ("proc_creation_lnx_webshell_detection", &["lnx_auditd_user_discovery"]),
];
