// Programs that wait for a sign that only their maker knows.

rule Backdoor_BPFDoor_Like {
    meta:
        description = "waits behind a packet filter for a magic packet, as BPFDoor does"
        author = "Stanch"
        score = 85
        attack = "T1205.002"
    strings:
        $filter = { ( 28 | 30 | b1 ) 00 00 00 ?? 00 00 00 15 00 ?? ?? }
        $magic1 = { 15 00 00 ?? 93 72 00 00 }
        $magic2 = { 15 00 ?? ?? 55 72 00 00 }
        $magic3 = { 15 00 ?? ?? 39 39 39 39 }
        $raw = "/dev/shm/"
        $lock1 = "/var/run/haldrund.pid"
        $lock2 = "/var/run/kdevrund.pid"
        $lock3 = "/var/run/xinetd.lock"
        $iptables1 = "/sbin/iptables -t nat -D PREROUTING -p tcp -s %s --dport %d -j REDIRECT --to-ports %d"
        $iptables2 = "/sbin/iptables -I INPUT -p tcp -s %s -j ACCEPT"
        $mask1 = "/sbin/udevd -d"
        $mask2 = "dbus-daemon --system"
        $mask3 = "hald-runner"
        $mask4 = "/usr/libexec/postfix/master"
        $mask5 = "avahi-daemon: chroot helper"
        $mask6 = "/sbin/auditd -n"
    condition:
        uint32(0) == 0x464c457f and filesize < 5MB
        and (any of ($lock*) and 1 of ($mask*, $raw) or all of ($iptables*) or 4 of ($mask*)
            or (2 of ($magic*) and $filter))
}

rule Backdoor_PAM_Password {
    meta:
        description = "a PAM module that writes passwords to a file or knows one of its own"
        author = "Stanch"
        score = 75
        attack = "T1556.003"
    strings:
        $pam1 = "pam_sm_authenticate"
        $pam2 = "pam_get_authtok"
        $pam3 = "pam_get_item"
        $log1 = /\/(tmp|var\/tmp|dev\/shm|usr\/lib|var\/log|lib)\/[.a-z][a-z0-9._\/-]{1,40}/
        $format1 = /%s:%s\\?n?/
        $format2 = /(user|login)[ :=]+%s[ ,;\t]+(pass|password|pw)[ :=]+%s/ nocase
        $curl = /https?:\/\/[0-9a-z.:-]{4,60}\/[^ ]{0,40}%s/
    condition:
        uint32(0) == 0x464c457f and uint16(16) == 3 and filesize < 1MB and $pam1 and 1 of ($pam2, $pam3)
        and ($format2 or $curl or ($format1 and $log1 and filesize < 40KB))
}

rule Backdoor_SSH_Key_Drop {
    meta:
        description = "a script that adds a key of its own for root"
        author = "Stanch"
        score = 70
        attack = "T1098.004"
    strings:
        $add = /echo\s+[^\n]{0,20}ssh-(rsa|ed25519|dss)\s+[A-Za-z0-9+\/=]{60,800}[^\n]{0,120}>>?\s*[^\n]{0,60}authorized_keys/
        $lock = /chattr\s+[+-][aiu]+[^\n]{0,80}authorized_keys/
        $run1 = "crontab"
        $run2 = /\b(curl|wget)\b/
        $kill = /pkill|killall|kill -9/
    condition:
        filesize < 256KB and uint32(0) != 0x464c457f and $add and ($lock or ($run1 and $run2) or ($kill and $run2))
}
