// The test file of the anti-virus industry: harmless, and found by everyone. Source: eicar.org.

rule Test_EICAR {
    meta:
        description = "the EICAR test file: harmless, made to try scanners with"
        author = "Stanch"
        score = 95
    strings:
        $text = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24 45 49 43 41 52 2D }
    condition:
        $text in (0..128) and (filesize < 1MB or filetype == "")
}
