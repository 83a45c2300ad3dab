//! What a field is for, by its name. Asked once for each field of a file, not for each entry that
//! names it: entries repeat most of the fields of those before.
//!
//! Source: systemd.journal-fields(7).

/// What a field is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    Message,
    Pid,
    Uid,
    Gid,
    Comm,
    Exe,
    Command,
    Host,
    Unit,
    UserUnit,
    /// A unit that the message is about.
    AboutUnit,
    Session,
    AuditSession,
    AuditType,
    AuditLoginUid,
    Identifier,
    SyslogPid,
    Transport,
    MessageId,
    Boot,
    Container,
    Priority,
    /// Repeats what stands elsewhere, or says nothing about who did what.
    Idle,
    /// Goes along under its own name.
    #[default]
    Other,
}

impl Role {
    /// Returns what the field of a name is for.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"MESSAGE" => Self::Message,
            b"_PID" => Self::Pid,
            b"_UID" => Self::Uid,
            b"_GID" => Self::Gid,
            b"_COMM" => Self::Comm,
            b"_EXE" => Self::Exe,
            b"_CMDLINE" => Self::Command,
            b"_HOSTNAME" => Self::Host,
            b"_SYSTEMD_UNIT" => Self::Unit,
            b"_SYSTEMD_USER_UNIT" => Self::UserUnit,
            b"UNIT" | b"USER_UNIT" => Self::AboutUnit,
            b"_SYSTEMD_SESSION" => Self::Session,
            b"_AUDIT_SESSION" => Self::AuditSession,
            b"_AUDIT_TYPE_NAME" => Self::AuditType,
            b"_AUDIT_LOGINUID" => Self::AuditLoginUid,
            b"SYSLOG_IDENTIFIER" => Self::Identifier,
            b"SYSLOG_PID" => Self::SyslogPid,
            b"_TRANSPORT" => Self::Transport,
            b"MESSAGE_ID" => Self::MessageId,
            b"_BOOT_ID" => Self::Boot,
            b"CONTAINER_NAME" => Self::Container,
            b"PRIORITY" => Self::Priority,
            b"_MACHINE_ID"
            | b"SYSLOG_FACILITY"
            | b"SYSLOG_TIMESTAMP"
            | b"SYSLOG_RAW"
            | b"_SOURCE_REALTIME_TIMESTAMP"
            | b"_SOURCE_MONOTONIC_TIMESTAMP"
            | b"_SOURCE_BOOTTIME_TIMESTAMP"
            | b"_CAP_EFFECTIVE"
            | b"_SELINUX_CONTEXT"
            | b"_SYSTEMD_CGROUP"
            | b"_SYSTEMD_SLICE"
            | b"_SYSTEMD_USER_SLICE"
            | b"_SYSTEMD_INVOCATION_ID"
            | b"_SYSTEMD_OWNER_UID"
            | b"_STREAM_ID"
            | b"_RUNTIME_SCOPE"
            | b"_LINE_BREAK"
            | b"CODE_FILE"
            | b"CODE_LINE"
            | b"CODE_FUNC"
            | b"INVOCATION_ID"
            | b"USER_INVOCATION_ID"
            | b"TID" => Self::Idle,
            _ => Self::Other,
        }
    }

    /// Returns the name of a field that goes along, where the role tells it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Gid => Some("_GID"),
            Self::AuditType => Some("_AUDIT_TYPE_NAME"),
            Self::AuditLoginUid => Some("_AUDIT_LOGINUID"),
            Self::Transport => Some("_TRANSPORT"),
            Self::MessageId => Some("MESSAGE_ID"),
            Self::Boot => Some("_BOOT_ID"),
            Self::Priority => Some("PRIORITY"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_names_its_field_names_it_right() {
        let names = ["_GID", "_AUDIT_TYPE_NAME", "_AUDIT_LOGINUID", "_TRANSPORT", "MESSAGE_ID"];
        for name in names.into_iter().chain(["_BOOT_ID", "PRIORITY"]) {
            assert_eq!(Role::of(name.as_bytes()).name(), Some(name));
        }
        assert_eq!((Role::of(b"UNIT").name(), Role::of(b"X")), (None, Role::Other));
    }
}
