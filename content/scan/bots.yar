// Programs that take orders by the thousand: Mirai, Gafgyt, Tsunami and their children.

rule Bot_Mirai_Like {
    meta:
        description = "a bot of the Mirai kind: guesses telnet passwords, kills its rivals, floods"
        author = "Stanch"
        score = 85
        attack = "T1498,T1110.001"
    strings:
        $busybox = "/bin/busybox "
        $applet = "applet not found"
        $watchdog1 = "/dev/watchdog"
        $watchdog2 = "/dev/misc/watchdog"
        $tcp = "/proc/net/tcp"
        $enable = "ncorrect"
        $query = "TSource Engine Query"
        $ua = "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36"
        $report = "listening tun0"
        $name2 = "/bin/busybox MIRAI"
        $name3 = "ECCHI: applet not found"
    condition:
        uint32(0) == 0x464c457f and filesize < 5MB
        and (1 of ($name2, $name3, $report)
            or ($busybox and ($applet or $enable) and 1 of ($watchdog*, $query))
            or ($query and $ua and $tcp and 1 of ($watchdog*)))
}

rule Bot_Gafgyt_Like {
    meta:
        description = "a bot of the Gafgyt kind: floods when told to"
        author = "Stanch"
        score = 85
        attack = "T1498"
    strings:
        $a = "HOLD"
        $b = "JUNK"
        $c = "KILLATTK"
        $d = "LOLNOGTFO"
        $e = "GETLOCALIP"
        $f = "SCANNER ON"
        $g = "STDHEX"
        $h = "PING"
        $i = "!* SCANNER"
        $j = "/bin/busybox;echo -e 'gayfgt'"
        $k = "BOGOMIPS"
        $l = "UDPRAW"
        $m = "STOMP"
        $n = "VSE"
    condition:
        uint32(0) == 0x464c457f and filesize < 5MB and ($c or $d or $i or $j) and 4 of them
}

rule Bot_Tsunami_Like {
    meta:
        description = "a bot that takes orders over IRC (Tsunami, Kaiten)"
        author = "Stanch"
        score = 85
        attack = "T1498,T1071"
    strings:
        $a = "NOTICE %s :TSUNAMI <target> <secs>"
        $b = "NOTICE %s :PAN <target> <port> <secs>"
        $c = "NOTICE %s :UDP <target> <port> <secs>"
        $d = "NOTICE %s :KILLALL"
        $e = "NOTICE %s :GETSPOOFS"
        $f = "NOTICE %s :Kaiten"
        $g = "NOTICE %s :SPOOFS <iprange/ip>"
    condition:
        2 of them
}

rule Bot_IRC_Perl {
    meta:
        description = "a bot in Perl that takes orders over IRC (ShellBot)"
        author = "Stanch"
        score = 80
        attack = "T1071,T1059.006"
    strings:
        $a = "IO::Socket::INET"
        $b = /PRIVMSG/
        $c = /\$(processo|fakeproc|fakeprocess)\b/
        $d = /@(canais|adms|auth|hostauth)\b/
        $e = /udpflood|tcpflood|httpflood|portscan|@?conback|\bsendraw\b/
        $f = /\$0\s*=\s*["'][^\n]{0,20}/
    condition:
        filesize < 512KB and $a and $b and $e and ($c or $d) and $f
}
