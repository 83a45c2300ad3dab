//! What a name is made of: the registered domain, what stands below it, how random that looks.

/// Second labels below which countries register names.
const SECOND: [&str; 12] =
    ["co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "go", "gob", "mil"];

/// Returns the registered domain and what stands below it; none for a name of one label and for
/// addresses written backwards. There is no list of public suffixes here: a guess that joins two
/// owners under one ending makes one row more coarse, and no finding.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches('.');
    if name.ends_with(".arpa") || name.ends_with(".local") {
        return None;
    }
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let last = dots.next()?;
    let ending = name.get(last + 1..)?;
    let second = dots.next();
    let below = second.map_or(0, |at| at + 1);
    let is_second = SECOND.contains(&name.get(below..last)?);
    let from =
        if is_second && ending.len() == 2 { dots.next().map_or(0, |at| at + 1) } else { below };
    let parts = name.get(..from)?.trim_end_matches('.');
    Some((name.get(from..)?, parts))
}

/// Returns whether what stands below a domain can carry data. Not: addresses written backwards, as
/// block lists of mail servers are asked (numbers, or single hexadecimal digits), and names with
/// an underscore, whose form is laid down (`_dmarc`, `_domainkey`, `_acme-challenge`).
pub(super) fn can_carry(parts: &str) -> bool {
    let digit = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    let nibble = |label: &str| label.len() == 1;
    !parts.is_empty()
        && !parts.split('.').all(|label| digit(label) || nibble(label))
        && !parts.split('.').any(|label| label.starts_with('_'))
}

/// Returns the bits that a character carries, by how often each occurs.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    let mut all = 0_u32;
    for byte in text.bytes().filter(|&byte| byte != b'.') {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
            all += 1;
        }
    }
    let whole = f64::from(all.max(1));
    let bits = |&count: &u32| {
        let part = f64::from(count) / whole;
        -part * part.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(bits).sum()
}

/// Letter pairs that make up most of English words and of names made of them.
const PAIRS: &str = "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc rr eg au ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys ob mm fu ph og ms ye ud mb ip ub oi rl gu dr hr cc tw ft wn nu af hu nn eo vo rv nf xp gn sm fl iz ok nl my gl aw ju oa eq sy sl ps jo lf nv je nk kn gs dy hy ze ks xt bs ik dd pt oy ow";

/// Returns how little the first label of a domain looks like words, from 0 to 1.
pub(super) fn oddness(domain: &str) -> f64 {
    let label = domain.split('.').next().unwrap_or_default();
    let (mut odd, mut all) = (0_u32, 0_u32);
    for pair in label.as_bytes().windows(2) {
        let Ok(pair) = std::str::from_utf8(pair) else { continue };
        if pair.contains('-') {
            continue;
        }
        all += 1;
        odd += u32::from(!PAIRS.split(' ').any(|known| known == pair));
    }
    if all < 5 { 0.0 } else { f64::from(odd) / f64::from(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_what_stands_below_them() {
        assert_eq!(split("a.b.example.com."), Some(("example.com", "a.b")));
        assert_eq!(split("a.example.co.uk"), Some(("example.co.uk", "a")));
        assert_eq!(split("co.uk"), Some(("co.uk", "")));
        assert_eq!(split("host"), None);
        assert_eq!(split("1.2.0.192.in-addr.arpa"), None);
        for (name, carries) in [
            ("4.3.2.1", false),
            ("f.e.0.1", false),
            ("", false),
            ("s1._domainkey", false),
            ("a1b2.x", true),
        ] {
            assert_eq!(can_carry(name), carries, "{name}");
        }
    }

    #[test]
    fn random_text_carries_more_and_looks_like_no_word() {
        assert!(entropy("mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpi") > 3.8);
        assert!(entropy("www") < 0.1);
        for word in
            ["wikipedia.org", "debian-security.org", "stackoverflow.com", "internalmirror.net"]
        {
            assert!(oddness(word) < 0.4, "{word} {}", oddness(word));
        }
        for noise in ["xjqkzvwpfh.com", "q8zk3vtx1b.net", "vbkqzjxwtrnp.info"] {
            assert!(oddness(noise) > 0.6, "{noise} {}", oddness(noise));
        }
    }
}
