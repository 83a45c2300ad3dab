use super::*;

const MD5: &str = "44d88612fea8a8f36de82e1278abb02f";
const LONG: &str = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";

fn load(text: &str) -> (Digests, Vec<Complaint>) {
    Digests::load([("list".to_owned(), text.as_bytes().to_vec())])
}

fn found(digests: &Digests, algorithm: Algorithm, digest: &str) -> Vec<KnownHit> {
    let digests_of = vec![(algorithm, digest.to_owned())];
    digests.find(&Digested { name: "x".to_owned(), size: 68, digests: digests_of })
}

#[test]
fn every_form_gives_the_digest_and_its_name() {
    for text in [
        format!("# list\n{} EICAR\n", MD5.to_uppercase()),
        format!("md5,name\n\"{MD5}\",\"EICAR\"\n"),
        format!(r#"{{"objects":[{{"name":"EICAR","pattern":"[file:hashes.MD5 = '{MD5}']"}}]}}"#),
        format!(
            r#"{{"Event":{{"info":"EICAR","Attribute":[{{"type":"filename|md5","to_ids":true,"value":"x|{MD5}"}}]}}}}"#
        ),
        format!(r#"{{"type":"file","name":"EICAR","hashes":{{"MD5":"{MD5}"}}}}"#),
    ] {
        let (digests, complaints) = load(&text);
        assert_eq!(complaints, [], "{text}");
        let hit = KnownHit { digest: MD5.into(), what: "EICAR".into(), file: "list".into() };
        assert_eq!(found(&digests, Algorithm::Md5, MD5), [hit], "{text}");
        assert_eq!(digests.wanted(), [Algorithm::Md5]);
    }
}

#[test]
fn blake3_is_told_by_a_column_a_word_before_it_or_the_name_of_the_list() {
    let of = |file: &str, text: String| {
        let (digests, complaints) = Digests::load([(file.to_owned(), text.into_bytes())]);
        assert_eq!(complaints, [], "{file}");
        digests.wanted().to_vec()
    };
    assert_eq!(of("list", format!("{LONG}  a\n")), [Algorithm::Sha256]);
    assert_eq!(of("list.b3", format!("{LONG}  a\n")), [Algorithm::Blake3]);
    assert_eq!(of("list", format!("blake3:{LONG} a\n")), [Algorithm::Blake3]);
    let columns = format!("name,blake3,sha256\na,{LONG},\nb,,{LONG}\n");
    assert_eq!(of("list", columns), [Algorithm::Blake3, Algorithm::Sha256]);
    let stix = format!(r#"{{"type":"file","hashes":{{"BLAKE3":"{LONG}"}}}}"#);
    assert_eq!(of("list", stix), [Algorithm::Blake3]);
}

#[test]
fn what_is_not_meant_to_find_anything_does_not() {
    for text in [
        format!(r#"[{{"type":"md5","value":"{MD5}","to_ids":false}}]"#),
        format!(r#"[{{"type":"md5","value":"{MD5}","deleted":true}}]"#),
        format!(
            r#"[{{"type":"indicator","revoked":true,"pattern":"[file:hashes.MD5 = '{MD5}']"}}]"#
        ),
        format!(r#"[{{"pattern_type":"sigma","pattern":"hashes: {MD5}"}}]"#),
    ] {
        let (digests, complaints) = load(&text);
        assert_eq!(found(&digests, Algorithm::Md5, MD5), [], "{text}");
        assert_eq!(complaints.len(), 1, "{text}: it gives no digest");
    }
}

#[test]
fn bad_values_are_told_and_the_rest_counts() {
    let (digests, complaints) = load(&format!("{MD5}\n{}\n", MD5.trim_start_matches('4')));
    assert_eq!(digests.known.len(), 1);
    assert_eq!((complaints.len(), complaints[0].line), (1, Some(2)));
    assert_eq!(load("{\"a\":\n").1[0].line, Some(2));
    let (digests, complaints) = load(&format!("md5,name\nabc,x\n{MD5},y\n{},z\n", OF_NOTHING[0]));
    assert_eq!(digests.known.len(), 1);
    let lines: Vec<_> = complaints.iter().map(|one| one.line).collect();
    assert_eq!(lines, [Some(2), Some(4)]);
    let bad = format!(
        r#"[{{"type":"sha1","value":"{MD5}"}},{{"name":"n","pattern":"[file:hashes.MD5 = '{MD5}' AND a:b = 1]"}},{{"type":"md5","value":"{MD5}"}}]"#
    );
    let (digests, complaints) = load(&bad);
    assert_eq!((digests.known.len(), complaints.len()), (1, 2));
    assert!(complaints[1].why.en.contains("`n`"), "{complaints:?}");
}
