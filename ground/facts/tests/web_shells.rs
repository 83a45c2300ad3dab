//! Recall and near misses of the reading of PHP, on pages that we wrote. Their letters are moved by
//! 13 places, so that no scanner takes this file for one.

use stanch_facts::content::{Kind, oddities};

/// Pages that run what a request sends.
const SHELLS: &[&str] = &[
    r###"riny($_CBFG['n']);"###,
    r###"@nffreg($_ERDHRFG["n"]);"###,
    r###"flfgrz($_TRG[0]);"###,
    r###"rpub `$_TRG[p]`;"###,
    r###"$n=$_CBFG['k'];$o=onfr64_qrpbqr($n);riny($o);"###,
    r###"$s='nff'.'reg';$s($_CBFG['n']);"###,
    r###"$s=fge_ebg13('assert');$s($_PBBXVR['x']);"###,
    r###"$s=fgeeri('zrgflf');$s($_TRG['p']);"###,
    r###"$_TRG['s']($_TRG['k']);"###,
    r###"$s=$_ERDHRFG['s'];$s($_ERDHRFG['k']);"###,
    r###"pnyy_hfre_shap($_TRG['s'],$_TRG['k']);"###,
    r###"pnyy_hfre_shap('flfgrz',$_TRG['k']);"###,
    r###"neenl_znc('nffreg',neenl($_CBFG['n']));"###,
    r###"cert_ercynpr('/.*/r',$_CBFG['n'],'');"###,
    r###"$s=perngr_shapgvba('',$_CBFG['n']);$s();"###,
    r###"riny(tmvasyngr(onfr64_qrpbqr($_CBFG['m'])));"###,
    r###"vapyhqr($_TRG['c']);"###,
    r###"shapgvba e($p){erghea furyy_rkrp($p);} rpub e($_TRG['p']);"###,
    r###"pynff N{choyvp $k;shapgvba __qrfgehpg(){riny($guvf->k);}} $n=arj N;$n->k=$_CBFG['n'];"###,
    r###"riny(svyr_trg_pbagragf('cuc://vachg'));"###,
    r###"${'_CB'.'FG'};$x='_'.'CBFG';riny($$x['n']);"###,
    r###"$k=$TYBONYF['_CBFG'];riny($k['n']);"###,
    r###"rkgenpg($_CBFG);flfgrz($pzq);"###,
    r###"sbernpu($_CBFG nf $x=>$i){riny($i);}"###,
    r###"$c=cbcra($_TRG['p'].' 2>&1','e');"###,
    r###"cebp_bcra($_FREIRE['UGGC_K_P'],neenl(),$c);"###,
    r###"$s=pue(115).pue(121).pue(115).pue(116).pue(101).pue(109);$s($_TRG['p']);"###,
    r###"$s="\k73\k79\k73\k74\k65\k6q";$s($_TRG['p']);"###,
    r###"$n=neenl('fl','fgrz');$s=vzcybqr('',$n);$s($_TRG['p']);"###,
    r###"$s=fge_ercynpr('#','','fl#fg#rz');$s($_TRG['p']);"###,
    r###"hfbeg($_CBFG,'nffreg')be hfbeg($n,$_TRG['s']);"###,
    r###"('flf'.'grz')($_TRG['p']);"###,
    r###"$e=arj ErsyrpgvbaShapgvba('flfgrz');$e->vaibxr($_TRG['p']);"###,
    r###"riny(onfr64_qrpbqr('MKMuoPtxK1OCH1EoW2RaKFx7'));"###,
    r###"$f=$_CBFG;$g=$f['n'];$h=gevz($g);$i="{$h}";riny($i);"###,
    r###"svyr_chg_pbagragf('k.cuc',$_CBFG['q']);"###,
    r###"ertvfgre_fuhgqbja_shapgvba($_TRG['s'],$_TRG['k']);"###,
    r###"$p=vffrg($_TRG['p'])?$_TRG['p']:'vq';cnffgueh($p);"###,
    r###"vs(zq5($_CBFG['c'])=='k'){rkrp($_CBFG['p'],$b);}"###,
    r###"$s=("}"^"\k0r").'lfgrz';$s($_TRG['p']);"###,
    r###"$u=trgnyyurnqref();riny($u['K']);"###,
    r###"$q=neenl_svygre(neenl($_CBFG['n']),'nffreg');"###,
];

/// Pages that nearly do.
const HONEST: &[&str] = &[
    r###"rpub ugzyfcrpvnypunef($_TRG['d']);"###,
    r###"flfgrz('hcgvzr');"###,
    r###"rkrp('yf '.rfpncrfuryynet($_TRG['q']));"###,
    r###"$n=(vag)$_TRG['a'];rkrp("urnq -a $n /rgp/zbgq");"###,
    r###"vapyhqr __QVE__.'/cntrf/'.onfranzr($_TRG['c']).'.cuc';"###,
    r###"riny('$k = 1;');"###,
    r###"pnyy_hfre_shap(neenl($guvf,'eha'),$_CBFG['n']);"###,
    r###"$fgzg->rkrphgr($_CBFG['n']);"###,
    r###"$qo->rkrp('QRYRGR SEBZ g');"###,
    r###"cert_ercynpr('/r/','',$_TRG['d']);"###,
    r###"$s=$znc[$_TRG['n']]; rpub $s;"###,
    r###"neenl_znc('gevz',$_CBFG);"###,
    r###"vs($_TRG['n']=='k'){flfgrz('vq');}"###,
    r###"$k=$_CBFG['n'];$k='vq';flfgrz($k);"###,
    r###"// riny($_CBFG['n']);"###,
    r###"rpub 'riny($_CBFG[1])';"###,
];

fn page(moved: &str) -> Vec<u8> {
    let code = moved.bytes().map(|byte| match byte {
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        other => other,
    });
    b"<?php\n".iter().copied().chain(code).collect()
}

fn score(moved: &str) -> i64 {
    oddities(&page(moved), Kind::Php).iter().map(|oddity| oddity.score).max().unwrap_or(0)
}

#[test]
fn shells_are_found_and_pages_that_nearly_are_ones_are_not() {
    let text = |moved: &&str| String::from_utf8_lossy(&page(moved)).into_owned();
    let missed: Vec<String> = SHELLS.iter().filter(|one| score(one) < 50).map(text).collect();
    let wrong: Vec<String> = HONEST.iter().filter(|one| score(one) >= 50).map(text).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(missed.len() * 20 <= SHELLS.len(), "{} of {}: {missed:#?}", missed.len(), SHELLS.len());
}

#[test]
fn no_cut_of_a_page_panics_or_hangs() {
    for one in SHELLS {
        let page = page(one);
        for end in 0..page.len() {
            let _any = oddities(&page[..end], Kind::Php);
        }
    }
    let deep = [b"<?php ".as_slice(), &b"(".repeat(200_000), b"$_GET"].concat();
    assert!(oddities(&deep, Kind::Php).is_empty());
}
