//! Files on a server for the web: what a clean one says, what an upgrade and edited configuration
//! leave behind, and what an intruder changes, adds and hides, each found by its path.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints what was found"
)]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use stanch_range::{behind, possible, web_server};

/// A server for the web: its root with a layer over it, if there is one, and a folder over both,
/// which takes what is done and ends with the test.
struct Server {
    folder: PathBuf,
    lower: String,
}

/// Brings the server's files together and goes there.
const MOUNT: &str =
    "mount -t overlay o -o \"lowerdir=$2,upperdir=$1/upper,workdir=$1/work\" \"$1/m\"
    mount --bind /dev \"$1/m/dev\"
    mount -t proc proc \"$1/m/proc\"
    cd \"$1/m\"\n";

/// Looks at it from outside, as at an image.
const LOOK: &str = "cd /; umount \"$1/m/proc\" \"$1/m/dev\"
    exec \"$0\" --json --root \"$1/m\" detect $3";

/// Looks at it from inside, as at a machine that runs.
const LOOK_INSIDE: &str = "mount -t tmpfs none dev && touch dev/null
    mount -t tmpfs none run && cp \"$0\" run/look
    mount -t tmpfs none var/log
    exec chroot . /run/look --json detect $3";

impl Server {
    fn over(name: &str, layers: &[PathBuf]) -> Self {
        let folder = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
        for part in ["upper", "work", "m"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        let layers = layers.iter().cloned().chain([web_server().unwrap()]);
        let layers: Vec<String> = layers.map(|layer| layer.to_string_lossy().into()).collect();
        Self { folder, lower: layers.join(":") }
    }

    fn new(name: &str) -> Self {
        Self::over(name, &[])
    }

    /// Runs a script on the server, then what looks at it. What the script prints is thrown away.
    fn with(&self, script: &str, look: &str, options: &str) -> Value {
        let stanch = stanch_range::binaries().unwrap().join("stanch");
        let root = self.folder.join("m");
        let output = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--propagation", "private", "sh", "-ec"])
            .arg(format!("{MOUNT}( : \n{script}\n ) >&2\n{look}"))
            .arg(stanch)
            .arg(&self.folder)
            .arg(&self.lower)
            .arg(options.replace("ROOT", &root.to_string_lossy()))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let document = serde_json::from_slice(&output.stdout);
        assert!(document.is_ok(), "{errors}");
        document.unwrap()
    }

    /// Runs a script on it, then `stanch detect` on its root.
    fn detect(&self, script: &str, options: &str) -> Value {
        self.with(script, LOOK, options)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What was made immutable must be let go first.
        let _free = Command::new("chattr").args(["-R", "-f", "-i"]).arg(&self.folder).status();
        let _left = std::fs::remove_dir_all(&self.folder);
    }
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

/// Brings the updates that the release has had, as an administrator does, and makes sure that they
/// came.
const UPGRADE: &str =
    "chroot . env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        apt-get -q -y --no-download -o Dpkg::Options::=--force-confold \
        -o Dpkg::Options::=--force-unsafe-io upgrade
    test $(grep -c ' upgrade ' var/log/dpkg.log) -ge 10
    grep ' upgrade nginx-common:' var/log/dpkg.log";

/// Nothing above `low`, nothing that was edited is called a program, and nothing was left unread.
fn assert_clean(document: &Value, what: &str) {
    assert_eq!(above_low(document), Vec::<String>::new(), "{what}");
    assert_eq!(document["verdict"], "clean", "{what}");
    assert!(document["packages"]["machine"].as_u64().unwrap() > 200, "{what}");
}

/// The program and the configuration of one package, both changed, each called what it is.
fn assert_told_apart(document: &Value) {
    let program = signs(document, "/usr/sbin/nginx");
    assert!(program.contains(&"high files.altered-program".to_owned()), "{program:?}");
    let configuration = signs(document, "/etc/nginx/nginx.conf");
    assert!(configuration.iter().all(|sign| sign.starts_with("low")), "{configuration:?}");
    let grave = above_low(document);
    assert!(grave.iter().all(|finding| finding.contains("/usr/sbin/nginx")), "{grave:#?}");
}

const CHANGE: &str = "printf x >> usr/sbin/nginx";

#[test]
fn a_clean_server_and_an_edited_one_have_nothing_above_low() {
    if !possible() {
        return;
    }
    let server = Server::new("clean");
    assert_clean(&server.detect("", ""), "clean");
    assert_clean(&server.detect(EDITS, ""), "edited");
    assert_told_apart(&server.detect(CHANGE, "--only files"));
}

#[test]
fn a_server_after_apt_upgrade_has_nothing_above_low_and_an_altered_program_stands_out() {
    if !possible() {
        return;
    }
    let server = Server::over("upgraded", &[behind().unwrap()]);
    assert_clean(&server.detect(EDITS, ""), "before the upgrade");
    assert_clean(&server.detect(UPGRADE, ""), "after the upgrade");
    assert_told_apart(&server.detect(CHANGE, "--only files"));
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
    let server = Server::new("forged");
    let options = "--only files --trust archive --packages ROOT/srv/packages";
    // Before the deed no package has anything to say against the archive.
    let clean = server.detect("", options);
    assert_eq!(above_low(&clean), Vec::<String>::new());
    let believed = server.detect(FORGED, "--only files");
    assert_eq!(signs(&believed, "/usr/bin/passwd"), Vec::<String>::new());
    let compared = server.detect("", options);
    assert_eq!(signs(&compared, "/usr/bin/passwd"), ["high files.altered-program"]);
    let packages = &compared["packages"];
    assert!(packages["archive"].as_u64().unwrap() >= 4, "{packages}");
    let unproven = packages["unproven"].as_array().unwrap();
    assert!(
        !unproven.iter().any(|name| name.as_str().unwrap().starts_with("passwd:")),
        "{unproven:?}"
    );
}

/// What is done: a script, the path by which it must be found, and the signs that must name it.
const DEEDS: &[(&str, &str, &[&str])] = &[
    (
        "cp usr/bin/true usr/lib/x86_64-linux-gnu/libsystem.so.2
         printf own >> usr/lib/x86_64-linux-gnu/libsystem.so.2",
        "/usr/lib/x86_64-linux-gnu/libsystem.so.2",
        &["low files.program-of-nobody"],
    ),
    (
        "cp usr/bin/true usr/lib/x86_64-linux-gnu/libnss_sys.so.2
         printf own >> usr/lib/x86_64-linux-gnu/libnss_sys.so.2",
        "/usr/lib/x86_64-linux-gnu/libnss_sys.so.2",
        &["medium files.login-checks-opened"],
    ),
    (
        "cp bin/dash usr/bin/ntpsync && chmod 4755 usr/bin/ntpsync",
        "/usr/bin/ntpsync",
        &["critical files.set-id-of-nobody"],
    ),
    (
        "cp usr/bin/python3.11 usr/local/bin/pyhelper
         setcap cap_setuid=ep usr/local/bin/pyhelper",
        "/usr/local/bin/pyhelper",
        &["high files.capability-of-nobody"],
    ),
    (
        "mkdir -p var/lib/wordpress/wp-content/uploads/2019/03
         echo '<?php if (isset($_POST[\"c\"])) { system($_POST[\"c\"]); } ?>' \
            > var/lib/wordpress/wp-content/uploads/2019/03/thumb.php
         touch -d '2019-03-04 10:11:12' var/lib/wordpress/wp-content/uploads/2019/03/thumb.php",
        "/var/lib/wordpress/wp-content/uploads/2019/03/thumb.php",
        &["high files.web-shell", "low files.time-set"],
    ),
    (
        "echo 'import os; os.system(\"/usr/bin/true\")' > usr/lib/python3/dist-packages/zz_site.pth",
        "/usr/lib/python3/dist-packages/zz_site.pth",
        &["medium files.telling-language-hook"],
    ),
    (
        "cp usr/lib/x86_64-linux-gnu/security/pam_permit.so \
            usr/lib/x86_64-linux-gnu/security/pam_session.so
         printf own >> usr/lib/x86_64-linux-gnu/security/pam_session.so",
        "/usr/lib/x86_64-linux-gnu/security/pam_session.so",
        &["medium files.login-checks-opened"],
    ),
    (
        "echo '* * * * * root /var/tmp/.u/run' > etc/cron.d/php-clean
         chattr +i etc/cron.d/php-clean",
        "/etc/cron.d/php-clean",
        &["medium files.locked-implant", "high files.telling-cron-job"],
    ),
];

/// Returns what was not found by its path with its sign.
fn missed(document: &Value, deeds: &[(&str, &str, &[&str])]) -> Vec<String> {
    let mut missed = Vec::new();
    for (_, path, expected) in deeds {
        let signs = signs(document, path);
        eprintln!("{path}: {signs:?}");
        let absent = expected.iter().filter(|sign| !signs.iter().any(|found| found == *sign));
        missed.extend(absent.map(|sign| format!("{path}: {sign}, found {signs:?}")));
    }
    missed
}

#[test]
fn what_an_intruder_does_is_found_by_its_path_and_sign_in_an_image_and_on_a_live_machine() {
    if !possible() {
        return;
    }
    let server = Server::new("deeds");
    let scripts: Vec<&str> = DEEDS.iter().map(|deed| deed.0).collect();
    let image = server.detect(&scripts.join("\n"), "--only files,processes,logs");
    assert_eq!(missed(&image, DEEDS), Vec::<String>::new());
    assert_eq!(image["verdict"], "compromised");
    let live = server.with("", LOOK_INSIDE, "--only files");
    assert_eq!(missed(&live, DEEDS), Vec::<String>::new());
    let over = ("", "\"/var/log\"", &["high files.mount-over-a-place"][..]);
    assert_eq!(missed(&live, &[over]), Vec::<String>::new());
    assert_eq!(live["verdict"], "compromised");
}
