// Well-known web shells and their makers' habits. What is written anew each time is found by our
// own reading of PHP, JSP and ASP, not here.

rule Web_Shell_One_Line_PHP {
    meta:
        description = "PHP that evaluates what a request sends"
        author = "Stanch"
        score = 90
        attack = "T1505.003"
    strings:
        $eval = /\b(eval|assert|system|passthru|shell_exec|popen|proc_open|pcntl_exec)\s*\(\s*(@|\(|base64_decode\s*\(|gzinflate\s*\(|str_rot13\s*\(|stripslashes\s*\(|trim\s*\(){0,3}\s*\$_(GET|POST|REQUEST|COOKIE|SERVER)\s*[\[{]/ nocase
        $create = /\bcreate_function\s*\(\s*['"]{2}\s*,\s*@?\$_(GET|POST|REQUEST|COOKIE)\s*[\[{]/ nocase
        $call = /\$_(GET|POST|REQUEST|COOKIE)\s*\[[^\]]{0,30}\]\s*\(\s*@?\$_(GET|POST|REQUEST|COOKIE)\s*\[/ nocase
        $php = "<?"
    condition:
        filesize < 2MB and $php and any of ($eval, $create, $call)
}

rule Web_Shell_Family_PHP {
    meta:
        description = "a well-known web shell, by its page"
        author = "Stanch"
        score = 90
        attack = "T1505.003"
    strings:
        $a1 = "Safe mode" nocase
        $a2 = "Open base dir" nocase
        $a3 = "Disable functions" nocase
        $a4 = "Bind port to" nocase
        $a5 = "Back-connect" nocase
        $a6 = "Self remove" nocase
        $a7 = "Sec. Info" nocase
        $b1 = "@ini_set('error_log'"
        $b2 = "@set_time_limit(0)"
        $b3 = "posix_getpwuid(@posix_geteuid"
        $b4 = "$default_action"
        $c1 = "c99shell" nocase
        $c2 = "r57shell" nocase
        $c3 = "b374k" nocase
        $c4 = "FilesMan"
        $c5 = "IndoXploit"
        $c6 = "p0wny"
        $c7 = "weevely" nocase
        $c8 = "AnonymousFox"
        $c9 = "WSOsetcookie"
        $run = /\b(eval|system|shell_exec|passthru|exec|popen|proc_open)\s*\(/
        $php = "<?"
    condition:
        filesize < 2MB and $php and $run and (4 of ($a*) or 3 of ($b*) or (1 of ($c*) and 1 of ($a*, $b*)) or 2 of ($c*))
}

rule Web_Shell_JSP_Run {
    meta:
        description = "a JSP page that runs what a request sends"
        author = "Stanch"
        score = 85
        attack = "T1505.003"
    strings:
        $direct = /(getRuntime\s*\(\s*\)\s*\.\s*exec|new\s+ProcessBuilder|\.\s*eval)\s*\(\s*(new\s+String\s*\[\s*\]\s*\{[^}]{0,80})?request\s*\.\s*get(Parameter|Header)/
        $define = /defineClass\s*\([^;]{0,120}(base64|Base64|decode|request\s*\.\s*get)/
        $page = "<%"
    condition:
        filesize < 1MB and $page and any of ($direct, $define)
}

rule Web_Shell_ASP_Run {
    meta:
        description = "an ASP page that runs what a request sends"
        author = "Stanch"
        score = 90
        attack = "T1505.003"
    strings:
        $direct = /\b(eval|execute|executeglobal)\s*\(?\s*request\s*(\.\s*(item|form|querystring))?\s*[\[(]/ nocase
        $page = "<%"
    condition:
        filesize < 1MB and $page and $direct
}
