//! What to look for in requests. // list:
//!
//! All patterns are in lower case and are found in any case. A pattern that an ordinary site
//! might answer counts only where the answer says that there is no such thing.

use super::Attack::{self, *};

/// Where and when a pattern counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Anywhere.
    Always,
    /// In the path.
    Path,
    /// After `?`.
    Query,
    /// In the path, and the answer was 400, 404 or 410, or is not known.
    Missing,
    /// In the path, and the answer was 404 or 410, or is not known.
    Gone,
}

/// One pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) class: Attack,
    pub(super) when: When,
}

macro_rules! patterns {
    ($($class:ident $when:ident: $($text:literal),+ $(,)?;)+) => {
        &[$($(Pattern { text: $text, class: $class, when: When::$when },)+)+]
    };
}

/// In a request's target.
pub(super) static TARGETS: &[Pattern] = patterns! {
    Log4Shell Always: "${jndi:", "jndi:ldap", "jndi:rmi", "jndi:dns", "${${", "${::-", "${lower:",
        "${upper:", "${env:";
    Shellshock Always: "() {", "(){";
    Command Query: ";wget ", ";curl ", "; wget ", "; curl ", "|wget ", "|curl ", "| wget ", "| curl ",
        "`wget ", "`curl ", "$(wget", "$(curl", "&&wget", "&&curl", "&& wget", "&& curl",
        "wget http", "curl http", "/bin/sh", "/bin/bash", "cmd.exe", "powershell -", "powershell.exe", "chmod 777",
        "chmod +x", "chmod 0777", ";busybox", "/busybox", ";id;", "$(id)", "`id`", ";id ",
        "; id", "uname -a", ";uname", "|uname", "cat /etc", "/dev/tcp/", "nc -e", "rm -rf",
        "bash -i", "bash -c", "sh -c ", "python -c", "perl -e", "php -r", "killall -", "tftp -g",
        "cd /tmp", "/tmp/", ";echo ", "|echo ", "$(sleep", "`sleep", ";sleep", "|sleep",
        "${ifs}", ";whoami", "|whoami", "`whoami", "$(whoami", "ping -c", "nslookup ", "base64 -d", "|sh", "| sh", "|bash", "| bash";
    // Shells reached through a path (CVE-2021-41773, CVE-2021-42013).
    Command Path: "/bin/sh", "/bin/bash", "/bin/id", "cmd.exe", "cd /tmp", ";wget",
        "wget http", "`wget", "$(wget", "busybox", "|wget", "powershell.exe";
    Code Always: "allow_url_include", "auto_prepend_file", "auto_append_file", "php://input",
        "<?php", "<?=", "java.lang.runtime@", "getruntime(", "processbuilder(", "@java.lang",
        "ognl.", "#_memberaccess", "class.module.classloader", "__import__(",
        "call_user_func", "invokefunction", "shell_exec(", "passthru(", "proc_open(", "popen(",
        "fromcharcode(eval", "eval(base64", "{{7*7}}", "${7*7}", "#{7*7}", "{{config", "__globals__",
        "__subclasses__", "scriptenginemanager", "freemarker.template", "data://text",
        "expect://", "phar://", "zip://", "${(#", "%{(#", "$%7b(", "eval-stdin.php", "${\"",
        "${(\"", "${@print", "{${", "constructor.constructor";
    Code Query: "system(", "phpinfo(", "eval(", "assert(", "base64_decode(", "file_put_contents(",
        "fwrite(", "exec(", "md5(1", "print(md5", "die(md5", "die(@md5";
    Traversal Always: "..;/", "/..%2f", "..%5c", "%2e%2e", "..%00", "....//", "/.%2e";
    FileRead Always: "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/etc/issue",
        "/etc/sudoers", "/etc/crontab", "/etc/nginx/", "/etc/apache2/", "/proc/self/",
        "/proc/version", "win.ini", "boot.ini", "system32/", "windows/system",
        "web-inf/web.xml", "meta-inf/", "php://filter", "file:///", "/root/.", "wp-config.php&",
        "file=wp-config", "/var/log/", "169.254.169.254", "metadata.google";
    Sql Always: "information_schema", "union select", "union all select", "union distinct select",
        "load_file(", "pg_sleep(", "waitfor delay", "xp_cmdshell", "into outfile", "into dumpfile",
        "extractvalue(", "updatexml(", "concat(0x", "@@version", "dbms_pipe", "utl_inaddr",
        "randomblob(", "rlike sleep", ",null,null", "' or '1'='1", "' or 1=1", "\" or 1=1",
        "or 1=1--", "or 1=1#", " and 1=1", "and 1=2", "'or'1'='1", "or '1'='1", "1' order by",
        "sqlite_master", "select * from", "select count(", "case when (", "dbms_lock", "group_concat(",
        "ctxsys.drithsx", "sysdate()", "or sleep(", "; drop table", ";drop table", "0'xor(", "xor(if(";
    Sql Query: "benchmark(", "substr(", "substring(", "selectchar(", "||chr(", "distinct(", "sleep(",
        "upper(", " hex(", "=hex(", "md5(", "' and '", "')--", "';--", "'--", "char(", "ascii(", "chr(";
    KnownExploit Always: "/boaform/", "/hnap1", "/gponform/", "/tmunblock.cgi", "/goform/set",
        "next_file=netgear", "/cgi-bin/luci/;stok", "/cgi-bin/kerbynet", "/_ignition/execute-solution",
        "/wls-wsat/", "/_async/asyncresponseservice", "/tmui/login.jsp/..", "/mgmt/tm/util/bash",
        "/remote/fgt_lang", "/dana-na/../", "/vpns/portal", "/vpn/../", "/ecp/default.flt",
        "/autodiscover.json?@", "/autodiscover.json?a=", "/webtools/control/xmlrpc",
        "/actuator/gateway/routes/", "/api/jsonws/invoke", "/invoker/jmxinvoker",
        "/invoker/ejbinvoker", "/setup/setupadministrator", "/server-info.action?",
        "/nice%20ports", "/nice ports,", "/trinity.txt", "/think\\app", "s=/index/\\think",
        "/druid/indexer/v1/sampler", "/solr/admin/info/", "/ws/v1/cluster/apps/new-application",
        "/cgi-bin/nobody/", "/board.cgi?", "/setup.cgi?", "/login.cgi?cli=", "/mainfunction.cgi",
        "/evox/about", "/sdk/../", "/hedwig.cgi", "/getcfg.php", "/device.rsp?", "/stssys.htm",
        "/cgi-bin/viewlog.asp", "/cgi-bin/mainfunction", "/picsdesc.xml", "/wanipcn.xml",
        "/nmaplowercheck", "/hudson/script", "/jars/upload", "/_users/org.couchdb",
        "/struts2-showcase", "/seeyon/", "/uddiexplorer/", "/cgi-bin/php?", "/cgi-bin/php5?",
        "/phpunit/src/util/", "/phpunit/util/", "revslider_show_image", "/wp-file-manager/lib/php/",
        "/globalprotect/", "/sslmgr", "/php-cgi/php-cgi.exe", "/../../", "/catalog-portal/ui/oauth",
        "/owa/auth/x.js", "/cf_scripts/", "/cfide/administrator", "/versa/login",
        "/geoserver/wfs?", "/securityrealm/user/admin/descriptorbyname", "/tos/index.php?explorer";
    KnownExploit Missing: "/solr/", "/actuator/", "/jmx-console", "/web-console", "/containers/json",
        "/manager/html", "/manager/text", "/telescope/requests", "/nacos/v1",
        "/geoserver/", "/druid/", "/setup.php", "/goform/", "/system_api.php",
        "/api/v1/pods", "/v1/agent/self", "/hudson", "/jenkins/",
        "/login.action", "/vendor/phpunit", "/thinkphp", "/ckeditor/", "/fckeditor/", "/elfinder/",
        "/timthumb.php", "/uploadify", "/kcfinder/", "/revslider", "/jquery-file-upload",
        "/dup-installer", "/wp-file-manager/";
    WebShell Gone: "/shell.php", "/wso.php", "/c99.php", "/r57.php", "/b374k", "/webshell",
        "/cmd.php", "/up.php", "/alfa.php", "/alfanew", "/alfacgiapi", "/alfa_data", "/mini.php",
        "/marijuana", "/0x.php", "/wp-22.php", "/radio.php", "/xleet", "/leafmailer", "/gel4y",
        "/indoxploit", "/priv8", "/bypass.php", "/backdoor", "/sh.php", "/shell20", "/fm.php",
        "/doc.php", "/wp-conflg.php", "/lock360.php", "/cmd.jsp", "/shell.jsp", "/cmd.aspx",
        "/about.php7", "/autoload_classmap.php", "/wp-admin/css/colors/blue/", "/moon.php",
        "/class.api.php", "/simple.php", "/olux.php", "/ws.php", "/chosen.php", "/wp_wrong_datlib";
    Secret Always: "/.git/", "/.git-credentials", "/.svn/entries", "/.svn/wc.db", "/.hg/store", "/.aws/",
        "/.ssh/", "/.bash_history", "/.mysql_history", "/id_rsa", "/id_ed25519", "/wp-config.php.",
        "/wp-config.php~", "/wp-config.bak", "/.wp-config", "/config.php.bak", "/.env", "/.docker/config",
        "/.dockercfg", "/.kube/config", "/.netrc", "/.pgpass", "/.htpasswd", "/web.config.bak",
        "/configuration.php.bak", "/configuration.php-", "/.npmrc", "/sftp-config.json",
        "/.vscode/sftp", "/.ftpconfig", "/.remote-sync";
    Secret Missing: "/.svn", "/.hg", "/.ds_store", "/.htaccess", "/.vscode/", "/.idea/", "/phpinfo",
        "/info.php", "/test.php", "/backup.sql", "/dump.sql", "/database.sql", "/db.sql", "/mysql.sql",
        ".sql.gz", ".sql.zip", "/backup.zip", "/backup.tar", "/www.zip", "/wwwroot.", "/web.zip",
        "/credentials", "/docker-compose.y", "/server-status", "/config.yml",
        "/secrets.", "/application.properties", "/application.yml", "/i.php", "/pinfo.php",
        "/.gitlab-ci", "/.travis.yml", "/storage/logs/laravel.log", "/debug.log", "/error_log";
    CrossSite Always: "<script", "javascript:alert", "onerror=", "onload=alert", "<svg/onload",
        "<svg onload", "<img src=", "document.cookie", "onmouseover=", "<iframe", "alert(1)",
        "alert(document", "prompt(1)", "confirm(1)";
    Probe Always: "/crowdsec-test-", "/muieblackcat", "/zmeu", "/w00tw00t", "/hello.world?",
        "/proxyheader", "/azenv.php", "/proxyjudge";
    Probe Missing: "phpmyadmin", "/pma", "/myadmin", "/mysqladmin", "/mysql-admin", "/dbadmin",
        "/db_admin", "/sqladmin", "/sqlmanager", "/adminer", "/websql", "/phpmy", "/cgi-bin",
        "/webmail", "/v-webmail", "/vwebmail", "/extmail", "/roundcube", "/horde", "/squirrelmail",
        "/scripts/setup", "/mysql/", "/phppgadmin", "/administrator", "/admin.php", "/login.cgi",
        "/judge.php", "/echo.php", "/php4", "/php5", "/php-cgi", "/xampp", "/typo3/", "/magento_version",
        "/user/register", "/_profiler", "/debug/default", "/admin/config.php", "/recordings/",
        "/a2billing", "/vtigercrm", "/owa/", "/ecp/", "/~", "/hnap", "/stalker_portal",
        "/level/15/exec", "/plugins/weathermap", "/cacti/", "/zabbix/", "/nagios", "/axis2", "/jbossws";
    Probe Gone: "/wp-login.php", "/wp-signup.php", "/wp-admin", "/wp-includes/", "/wp-content/plugins/",
        "/wlwmanifest.xml", "/xmlrpc.php", "/wp-json/", "/wordpress/", "/joomla", "/drupal/",
        "/sites/default/", "/bitrix/", "/magento/", "/prestashop";
};

/// In a header.
pub(super) static HEADERS: &[Pattern] = patterns! {
    Log4Shell Always: "${jndi:", "jndi:ldap", "${${", "${::-", "${lower:", "${upper:", "${env:";
    Shellshock Always: "() {", "(){";
    Command Always: ";wget ", "/bin/bash -", "/bin/sh -", "$(curl", "$(wget";
    Code Always: "<?php", "eval(base64", "java.lang.runtime", "system(", "passthru(";
    FileRead Always: "/etc/passwd";
    Sql Always: "union select", "xor(if(", "or sleep(", "information_schema", "waitfor delay";
    Scanner Always: "sqlmap", "nikto", "masscan", "zgrab", "nuclei", "nmap scripting", "gobuster",
        "dirbuster", "wpscan", "acunetix", "netsparker", "fuzz faster", "feroxbuster", "l9explore",
        "l9tcpid", "zmeu", "morfeus", "dfind", "havij", "openvas", "nessus", "arachni", "w3af",
        "jorgee", "muieblackcat", "whatweb", "fimap", "commix", "wfuzz", "brutus", "hydra)",
        "libwww-perl/5.8", "mozilla/5.0 jorgee", "gvsscan", "project25499", "nimbostratus-bot/";
};

/// Whether a parameter's name is one that hands over commands.
pub(super) fn takes_commands(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"cmd", b"command", b"exec", b"execute", b"shell", b"c", b"run", b"system", b"do", b"x",
        b"_cmd", b"daemon",
    ];
    NAMES.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Whether a value begins with a command that is used to look around or to fetch. `ls`, `rm` and
/// `open` alone are words of file managers, too.
pub(super) fn is_command(value: &[u8]) -> bool {
    const ALONE: [&[u8]; 13] = [
        b"id",
        b"whoami",
        b"uname",
        b"pwd",
        b"ifconfig",
        b"ipconfig",
        b"netstat",
        b"ps",
        b"w",
        b"env",
        b"hostname",
        b"ver",
        b"set",
    ];
    const WITH_MORE: [&[u8]; 25] = [
        b"id", b"whoami", b"uname", b"ls", b"cat", b"wget", b"curl", b"ps", b"echo", b"bash",
        b"sh", b"python", b"python3", b"perl", b"nc", b"chmod", b"rm", b"cd", b"find", b"type",
        b"dir", b"net", b"ping", b"ver", b"id;",
    ];
    let end = value.iter().position(|byte| matches!(byte, b' ' | b';' | b'|' | b'>' | b'<'));
    let word = end.and_then(|end| value.get(..end)).unwrap_or(value);
    let list = if end.is_some() { &WITH_MORE[..] } else { &ALONE[..] };
    list.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// Whether a value is an address of a script to include: it ends with the `?` or zero byte that
/// cuts off what the application appends, or names a text or image to be run.
pub(super) fn is_script_elsewhere(value: &[u8]) -> bool {
    let head = value.get(..8).unwrap_or(value).to_ascii_lowercase();
    let starts = |with: &[u8]| head.starts_with(with);
    if !(starts(b"http://") || starts(b"https://") || starts(b"ftp://")) {
        return false;
    }
    let cut = value.ends_with(b"?") || value.ends_with(b"\0");
    let value = value.trim_ascii_end().to_ascii_lowercase();
    cut && value.len() > 12 || value.ends_with(b".txt") && value.len() > 16
}
