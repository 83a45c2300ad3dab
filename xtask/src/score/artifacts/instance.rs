//! Instances of paths with wildcards: files that such a path would find.

/// Returns files that a path with wildcards finds: with all classes and stars filled in twice.
pub(super) fn of(pattern: &str) -> Vec<String> {
    let mut all = vec![fill(pattern, Fill::First), fill(pattern, Fill::Last)];
    all.dedup();
    all
}

#[derive(Clone, Copy, PartialEq)]
enum Fill {
    First,
    Last,
}

fn fill(pattern: &str, which: Fill) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                let mut stars = 1;
                while chars.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                // `**` descends, in ForensicArtifacts with a number of levels.
                if stars > 1 {
                    while chars.next_if(char::is_ascii_digit).is_some() {}
                }
                out.push_str(match (stars > 1, which) {
                    (true, Fill::First) => "a",
                    (true, Fill::Last) => "a/b",
                    (false, Fill::First) => "x",
                    (false, Fill::Last) => "y.1-2",
                });
            }
            '?' => out.push('x'),
            '[' => {
                let class: Vec<char> = chars.by_ref().take_while(|&c| c != ']').collect();
                let pick = if which == Fill::First { class.first() } else { class.last() };
                out.extend(pick);
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns the names under which one file may lie: through the usual links, and as they lead.
pub(super) fn names_of(path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    for (link, real) in [
        ("/var/run/", "/run/"),
        ("/var/lock/", "/run/lock/"),
        ("/lib/", "/usr/lib/"),
        ("/lib64/", "/usr/lib64/"),
        ("/run/shm/", "/dev/shm/"),
    ] {
        if let Some(rest) = path.strip_prefix(link) {
            all.push(format!("{real}{rest}"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_filled_in() {
        assert_eq!(of("/a/*.[Ll]og"), ["/a/x.Log", "/a/y.1-2.log"]);
        assert_eq!(of("/**2/x"), ["/a/x", "/a/b/x"]);
        assert_eq!(of("/etc/passwd"), ["/etc/passwd"]);
        assert_eq!(names_of("/var/run/utmp"), ["/var/run/utmp", "/run/utmp"]);
    }
}
