// What is left behind when files were taken hostage.

rule Ransom_Note {
    meta:
        description = "a note that demands money for encrypted files"
        author = "Stanch"
        score = 75
        attack = "T1486"
    strings:
        $lost1 = /(all|your) (of your )?(important )?(files|data|documents|databases|servers|network)[^.\n]{0,60}(are|were|have been|has been|is) (encrypted|locked|stolen)/ nocase
        $lost2 = /has been (encrypted|penetrated|compromised) by/ nocase
        $pay1 = /\b(bitcoins?|BTC|monero|XMR)\b/ nocase
        $pay2 = /\b(ransom|payment|pay us|price)\b/ nocase
        $how1 = ".onion" nocase
        $how2 = /tor browser/ nocase
        $how3 = /(decrypt(ion|or)?|private) (key|tool|software|program)/ nocase
        $how4 = /@(protonmail|proton\.me|tutanota|onionmail|cock\.li|mailfence|airmail)/ nocase
        $how5 = /(qtox|tox id|session id|jabber)/ nocase
        $warn1 = /do not (try to )?(rename|modify|delete|decrypt|recover|turn off|restart)/ nocase
        $warn2 = /(leak|publish|sell|sold|disclose)[^.\n]{0,40}(data|files|information)/ nocase
        $warn3 = /you (only )?have [0-9]{1,3} (hours|days)/ nocase
        $warn4 = /third[- ]part(y|ies)/ nocase
    condition:
        filesize < 64KB and 1 of ($lost*) and 1 of ($pay*) and 1 of ($how*) and 1 of ($warn*)
}

rule Ransom_Program {
    meta:
        description = "a program for Linux or ESXi that encrypts files and leaves a note"
        author = "Stanch"
        score = 80
        attack = "T1486"
    strings:
        $vm1 = "esxcli vm process list"
        $vm2 = "vim-cmd vmsvc/snapshot.removeall"
        $vm3 = "esxcli vm process kill"
        $vm4 = "vim-cmd vmsvc/getallvms"
        $e1 = ".vmdk"
        $e2 = ".vmsn"
        $e3 = ".vswp"
        $e4 = ".vmsd"
        $note1 = ".onion"
        $note2 = /(RESTORE|RECOVER|README|HOW_TO|DECRYPT)[A-Z_-]{0,20}(FILES|README|RESTORE|DECRYPT|INFO)?\.(txt|html)/
        $note3 = "encrypted" nocase
    condition:
        uint32(0) == 0x464c457f and filesize < 20MB
        and ((1 of ($vm*) and 2 of ($e*) and 1 of ($note*)) or (2 of ($vm1, $vm2, $vm3) and $note3))
}
