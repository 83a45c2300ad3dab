// Commands that give a shell to whoever waits at the other end.

rule Reverse_Shell_Command {
    meta:
        description = "a command that connects a shell to another computer"
        author = "Stanch"
        score = 80
        attack = "T1059.004"
    strings:
        $bash = /\b(ba|z|k|da)?sh\s+-i\s*(>&|&>|<>?|[0-9]*>)\s*\/dev\/(tcp|udp)\/[0-9a-zA-Z.:$_{}-]{3,80}\/[0-9$]/
        $exec = /exec\s+[0-9]+<>\s*\/dev\/(tcp|udp)\/[0-9a-zA-Z.:-]{3,80}\/[0-9]{2,5}/
        $fifo = /mkfifo\s+\/[^ ;|&]{1,60}\s*[;&]{1,2}[^\n]{0,160}\|\s*\/?(bin\/)?(ba)?sh\s+-i[^\n]{0,80}\|\s*(\/[a-z\/]{0,20})?(nc|ncat|netcat|openssl)\b/
        $nc = /\b(nc|ncat|netcat)(\.traditional|\.openbsd)?\s{1,20}(-[a-z]{1,20}\s{1,20}){0,8}-[a-z]{0,20}[ec]\s{1,20}['"]?\/?(bin\/)?(ba)?sh['"]?\s{1,20}[0-9a-zA-Z.:-]{4,80}\s{1,20}[0-9]{2,5}|\b(nc|ncat|netcat)(\.traditional)?\s{1,20}[0-9]{1,3}\.[0-9.]{5,12}\s{1,20}[0-9]{2,5}\s{1,20}-[a-z]{0,20}e\s{1,20}\/bin\/(ba)?sh/
        $socat = /socat\s+[^\n]{0,80}exec:['"]?[^\n]{0,40}sh\b[^\n]{0,120}tcp[46]?:[0-9a-z.-]{4,80}:[0-9]{2,5}/ nocase
        $python = /socket\.socket\([^\n]{0,80}\)[^\n]{0,40};?[^\n]{0,60}\.connect\(\(['"][0-9a-zA-Z.:-]{4,80}['"]\s*,\s*[0-9]{2,5}\)\)[^\n]{0,400}(dup2|pty\.spawn|subprocess\.(call|Popen|run))/
        $perl = /use\s+Socket;[^\n]{0,200}connect\s*\(\s*S[^\n]{0,200}open\s*\(\s*STDIN\s*,\s*['"]>&S['"]/
        $ruby = /TCPSocket\.(open|new)\([^\n]{0,100}(to_i|fileno)[^\n]{0,100}exec[^\n]{0,40}sh\s+-i/
        $php = /fsockopen\s*\(\s*['"][0-9a-zA-Z.:-]{4,80}['"]\s*,\s*[0-9]{2,5}\s*\)\s*;\s*(exec|shell_exec|system|passthru|popen|proc_open)\s*\(\s*['"`]\/?(bin\/)?(ba)?sh\s+-i/
    condition:
        filesize < 256KB and uint32(0) != 0x464c457f and any of them
}

rule Reverse_Shell_Program {
    meta:
        description = "a small program that hands a shell to a connection it makes"
        author = "Stanch"
        score = 60
        attack = "T1059.004"
    strings:
        $code = { 6a 29 58 99 6a 02 5f 6a 01 5e 0f 05 }
        $dup = { 6a 03 5e 48 ff ce 6a 21 58 0f 05 75 f6 }
        $shell = { 48 bb 2f 62 69 6e 2f 73 68 00 }
        $shell2 = { 48 bb 2f 2f 62 69 6e 2f 73 68 }
        $shell3 = { 99 48 bb 2f 62 69 6e 2f 73 68 }
        $old = { 31 db f7 e3 53 43 53 6a 02 89 e1 b0 66 cd 80 }
    condition:
        filesize < 1MB and (($code and ($dup or any of ($shell*))) or $old)
}
