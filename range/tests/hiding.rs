//! What hides from a machine's own tools: a preloaded library, tricks in the file system, mounts,
//! and a directory whose blocks hold more than the kernel lists.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

fn findings(document: &Value) -> &[Value] {
    document["findings"].as_array().unwrap()
}

/// Returns the signs above `low` whose finding names something anywhere.
fn signs_of(document: &Value, name: &str) -> BTreeSet<String> {
    findings(document)
        .iter()
        .filter(|finding| !matches!(finding["level"].as_str(), Some("info" | "low")))
        .filter(|finding| finding.to_string().contains(name))
        .map(|finding| finding["sign"].as_str().unwrap().to_owned())
        .collect()
}

fn assert_found(document: &Value, expected: &[(&str, &str)]) {
    let mut missed = Vec::new();
    for (name, sign) in expected {
        let found = signs_of(document, name);
        if !found.contains(*sign) {
            missed.push(format!("{name:?}: expected {sign}, found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Builds the library that hides.
fn library(victim: &Victim) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("hide.c");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hide.so");
    let mut build = Command::new("cc");
    build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&path).arg(&source).arg("-ldl");
    assert!(build.status().unwrap().success());
    victim.put(&path, "/run/range/hide.so").unwrap();
}

#[test]
fn a_preloaded_library_hides_from_the_machines_tools_and_not_from_us() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    library(&victim);
    victim
        .shell(
            "mv /run/range/hide.so /usr/lib/libcache.so; cp /run/range/stand-in /dev/shm/range-hidden-d; \
             echo key=1 >/dev/range-hidden-settings",
        )
        .unwrap();
    let pid = victim.start("hidden", "/dev/shm/range-hidden-d listen 48879").unwrap();
    let look = "ls /dev /dev/shm; ps -e; cat /proc/net/tcp";
    let before = victim.shell(look).unwrap();
    victim.shell("echo /usr/lib/libcache.so >/etc/ld.so.preload").unwrap();
    // The machine's own tools, each with the library in it.
    let after = victim.shell(look).unwrap();
    for shown in ["range-hidden-settings", "range-hidden-d", ":BEEF "] {
        assert!(before.contains(shown), "{shown}: {before}");
        assert!(!after.contains(shown), "{shown}: {after}");
    }
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    assert_found(
        &document,
        &[
            ("/usr/lib/libcache.so", "files.library-hooks-listing"),
            ("/etc/ld.so.preload", "files.loader-preload"),
            ("/dev/range-hidden-settings", "files.file-in-dev"),
            ("/dev/shm/range-hidden-d", "files.program-in-a-temporary-place"),
            (&format!("\"pid\":{pid},"), "processes.program-in-an-odd-place"),
            ("48879", "traffic.foreign-listener"),
        ],
    );
    let hooks = findings(&document)
        .iter()
        .find(|finding| finding["sign"] == "files.library-hooks-listing")
        .unwrap();
    assert_eq!(hooks["level"], "critical");
    assert!(hooks.to_string().contains("readdir64"));
    assert_eq!((&document["verdict"], code), (&Value::from("compromised"), 1));
}

#[test]
fn tricks_in_the_file_system_and_mounts_are_found_by_their_paths() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim
        .shell(
            "mkdir -p '/dev/...' '/usr/lib/.. ' && cp /bin/true '/usr/sbin/crоn' && cp /bin/true '/usr/bin/sshd ' && \
             printf '\\177ELF and more' >/usr/bin/netstatd && chmod 755 /usr/bin/netstatd && touch -r /bin/ls /usr/bin/netstatd && \
             printf '* * * * * root /bin/true\\n' >/etc/cron.d/locked && /run/range/stand-in lock /etc/cron.d/locked && \
             mkdir /mnt/empty && cp /bin/true /mnt/true",
        )
        .unwrap();
    let pid = victim.start("covered", "/run/range/stand-in sleep").unwrap();
    victim
        .shell(&format!(
            "mount -t tmpfs none /var/log; mount --bind /mnt/empty /proc/{pid}; mount --bind /mnt/true /usr/bin/ps"
        ))
        .unwrap();
    let (document, _) = victim.stanch(&["detect"]).unwrap();
    assert_found(
        &document,
        &[
            ("\"path\":\"/dev/...\"", "files.name-that-tricks"),
            ("/usr/lib/.. \"", "files.name-that-tricks"),
            ("/usr/sbin/crоn", "files.name-that-tricks"),
            ("/usr/bin/sshd \"", "files.name-that-tricks"),
            ("/usr/bin/netstatd", "files.time-set"),
            ("/etc/cron.d/locked", "files.locked-implant"),
            ("\"path\":\"/var/log\"", "files.mount-over-a-place"),
            ("\"path\":\"/usr/bin/ps\"", "files.mount-over-a-place"),
            (&format!("\"path\":\"/proc/{pid}\""), "files.mount-over-a-place"),
        ],
    );
}

/// An image of ext4 with a folder in which the kernel stops at a record that it does not believe,
/// and another whose count of links is too high.
fn spoilt_image(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    for name in ["one", "two", "three"] {
        std::fs::create_dir_all(tree.join("blocks")).unwrap();
        std::fs::write(tree.join("blocks").join(format!("entry-{name}")), name).unwrap();
        std::fs::create_dir_all(tree.join("links").join(name)).unwrap();
    }
    let image = folder.join("image");
    let file = std::fs::File::create(&image).unwrap();
    file.set_len(8 << 20).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).arg(&image).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let features = "^metadata_csum,^dir_index,^has_journal";
    run("mkfs.ext4", &["-q", "-O", features, "-d", tree.to_str().unwrap()]);
    run("debugfs", &["-w", "-R", "set_inode_field /links links_count 9"]);
    let mut bytes = std::fs::read(&image).unwrap();
    // A record: inode, length, length of the name, kind, name. The first of the folder gets an
    // inode that cannot be, so the kernel leaves out the rest of the block.
    let first = bytes.windows(6).position(|part| part == b"entry-").unwrap();
    let inode = bytes.get_mut(first - 8..first - 4).unwrap();
    inode.copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    std::fs::write(&image, bytes).unwrap();
    image
}

#[test]
fn names_that_only_the_blocks_hold_and_links_that_nobody_lists_are_found() {
    if !possible() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("stanch-blocks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let image = spoilt_image(&folder);
    let script = "mount -o loop,ro \"$1\" /srv && ls /srv/blocks >&2; \
        exec \"$0\" --json query 'SELECT path, how, what FROM hidden_files'";
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(stanch)
        .arg(&image)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows: Vec<String> = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["path"].as_str().unwrap(), row["how"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, ["/srv/links links", "/srv/blocks blocks"], "{document:#}\n{errors}");
    let blocks = document["rows"][1]["what"].as_str().unwrap();
    for name in ["entry-one", "entry-two", "entry-three"] {
        assert!(blocks.contains(name), "{blocks}");
    }
}
