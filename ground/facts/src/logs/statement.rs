//! What is dangerous in a statement that a data store was told: the ways from a query to files,
//! programs and libraries.
//!
//! Source: PostgreSQL manual (COPY … PROGRAM, `pg_read_file`, `lo_export`, CREATE FUNCTION …
//! LANGUAGE C); MySQL manual (SELECT … INTO OUTFILE, LOAD DATA, CREATE FUNCTION … SONAME, UDFs
//! `sys_exec`/`sys_eval`); Redis commands (CONFIG SET dir, MODULE LOAD, REPLICAOF, EVAL).

use stanch_words::Event;

use super::cut;

/// How much of a statement is looked at.
const LOOKED_AT: usize = 8 << 10;

/// Words that all must occur, in order, and what they make of a statement.
const DANGERS: &[(&[&str], &str)] = &[
    (&["COPY ", " PROGRAM "], "program"),
    (&["SYS_EXEC("], "program"),
    (&["SYS_EVAL("], "program"),
    (&["XP_CMDSHELL"], "program"),
    (&["SYSTEM "], "program"),
    (&["CREATE ", "FUNCTION ", " SONAME "], "library"),
    (&["CREATE ", "FUNCTION ", "LANGUAGE C"], "library"),
    (&["CREATE ", "FUNCTION ", "LANGUAGE 'C'"], "library"),
    (&["CREATE ", "LANGUAGE PLP"], "library"),
    (&["INSTALL PLUGIN"], "library"),
    (&["MODULE LOAD"], "library"),
    (&["INTO OUTFILE"], "file-write"),
    (&["INTO DUMPFILE"], "file-write"),
    (&["LO_EXPORT("], "file-write"),
    (&["PG_FILE_WRITE("], "file-write"),
    (&["CONFIG SET DIR"], "file-write"),
    (&["CONFIG SET DBFILENAME"], "file-write"),
    (&["GENERAL_LOG_FILE"], "file-write"),
    (&["LOAD_FILE("], "file-read"),
    (&["LOAD DATA ", "INFILE"], "file-read"),
    (&["PG_READ_FILE("], "file-read"),
    (&["PG_READ_BINARY_FILE("], "file-read"),
    (&["LO_IMPORT("], "file-read"),
    (&["REPLICAOF "], "replication"),
    (&["SLAVEOF "], "replication"),
    (&["CHANGE MASTER TO"], "replication"),
    (&["CREATE USER "], "account"),
    (&["CREATE ROLE "], "account"),
    (&["GRANT ALL"], "account"),
    (&["ALTER ", " SUPERUSER"], "account"),
    (&["DROP DATABASE "], "erase"),
    (&["FLUSHALL"], "erase"),
    (&["DROPDATABASE"], "erase"),
];

/// Returns in a word what makes a statement dangerous, if anything does.
pub fn danger(statement: &str) -> Option<&'static str> {
    let statement = cut::clip(statement, LOOKED_AT);
    // Most statements are harmless: one look for a first word before any copy is made.
    let mut upper = String::with_capacity(statement.len());
    let mut blank = false;
    for c in statement.chars() {
        // Blanks of any kind and number count as one, so that they hide nothing.
        if c.is_ascii_whitespace() {
            if !blank {
                upper.push(' ');
            }
        } else {
            upper.push(c.to_ascii_uppercase());
        }
        blank = c.is_ascii_whitespace();
    }
    let says = |words: &[&str]| {
        let mut rest = upper.as_str();
        words.iter().all(|word| {
            // `SYSTEM ` begins a line of a client, it is no word within a query.
            if *word == "SYSTEM " {
                return rest.starts_with(word);
            }
            let found =
                rest.find(word).and_then(|at| rest.get(at.saturating_add(word.trim_end().len())..));
            rest = found.unwrap_or("");
            found.is_some()
        })
    };
    DANGERS.iter().find(|(words, _)| says(words)).map(|(_, danger)| *danger)
}

/// Adds `danger` to an event if its statement is dangerous.
pub fn judge(event: &mut Event<'_>, statement: &str) {
    if let Some(danger) = danger(statement) {
        event.with("danger", danger);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_from_a_query_to_files_and_programs() {
        for (statement, expected) in [
            ("copy t FROM\n\tprogram 'id'", Some("program")),
            ("COPY t FROM '/tmp/program list'", None),
            ("CREATE FUNCTION sys_exec RETURNS int SONAME 'lib_mysqludf_sys.so'", Some("library")),
            ("select '<?php' into   outfile '/var/www/x.php'", Some("file-write")),
            ("config set dir /root/.ssh/", Some("file-write")),
            ("SELECT load_file('/etc/shadow')", Some("file-read")),
            ("SELECT 1 FROM system WHERE a = 'x'", None),
            ("system id", Some("program")),
            ("", None),
        ] {
            assert_eq!(danger(statement), expected, "{statement}");
        }
    }
}
