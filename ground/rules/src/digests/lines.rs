//! Lists of lines: a digest and what it is known as, in columns or not.

use stanch_words::Algorithm;

use super::{Digests, named, of_length};

pub(super) fn read(digests: &mut Digests, file: &str, text: &str) {
    // `b3sum` writes as `sha256sum` does, so that only the list's name tells them apart.
    let file = file.to_ascii_lowercase();
    let is_blake3 = file.contains("blake3") || file.ends_with(".b3") || file.ends_with(".b3sum");
    let mut columns: Vec<Option<Algorithm>> = Vec::new();
    for (line, number) in text.lines().zip(1_u64..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let is_mark = |c: char| matches!(c, ',' | ';' | '\t' | '|') || c.is_whitespace();
        let fields: Vec<&str> = if line.contains([',', ';', '\t']) {
            line.split([',', ';', '\t']).collect()
        } else {
            line.splitn(2, is_mark).collect()
        };
        let fields: Vec<&str> =
            fields.into_iter().map(|field| field.trim().trim_matches('"').trim()).collect();
        let mut found: Vec<(Algorithm, &str)> = Vec::new();
        let mut what = "";
        for (at, field) in fields.iter().enumerate() {
            let column = columns.get(at).copied().flatten();
            let prefixed =
                field.split_once(':').and_then(|(name, rest)| Some((named(name)?, rest)));
            match (prefixed, column, of_length(field)) {
                (Some((algorithm, digest)), ..) => found.push((algorithm, digest)),
                // A column may be empty where this digest is not known.
                (None, Some(_), _) if field.is_empty() => {}
                (None, Some(algorithm), _) => found.push((algorithm, field)),
                (None, None, Some(Algorithm::Sha256)) if is_blake3 => {
                    found.push((Algorithm::Blake3, field));
                }
                (None, None, Some(algorithm)) => found.push((algorithm, field)),
                (None, None, None) if what.is_empty() => what = field,
                (None, None, None) => {}
            }
        }
        // The first line of a CSV names its columns.
        if found.is_empty() && columns.is_empty() {
            let names: Vec<Option<Algorithm>> = fields.iter().map(|field| named(field)).collect();
            if names.iter().any(Option::is_some) {
                columns = names;
                continue;
            }
        }
        if found.is_empty() && number > 1 {
            let (en, zh) = (
                "no MD5, SHA-1, SHA-256 or BLAKE3 in it",
                "其中没有 MD5、SHA-1、SHA-256 或 BLAKE3",
            );
            digests.complain(Some(number), en, zh);
        }
        for (algorithm, digest) in found {
            digests.add(algorithm, digest, what.trim_start_matches('*'), Some(number));
        }
    }
}
