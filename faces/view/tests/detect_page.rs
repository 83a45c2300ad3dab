//! The page of `detect`, word for word, in both languages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use insta::assert_snapshot;
use stanch_incident::identity::{self, Identity};
use stanch_incident::{Bases, Blind, Compared, Detection, LookedAt};
use stanch_view::pages::detect::{Answered, Place, page};
use stanch_view::{Look, documents, width};
use stanch_words::{
    Both, Class, Evidence, Finding, Gap, GapKind, Lang, Level, Subject, SubjectKind, Verdict,
};

/// A running machine without ids.
const LIVE: Identity = Identity { look: identity::Look::Live, machine: None, boot: None };

fn finding(number: i64, sign: &str, level: Level, title: (&str, &str)) -> Finding {
    Finding {
        id: format!("F-{number:04}"),
        sign: sign.into(),
        category: "processes".into(),
        level,
        confidence: 0.9,
        class: Class::State,
        title: Both::new(title.0, title.1),
        seen: Both::new(
            format!("Process {number} runs `/tmp/.x`, which is deleted."),
            format!("进程 {number} 正在运行 `/tmp/.x`，而该文件已被删除。"),
        ),
        why: Both::new("No scan of the disk finds it.", "扫描磁盘找不到它。"),
        innocent_when: Both::new("An upgrade replaced the file.", "软件升级替换了文件。"),
        todo: Both::new("Keep a copy of the image.", "先保存映像的副本。"),
        next: vec![format!("stanch query \"SELECT * FROM processes WHERE pid = {number}\"")],
        subject: Subject {
            pid: Some(number),
            path: Some("/tmp/.x".into()),
            ..Subject::new(SubjectKind::Process)
        },
        attack: vec!["T1070.004".into()],
        first_seen: None,
        evidence: vec![Evidence {
            source: format!("/proc/{number}/exe"),
            excerpt: "/tmp/.x (deleted)".into(),
            ..Evidence::default()
        }],
    }
}

fn denied(table: &str, path: &str) -> Blind {
    let gap = Gap::new(table, GapKind::Denied, "Permission denied (os error 13)").at(path);
    Blind { gap, signs: vec![Both::new("An account has no password", "账户没有密码")] }
}

fn broken_into() -> Detection {
    let mut findings = vec![finding(
        1,
        "logs.second-root-account",
        Level::Critical,
        ("A second account is root", "存在第二个 root 权限账户"),
    )];
    let eve = findings.first_mut().unwrap();
    eve.subject = Subject { name: Some("eve".into()), ..Subject::new(SubjectKind::Account) };
    eve.seen = Both::new("Account `eve` has uid 0.", "账户 `eve` 的 uid 为 0。");
    eve.evidence = vec![Evidence {
        source: "/etc/passwd".into(),
        excerpt: "eve:x:0:0::/root:/bin/sh".into(),
        line: Some(12),
        ..Evidence::default()
    }];
    let deleted = ("A running program has no file", "运行中的程序文件已被删除");
    findings.extend((2..42).map(|n| finding(n, "processes.deleted-program", Level::High, deleted)));
    let library = finding(
        42,
        "processes.odd-library",
        Level::Medium,
        (
            "A daemon has loaded a library that belongs to no package",
            "守护进程加载了不属于任何软件包的库",
        ),
    );
    findings.push(Finding {
        subject: Subject {
            path: Some("/usr/lib/x86_64-linux-gnu/security/pam_unix_new_really_long.so".into()),
            ..Subject::new(SubjectKind::File)
        },
        ..library
    });
    findings.push(finding(43, "logs.note", Level::Info, ("A note", "备注")));
    Detection {
        verdict: Verdict::Compromised,
        confidence: 0.9994,
        findings,
        gaps: vec![
            denied("shadow", "/etc/shadow"),
            denied("process_open_files", "/proc/1/fd"),
            denied("process_open_files", "/proc/2/fd"),
            Blind { gap: Gap::new("bpf_programs", GapKind::Refused, ""), signs: Vec::new() },
        ],
        would_change: vec![Both::new(
            "If F-0001 proves innocent, the verdict falls to suspicious.",
            "若 F-0001 证实无害，结论将降为可疑。",
        )],
        looked_at: LookedAt { tables: 41, rows: 18_230, events: 0, files: 0, signs: 131 },
        bases: Bases::default(),
    }
}

fn clean() -> Detection {
    let mut detection = broken_into();
    detection.verdict = Verdict::Clean;
    detection.confidence = 0.95;
    detection.findings.retain(|finding| finding.level <= Level::Low);
    detection.gaps.clear();
    detection.would_change.clear();
    detection
}

fn text(detection: &Detection, look: Look) -> String {
    page(
        &Answered { host: "web01", identity: &LIVE, place: Place::Live, took_ms: 1234, detection },
        look,
    )
}

/// The first screen, without the details.
fn screen(detection: &Detection, lang: Lang) -> String {
    let text = text(detection, Look::plain(lang));
    let end = text.find("\nDetails\n").or_else(|| text.find("\n详情\n"));
    text.split_at(end.unwrap()).0.to_owned()
}

#[test]
fn a_break_in_in_english() {
    assert_snapshot!(text(&broken_into(), Look::plain(Lang::En)), @r#"
    COMPROMISED  web01 has been broken into (99 % sure)
    Judged by 131 signs over 18,230 rows of 41 tables in 1.2 s.

    Findings
      F-0001  critical  A second account is root              account eve
      F-0002  high      A running program has no file         40 processes: 2, 3, …
      F-0042  medium    A daemon has loaded a library that belongs to no package
                        …r/lib/x86_64-linux-gnu/security/pam_unix_new_really_long.so
      1 note, no sign of a break-in by itself; --all shows it

    Next
      Leave it running: what is in memory is evidence. Use its passwords and keys
      nowhere else. In this order; if the intruder is at work right now, 2 before 1:
      1. stanch preserve -o web01.tar.gz   keeps the evidence
      2. stanch contain plan               how to cut the intruder off
      3. stanch eradicate plan             what to clear away, last of all
        stanch query "SELECT * FROM processes WHERE pid = 1"

    What would change the verdict
      If F-0001 proves innocent, the verdict falls to suspicious.

    What could not be seen
      permission denied; run as root to see it: process_open_files ×2, shadow; 1
      sign judged in part
      the kernel refuses it even to root: bpf_programs

    Details

    F-0001 critical  A second account is root
      seen      Account `eve` has uid 0.
      why       No scan of the disk finds it.
      innocent  An upgrade replaced the file.
      next      Keep a copy of the image.
                stanch query "SELECT * FROM processes WHERE pid = 1"
      evidence  /etc/passwd:12  eve:x:0:0::/root:/bin/sh
      sign      logs.second-root-account, 90 % sure, ATT&CK T1070.004

    F-0002 high  A running program has no file
      seen      F-0002 Process 2 runs `/tmp/.x`, which is deleted.
                F-0003 Process 3 runs `/tmp/.x`, which is deleted.
                F-0004 Process 4 runs `/tmp/.x`, which is deleted.
                F-0005 Process 5 runs `/tmp/.x`, which is deleted.
                F-0006 Process 6 runs `/tmp/.x`, which is deleted.
                and 35 more (--all shows them): 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                17, 18, 19, 20, 21, 22, 23, 24, 25, 26, …
      why       No scan of the disk finds it.
      innocent  An upgrade replaced the file.
      next      Keep a copy of the image.
                stanch query "SELECT * FROM processes WHERE pid = 2"
      evidence  /proc/2/exe  /tmp/.x (deleted)
                /proc/3/exe  /tmp/.x (deleted)
                /proc/4/exe  /tmp/.x (deleted)
                /proc/5/exe  /tmp/.x (deleted)
                /proc/6/exe  /tmp/.x (deleted)
      sign      processes.deleted-program, 90 % sure, ATT&CK T1070.004

    F-0042 medium  A daemon has loaded a library that belongs to no package
      seen      Process 42 runs `/tmp/.x`, which is deleted.
      why       No scan of the disk finds it.
      innocent  An upgrade replaced the file.
      next      Keep a copy of the image.
                stanch query "SELECT * FROM processes WHERE pid = 42"
      evidence  /proc/42/exe  /tmp/.x (deleted)
      sign      processes.odd-library, 90 % sure, ATT&CK T1070.004
    "#);
}

#[test]
fn a_break_in_in_chinese() {
    assert_snapshot!(text(&broken_into(), Look::plain(Lang::Zh)), @r#"
    已被入侵  web01 已有入侵者（把握 99%）
    按 131 项迹象判断，查看 41 张表共 18,230 行，用时 1.2 秒。

    发现
      F-0001  严重  存在第二个 root 权限账户            账户 eve
      F-0002  高    运行中的程序文件已被删除            40 个进程：2、3、4、5、6、…
      F-0042  中    守护进程加载了不属于任何软件包的库  …pam_unix_new_really_long.so
      另有 1 条备注，单独不说明入侵；用 --all 显示

    下一步
      不要关机：内存中的内容就是证据。这台机器上的密码和密钥不要再用于别处。按此顺序
      进行；若入侵者此刻正在活动，先 2 后 1：
      1. stanch preserve -o web01.tar.gz   保全证据
      2. stanch contain plan               断网方案
      3. stanch eradicate plan             清除方案，最后进行
        stanch query "SELECT * FROM processes WHERE pid = 1"

    什么会改变结论
      若 F-0001 证实无害，结论将降为可疑。

    未能看到的
      权限不足；请以 root 运行：process_open_files ×2、shadow；1 项迹象只能部分判断
      内核拒绝，root 也不行：bpf_programs

    详情

    F-0001 严重  存在第二个 root 权限账户
      见到    账户 `eve` 的 uid 为 0。
      要紧    扫描磁盘找不到它。
      无害    软件升级替换了文件。
      下一步  先保存映像的副本。
              stanch query "SELECT * FROM processes WHERE pid = 1"
      证据    /etc/passwd:12  eve:x:0:0::/root:/bin/sh
      迹象    logs.second-root-account，把握 90%，ATT&CK T1070.004

    F-0002 高  运行中的程序文件已被删除
      见到    F-0002 进程 2 正在运行 `/tmp/.x`，而该文件已被删除。
              F-0003 进程 3 正在运行 `/tmp/.x`，而该文件已被删除。
              F-0004 进程 4 正在运行 `/tmp/.x`，而该文件已被删除。
              F-0005 进程 5 正在运行 `/tmp/.x`，而该文件已被删除。
              F-0006 进程 6 正在运行 `/tmp/.x`，而该文件已被删除。
              另有 35 个（用 --all 显示）：7、8、9、10、11、12、13、14、15、16、17、
              18、19、20、21、22、23、24、25、26……
      要紧    扫描磁盘找不到它。
      无害    软件升级替换了文件。
      下一步  先保存映像的副本。
              stanch query "SELECT * FROM processes WHERE pid = 2"
      证据    /proc/2/exe  /tmp/.x (deleted)
              /proc/3/exe  /tmp/.x (deleted)
              /proc/4/exe  /tmp/.x (deleted)
              /proc/5/exe  /tmp/.x (deleted)
              /proc/6/exe  /tmp/.x (deleted)
      迹象    processes.deleted-program，把握 90%，ATT&CK T1070.004

    F-0042 中  守护进程加载了不属于任何软件包的库
      见到    进程 42 正在运行 `/tmp/.x`，而该文件已被删除。
      要紧    扫描磁盘找不到它。
      无害    软件升级替换了文件。
      下一步  先保存映像的副本。
              stanch query "SELECT * FROM processes WHERE pid = 42"
      证据    /proc/42/exe  /tmp/.x (deleted)
      迹象    processes.odd-library，把握 90%，ATT&CK T1070.004
    "#);
}

#[test]
fn nothing_found() {
    assert_snapshot!(text(&clean(), Look::plain(Lang::En)), @r"
    CLEAN  no sign of a break-in on web01 (95 % sure)
    Judged by 131 signs over 18,230 rows of 41 tables in 1.2 s.
    1 note, no sign of a break-in by itself; --all shows it
    ");
    assert_snapshot!(text(&clean(), Look::plain(Lang::Zh)), @r"
    未见入侵  web01 上没有发现入侵迹象（把握 95%）
    按 131 项迹象判断，查看 41 张表共 18,230 行，用时 1.2 秒。
    另有 1 条备注，单独不说明入侵；用 --all 显示
    ");
}

#[test]
fn nothing_found_but_not_everything_seen() {
    let mut detection = clean();
    detection.gaps = vec![denied("shadow", "/etc/shadow")];
    detection.findings.clear();
    assert_snapshot!(text(&detection, Look::plain(Lang::En)), @r"
    CLEAN  no sign of a break-in on web01, as far as could be seen (95 % sure)
    Judged by 131 signs over 18,230 rows of 41 tables in 1.2 s.

    What could not be seen
      permission denied; run as root to see it: shadow; 1 sign judged in part
    ");
    let all = Look { all: true, ..Look::plain(Lang::Zh) };
    assert_snapshot!(text(&detection, all), @r"
    未见入侵  就所能看到的，web01 上没有入侵迹象（把握 95%）
    按 131 项迹象判断，查看 41 张表共 18,230 行，用时 1.2 秒。

    未能看到的
      权限不足；请以 root 运行：shadow；1 项迹象只能部分判断
        shadow  /etc/shadow  权限不足（os error 13）
    ");
}

#[test]
fn however_much_is_found_the_first_part_is_one_screen() {
    let mut detection = broken_into();
    detection.findings = (1..=200)
        .map(|n| {
            finding(
                n,
                &format!("processes.s{n}"),
                Level::High,
                ("A long title that goes on and on and on", "很长的标题，长到占去大半行还不算完呢"),
            )
        })
        .collect();
    detection.gaps = (0..500).map(|n| denied(&format!("table_{n}"), "/x")).collect();
    for lang in [Lang::En, Lang::Zh] {
        let screen = screen(&detection, lang);
        assert!(screen.lines().count() <= 30, "{screen}");
        for line in screen.lines().filter(|line| !line.contains("SELECT")) {
            assert!(width::of(line) <= 80, "{line}");
        }
    }
}

#[test]
fn with_all_every_subject_every_note_and_every_gap_is_told() {
    let text = text(&broken_into(), Look { all: true, ..Look::plain(Lang::En) });
    for finding in broken_into().findings {
        assert!(text.contains(&finding.id), "{} is missing", finding.id);
    }
    for path in ["/etc/shadow", "/proc/1/fd", "/proc/2/fd"] {
        assert!(text.contains(path), "{path} is missing");
    }
}

#[test]
fn a_hostile_name_neither_drives_the_terminal_nor_forges_a_line() {
    let mut detection = broken_into();
    let hostile = "a\u{1b}]0;x\u{7}\nCLEAN\u{202e}\u{9b}2J";
    let only = detection.findings.first_mut().unwrap();
    only.subject.name = Some(hostile.into());
    only.subject.path = Some(hostile.into());
    only.seen = Both::new(hostile, hostile);
    only.next = vec![hostile.into()];
    let evidence =
        Evidence { source: hostile.into(), excerpt: hostile.into(), ..Evidence::default() };
    only.evidence = vec![evidence];
    detection.gaps = vec![denied(hostile, hostile)];
    for lang in [Lang::En, Lang::Zh] {
        let look = Look { all: true, ..Look::plain(lang) };
        let text = page(
            &Answered {
                host: hostile,
                identity: &LIVE,
                place: Place::Live,
                took_ms: 1,
                detection: &detection,
            },
            look,
        );
        let driven = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(driven), "{text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("CLEAN")), "{text}");
    }
}

#[test]
fn colour_is_never_the_only_carrier() {
    let coloured = text(&broken_into(), Look { colour: true, ..Look::plain(Lang::En) });
    let mut plain = String::new();
    let mut parts = coloured.split("\u{1b}[");
    plain.push_str(parts.next().unwrap());
    parts.for_each(|part| plain.push_str(part.split_once('m').unwrap().1));
    let spaces = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(spaces(&plain), spaces(&text(&broken_into(), Look::plain(Lang::En))));
}

#[test]
fn the_document_has_all_findings_and_gaps_in_the_language_asked() {
    let detection = broken_into();
    let answered = Answered {
        host: "web01",
        identity: &LIVE,
        place: Place::Live,
        took_ms: 1234,
        detection: &detection,
    };
    let document = documents::detect(&answered, Look::plain(Lang::Zh));
    assert_eq!(document.findings.len(), detection.findings.len());
    assert_eq!(document.gaps.len(), 4);
    let first = document.findings.first().unwrap();
    assert_eq!(
        (first.title.as_str(), first.level.as_str()),
        ("存在第二个 root 权限账户", "critical")
    );
    assert_eq!(
        (first.entity.kind.as_str(), first.entity.name.as_deref()),
        ("account", Some("eve"))
    );
    let gap = document.gaps.first().unwrap();
    assert_eq!(
        (gap.kind.as_str(), gap.partial, gap.matters.as_str()),
        ("denied", true, "1 项迹象未能完整判断")
    );
}

#[test]
fn what_claims_about_packages_rest_on_is_told_and_how_to_prove_them() {
    let section = |bases: Bases, lang: Lang| {
        let text = text(&Detection { bases, ..clean() }, Look::plain(lang));
        text.split_once("\n\n").unwrap().1.to_owned()
    };
    let machine: Vec<String> = ["bash:amd64=5.2-1", "passwd:amd64=1:4.13"].map(Into::into).into();
    let lists = Bases { machine: machine.clone(), ..Bases::default() };
    assert_snapshot!(section(lists.clone(), Lang::En), @r#"
    What claims about packages rest on
      The lists of the machine itself, which root can write (2 packages). Compare
      with what the distribution shipped:
        stanch detect --trust archive
    "#);
    assert_snapshot!(section(lists, Lang::Zh), @r#"
    对软件包的判断依据什么
      机器自己的清单，root 可以改写（2 个软件包）。要与发行版所发布的内容对比：
        stanch detect --trust archive
    "#);
    let compared = Bases {
        compared: true,
        archive: 470,
        brought: 3,
        machine,
        files: Compared { files: 9200, left: 31_000 },
    };
    assert_snapshot!(section(compared.clone(), Lang::En), @r#"
    What claims about packages rest on
      470 packages: files that the distribution signed for. 3: package files that
      you brought. 2: the lists of the machine itself, which root can write.
      9,200 files were compared. 31,000 were not read, since nothing has touched
      them since their packages came; `--deep` reads them.
      To prove those, download them on a clean machine and give the folder with
      `--packages`:
        apt-get download bash:amd64=5.2-1 passwd:amd64=1:4.13
    "#);
    assert_snapshot!(section(compared, Lang::Zh), @r#"
    对软件包的判断依据什么
      470 个软件包依据发行版签过名的文件，3 个依据您带来的软件包，2 个只依据机器自己
      的清单（root 可以改写）。
      已对比 9,200 个文件，另有 31,000 个自软件包安装后未变动，没有读取，`--deep` 会
      读取。
      要证实这些软件包，请在干净的机器上下载，再用 `--packages` 给出目录：
        apt-get download bash:amd64=5.2-1 passwd:amd64=1:4.13
    "#);
}
