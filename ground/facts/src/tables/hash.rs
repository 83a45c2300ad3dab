//! Digests of files that are asked about.

use stanch_machine::FileKind;
use stanch_words::{Ask, Gap, Seen, table_spec};

use crate::digest::{self, Digest};
use crate::{Host, patterns};

table_spec! {
    /// Digests of files.
    pub static SPEC, col = "hash": Files, "Digests of regular files by path, pattern or directory.";
    path Text Required "Absolute path.";
    directory Text Required "Directory of the path.";
    md5 Text Plain "MD5 digest, hexadecimal.";
    sha1 Text Plain "SHA-1 digest, hexadecimal.";
    sha256 Text Plain "SHA-256 digest, hexadecimal.";
    pid_with_namespace Integer Plain "Always 0: only the machine's own root is read.";
    mount_namespace_id Text Plain "Always empty.";
}

/// Hashes each file in one pass, with only the digests that are asked for.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let known = [(col::md5, Digest::Md5), (col::sha1, Digest::Sha1), (col::sha256, Digest::Sha256)];
    let (columns, which): (Vec<usize>, Vec<Digest>) =
        known.into_iter().filter(|(column, _)| ask.wants(*column)).unzip();
    for path in patterns::paths(host, SPEC.name, ask, (col::path, col::directory), seen) {
        let regular = match host.machine().stat(&path) {
            Ok(stat) => stat.kind() == FileKind::Regular,
            Err(miss) => {
                crate::host::note(SPEC.name, &miss, seen);
                false
            }
        };
        if !regular {
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::path, path.as_path())
            .put(col::directory, path.parent().unwrap_or(&path))
            .put(col::pid_with_namespace, 0)
            .put(col::mount_namespace_id, "");
        if !which.is_empty() {
            match digest::of_file(host.machine(), &path, &which) {
                Ok(digests) => {
                    for (&column, digest) in columns.iter().zip(digests) {
                        row.put(column, digest);
                    }
                }
                Err(gap) => seen.gap(Gap { what: SPEC.name.to_owned(), ..gap }),
            }
        }
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::{ColumnSet, Constraint, Op};

    fn look(path: &str, columns: ColumnSet) -> Seen {
        let machine =
            Pretend::new().file("/abc", "abc").link("/link", "abc").file("/no", "x").denied("/no");
        let value = path.into();
        let constraints = vec![Constraint { column: col::path, op: Op::Equal, value }];
        let mut seen = Seen::default();
        let host = Host::new(std::sync::Arc::new(machine));
        read(&host, &Ask { columns, constraints }, &mut seen);
        seen
    }

    #[test]
    fn only_what_is_asked_for_is_computed() {
        let seen = look("/link", ColumnSet(1 << col::path | 1 << col::md5));
        let md5 = seen.rows[0].get(col::md5).as_text();
        assert_eq!(md5, Some("900150983cd24fb0d6963f7d28e17f72"));
        assert!(seen.rows[0].get(col::sha256).is_null());
    }

    #[test]
    fn directories_and_absent_files_give_no_row_and_refusal_is_a_gap() {
        assert_eq!(look("/", ColumnSet::ALL), Seen::default());
        assert_eq!(look("/none", ColumnSet::ALL), Seen::default());
        let seen = look("/no", ColumnSet::ALL);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
    }
}
