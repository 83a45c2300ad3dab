// Libraries that lie to every program that loads them, and modules that lie to all.

rule Rootkit_Preload_Library {
    meta:
        description = "a library that puts itself before the C library's readers of files and processes"
        author = "Stanch"
        score = 85
        attack = "T1574.006,T1014"
    strings:
        $next = "dlsym"
        $h1 = "readdir64"
        $h2 = "__xstat64"
        $h3 = "__lxstat64"
        $h4 = "fopen64"
        $h5 = "unlinkat"
        $h6 = "opendir"
        $h7 = "openat64"
        $h8 = "accept"
        $h9 = "pam_authenticate"
        $h10 = "getpwnam_r"
        $tell1 = "/etc/ld.so.preload"
        $tell2 = "/proc/net/tcp"
        $tell3 = "/proc/self/fd/%d"
        $tell4 = "/proc/%s/cmdline"
        $tell5 = "/proc/%s/stat"
        $shell1 = "/bin/sh"
        $shell2 = "/bin/bash"
        $hide1 = "HIDE_THIS_SHELL"
        $hide2 = "LD_PRELOAD"
    condition:
        uint32(0) == 0x464c457f and uint16(16) == 3 and filesize < 2MB and $next
        and (($tell1 and 3 of ($h*) and 1 of ($shell*, $hide*))
            or (2 of ($tell*) and 3 of ($h*) and 1 of ($shell*) and filesize < 300KB)
            or $hide1)
}

rule Rootkit_Preload_Family {
    meta:
        description = "a known family of preloaded rootkits (Jynx, Azazel, Vlany, Bedevil, libprocesshider, Symbiote)"
        author = "Stanch"
        score = 90
        attack = "T1574.006,T1014"
    strings:
        $a = "process_to_filter"
        $b = "azazel" nocase
        $c = "jynx" nocase
        $d = "vlany"
        $e = "bdvl"
        $f = "hide_vlany"
        $g = "HIDE_THIS_SHELL"
        $h = "bedevil" nocase
        $proc = "/proc/self/fd/%d"
        $stat = "/proc/%s/stat"
        $sym = "dlsym"
    condition:
        uint32(0) == 0x464c457f and filesize < 2MB and $sym and (($a and ($proc or $stat)) or $f or $g or 2 of ($b, $c, $d, $e, $h))
}

rule Rootkit_Kernel_Module {
    meta:
        description = "a kernel module that hides itself, files or processes"
        author = "Stanch"
        score = 80
        attack = "T1014,T1547.006"
    strings:
        $module = "vermagic="
        $h1 = "kallsyms_lookup_name"
        $h2 = "sys_call_table"
        $h3 = "__x64_sys_getdents64"
        $h4 = "__x64_sys_kill"
        $h5 = "tcp4_seq_show"
        $h6 = "ftrace_set_filter_ip"
        $h8 = "prepare_creds"
        $h9 = "commit_creds"
        $n1 = "hide" nocase
        $n2 = "rootkit" nocase
        $n3 = "give_root" nocase
        $n4 = "get_root" nocase
        $n5 = "invisible" nocase
        $n6 = "diamorphine" nocase
        $n7 = "reptile" nocase
    condition:
        uint32(0) == 0x464c457f and uint16(16) == 1 and filesize < 3MB and $module
        and ((($h3 or $h4 or $h5) and 1 of ($h1, $h2, $h6) and 1 of ($n*)) or ($h8 and $h9 and 2 of ($h3, $h4, $h5)) or $n6 or 2 of ($n2, $n3, $n4, $n7))
}
