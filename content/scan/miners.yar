// Programs and settings that dig for coins on somebody else's bill.

rule Miner_Stratum_Program {
    meta:
        description = "a program that speaks the protocol of mining pools"
        author = "Stanch"
        score = 80
        attack = "T1496.001"
    strings:
        $url1 = "stratum+tcp://"
        $url2 = "stratum+ssl://"
        $url3 = "stratum+tls://"
        $talk1 = "mining.subscribe"
        $talk2 = "mining.authorize"
        $talk3 = "mining.submit"
        $talk4 = "\"method\":\"submit\""
        $talk5 = "\"method\":\"login\""
        $algorithm1 = "randomx" nocase
        $algorithm2 = "cryptonight" nocase
        $algorithm3 = "kawpow" nocase
        $algorithm4 = "ethash" nocase
    condition:
        uint32(0) == 0x464c457f and any of ($url*) and (any of ($talk*) or 2 of ($algorithm*))
}

rule Miner_XMRig_Program {
    meta:
        description = "XMRig or a copy of it"
        author = "Stanch"
        score = 85
        attack = "T1496.001"
    strings:
        $a = "donate-level"
        $b = "randomx-1gb-pages"
        $c = "nicehash"
        $d = "cpu-max-threads-hint"
        $e = "randomx_"
        $f = "huge-pages-jit"
        $g = "pause-on-battery"
    condition:
        uint32(0) == 0x464c457f and 4 of them
}

rule Miner_Settings {
    meta:
        description = "settings of a miner: a pool, a wallet, an algorithm"
        author = "Stanch"
        score = 80
        attack = "T1496.001"
    strings:
        $pools = "\"pools\""
        $donate = "\"donate-level\""
        $threads = "\"max-threads-hint\""
        $randomx = "\"randomx\""
        $wallet = /"user"\s*:\s*"[48][0-9A-Za-z]{90,105}/
        $url = /"url"\s*:\s*"[a-z0-9.+:\/-]{4,80}:[0-9]{2,5}"/
    condition:
        filesize < 256KB and $pools and $url and ($wallet or $donate or ($threads and $randomx))
}

rule Miner_Command_Line {
    meta:
        description = "a script or job that starts a miner"
        author = "Stanch"
        score = 80
        attack = "T1496.001"
    strings:
        $pool = /(-o|--url|--pool)[ =]['"]?(stratum\+[a-z]{3}:\/\/)?[a-z0-9.-]{4,80}:[0-9]{2,5}/
        $wallet = /(-u|--user|--wallet)[ =]['"]?(4[0-9AB][0-9A-Za-z]{90,105}|0x[0-9a-fA-F]{40}|[13][0-9A-Za-z]{25,34})\b/
        $coin = /(--coin|--algo|-a)[ =]['"]?(monero|rx\/0|randomx|cn\/|kawpow|ethash)/
        $donate = "--donate-level"
        $stratum = "stratum+tcp://"
    condition:
        filesize < 512KB and uint32(0) != 0x464c457f
        and ($pool and 1 of ($wallet, $coin, $donate)) or (filesize < 64KB and uint32(0) != 0x464c457f and $stratum and ($wallet or $donate))
}
