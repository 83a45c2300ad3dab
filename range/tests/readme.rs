//! The output that `README.md` and `README.zh-CN.md` show is what a run prints. To record it
//! anew: `STANCH_RECORD=1 cargo test -p stanch-range --release --test readme`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use stanch_range::{Victim, debian, possible};

const BEGIN: &str = "<!-- recorded output: begin -->\n```\n";
const END: &str = "```\n<!-- recorded output: end -->";

/// The page, the language it is in, and the heading of what depends on the kernel it was run on.
const PAGES: [(&str, &str, &str); 2] =
    [("README.md", "en", "What could not be seen"), ("README.zh-CN.md", "zh", "未能看到的")];

/// Returns what a run prints, up to the end of the first finding's details.
fn recorded(victim: &Victim, lang: &str) -> String {
    let ran = victim.run(&["/run/range/stanch", "--lang", lang, "detect"]).unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    let (told, _) = ran.out.split_once("\nF-0002 ").unwrap();
    format!("{}\n", told.trim_end())
}

/// Returns the words of a text without numbers and without the section that depends on the kernel.
fn lasting(text: &str, kernels: &str) -> String {
    let sections = text.split("\n\n").filter(|section| !section.starts_with(kernels));
    let is_of_a_number = |c: &char| c.is_ascii_digit() || matches!(c, ',' | '.');
    let words: String = sections.flat_map(str::chars).filter(|c| !is_of_a_number(c)).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_recorded_output_is_what_a_run_prints() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    victim
        .shell(
            "hostname web01; echo web01 > /etc/hostname
             cp /run/range/stand-in /usr/sbin/netd; cp /run/range/stand-in /usr/sbin/agentd",
        )
        .unwrap();
    victim.start("netd", "/usr/sbin/netd listen 31337").unwrap();
    victim.start("agentd", "/usr/sbin/agentd sleep").unwrap();
    victim.shell("rm /usr/sbin/agentd").unwrap();
    for (page, lang, kernels) in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (shown, after) = rest.split_once(END).unwrap();
        let run = recorded(&victim, lang);
        if std::env::var_os("STANCH_RECORD").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{run}{END}{after}")).unwrap();
        } else {
            assert_eq!(lasting(shown, kernels), lasting(&run, kernels), "{page}");
        }
    }
}
