// Scripts that fetch, start and clean up after themselves.

rule Dropper_Fetch_And_Run {
    meta:
        description = "a script that fetches a program into a temporary place, starts it and removes it, for several kinds of processors"
        author = "Stanch"
        score = 80
        attack = "T1105,T1059.004"
    strings:
        $go = /cd\s+\/(tmp|var\/run|var\/tmp|dev\/shm|mnt)\s*(\|\||;|&&)/
        $get = /\b(wget|curl|tftp|ftpget|busybox\s+wget)\b[^\n;|&]{0,30}(https?:\/\/|[0-9]{1,3}\.[0-9]{1,3}\.)/
        $mode = /chmod\s+(\+x|0?777|0?755|a\+x|u\+x)/
        $run = /(;|&&|\|\|)\s{0,20}\.\/[A-Za-z0-9._-]{1,40}/
        $gone = /rm\s+-r?f/
        $cpu1 = /[.\/](mips|mipsel|mpsl)\b/
        $cpu2 = /[.\/](arm[4-7]?|armv[5-7]l?)\b/
        $cpu3 = /[.\/](sh4|ppc|powerpc|m68k|spc|sparc)\b/
        $cpu4 = /[.\/](x86|x86_64|i[56]86)\b/
    condition:
        filesize < 128KB and uint32(0) != 0x464c457f and $go and $get and $mode and $gone and ($run and 3 of ($cpu*))
}

rule Dropper_Rival_Killer {
    meta:
        description = "a script that kills rival miners and guards, then installs its own"
        author = "Stanch"
        score = 85
        attack = "T1489,T1562.001,T1496.001"
    strings:
        $kill1 = /pkill\s+-(f|9)\s+[^\n]{0,60}(xmrig|kinsing|kdevtmpfsi|minerd|kthreaddi|masscan|cryptonight|stratum|watchbog|sysrv)/
        $kill2 = /ps\s+(aux|-ef)[^\n]{0,80}grep[^\n]{0,80}(xmrig|kinsing|kdevtmpfsi|minerd|stratum|masscan|cryptonight)[^\n]{0,120}kill\s+-9/
        $guard1 = "/usr/local/aegis"
        $guard2 = "aliyun-service"
        $guard3 = "qcloud"
        $guard4 = "bt-firewall"
        $guard5 = /setenforce\s+0/
        $guard6 = /ufw\s+disable/
        $guard7 = /iptables\s+-F/
        $guard8 = "ulimit -n 65535"
        $guard9 = /nmi_watchdog\s*=\s*0/
        $stay1 = /crontab\s+(-|-r|-l)/
        $stay2 = "/etc/cron.d/"
        $stay3 = "/etc/ld.so.preload"
        $stay4 = /chattr\s+[+-][iau]+/
        $get = /\b(curl|wget)\b[^\n]{0,60}https?:\/\//
    condition:
        filesize < 512KB and uint32(0) != 0x464c457f and $get and 1 of ($kill*) and (2 of ($guard*) or 2 of ($stay*))
}

rule Dropper_Cron_Fetch {
    meta:
        description = "a job that fetches a script from the network and gives it to a shell, again and again"
        author = "Stanch"
        score = 80
        attack = "T1053.003,T1105"
    strings:
        $line = /(\*|\*\/[0-9]{1,2}|[0-9]{1,2})(\s+(\*|\*\/[0-9]{1,2}|[0-9]{1,2})){4}\s+[^\n#]{0,40}\b(curl|wget)\b[^\n|]{0,160}https?:\/\/[^\n|]{3,160}\|\s*(\/bin\/)?(ba|da)?sh\b/
        $at = /@(reboot|hourly|daily)\s+[^\n#]{0,40}\b(curl|wget)\b[^\n|]{0,160}https?:\/\/[^\n|]{3,160}\|\s*(\/bin\/)?(ba|da)?sh\b/
    condition:
        filesize < 256KB and uint32(0) != 0x464c457f and any of them
}
