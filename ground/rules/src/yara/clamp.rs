//! Ranges that begin before the file does.
//!
//! `$a in (filesize-1000..filesize)` means the whole of a file that has fewer than 1,000 bytes:
//! libyara compares numbers, and no match lies before the file (`OP_FOUND_IN` in
//! `libyara/exec.c`). The engine takes a range with a negative end for no range at all (1.4.0,
//! `Expression::VariableIn`), so that public rules for short web shells would find nothing.
//! Such a condition is written anew before it is compiled, in the language of rules itself:
//!
//! ```text
//! $a in (F..T)   ─►   ((F >= 0 and $a in (F..T)) or (F < 0 and $a in (0..T)))
//! ```
//!
//! Only ends made of `filesize` and numbers are touched: those are never undefined, so that both
//! forms say the same wherever they stand, after `not` too.

use std::ops::Range;

use boreal_parser::expression::{
    Expression, ExpressionKind as Kind, ForIterator, ForSelection, Identifier,
    IdentifierOperationType as Operation,
};
use boreal_parser::file::YaraFileComponent;

/// Returns the text of a file of rules with such ranges written anew; every line keeps its number.
pub(super) fn clamped(text: String) -> String {
    if !may_have_one(&text) {
        return text;
    }
    let Ok(parsed) = boreal_parser::parse(&text) else { return text };
    let mut found = Vec::new();
    for component in &parsed.components {
        if let YaraFileComponent::Rule(rule) = component {
            look(&rule.condition, &text, &mut found);
        }
    }
    let mut anew = String::with_capacity(text.len());
    let mut at = 0;
    for (span, written) in found {
        anew.push_str(text.get(at..span.start).unwrap_or_default());
        anew.push_str(&written);
        at = span.end;
    }
    anew.push_str(text.get(at..).unwrap_or_default());
    anew
}

/// Returns whether `( filesize -` stands anywhere: reading the grammar costs more than a look.
fn may_have_one(text: &str) -> bool {
    text.match_indices("filesize").any(|(at, word)| {
        let before = text.get(..at).unwrap_or_default().trim_end();
        let after = text.get(at.saturating_add(word.len())..).unwrap_or_default().trim_start();
        before.ends_with('(') && after.starts_with('-')
    })
}

/// Notes what stands in place of each such range, in the order of the text.
fn look(expression: &Expression, text: &str, found: &mut Vec<(Range<usize>, String)>) {
    let (from, to) = match &expression.expr {
        Kind::VariableIn { from, to, .. } | Kind::ForIn { from, to, .. } => (from, to),
        other => return children(other).into_iter().for_each(|child| look(child, text, found)),
    };
    let span = &expression.span;
    let written = plain(from).filter(|from| from.contains("filesize-")).and_then(|first| {
        let last = plain(to)?;
        let whole = text.get(span.clone())?;
        // `$a in (`, or `any of them in (`.
        let head = text.get(span.start..from.span.start)?;
        let is_plain = !head.contains("//") && !head.contains("/*");
        let head = head.replace(['\n', '\r'], " ");
        is_plain
            .then(|| format!("(({first} >= 0 and {whole}) or ({first} < 0 and {head}0..{last})))"))
    });
    found.extend(written.map(|written| (span.clone(), written)));
}

/// Returns the text of an expression of `filesize`, numbers and sums.
fn plain(expression: &Expression) -> Option<String> {
    match &expression.expr {
        Kind::Filesize => Some("filesize".to_owned()),
        Kind::Integer(number) if *number >= 0 => Some(number.to_string()),
        Kind::Add(left, right) => Some(format!("({}+{})", plain(left)?, plain(right)?)),
        Kind::Sub(left, right) => Some(format!("({}-{})", plain(left)?, plain(right)?)),
        _ => None,
    }
}

fn children(kind: &Kind) -> Vec<&Expression> {
    match kind {
        Kind::And(all) | Kind::Or(all) => all.iter().collect(),
        Kind::Neg(one) | Kind::BitwiseNot(one) | Kind::Not(one) | Kind::Defined(one) => vec![one],
        Kind::Matches(one, _) | Kind::ReadInteger { addr: one, .. } => vec![one],
        Kind::Add(left, right)
        | Kind::Sub(left, right)
        | Kind::Mul(left, right)
        | Kind::Div(left, right)
        | Kind::Mod(left, right)
        | Kind::BitwiseXor(left, right)
        | Kind::BitwiseAnd(left, right)
        | Kind::BitwiseOr(left, right)
        | Kind::ShiftLeft(left, right)
        | Kind::ShiftRight(left, right)
        | Kind::Cmp { left, right, .. }
        | Kind::Eq(left, right)
        | Kind::NotEq(left, right)
        | Kind::IEquals(left, right) => vec![left, right],
        Kind::For { selection, body, .. } => {
            selected(selection).into_iter().chain(body.as_deref()).collect()
        }
        Kind::ForIdentifiers { selection, iterator, body, .. } => {
            let iterated = match iterator {
                ForIterator::Identifier(identifier) => arguments(identifier),
                ForIterator::Range { from, to } => vec![&**from, &**to],
                ForIterator::List(list) => list.iter().collect(),
            };
            selected(selection).into_iter().chain(iterated).chain([&**body]).collect()
        }
        Kind::Identifier(identifier) => arguments(identifier),
        _ => Vec::new(),
    }
}

fn selected(selection: &ForSelection) -> Option<&Expression> {
    match selection {
        ForSelection::Expr { expr, .. } => Some(expr),
        ForSelection::Any | ForSelection::All | ForSelection::None => None,
    }
}

fn arguments(identifier: &Identifier) -> Vec<&Expression> {
    let of = identifier.operations.iter().flat_map(|operation| match &operation.op {
        Operation::Subscript(one) => vec![&**one],
        Operation::FunctionCall(all) => all.iter().collect(),
        Operation::Subfield(_) => Vec::new(),
    });
    of.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(condition: &str) -> String {
        format!("rule a {{ strings: $a = \"a\" $b = \"b\" condition: {condition} }}\n")
    }

    #[test]
    fn only_ranges_that_may_begin_before_the_file_are_written_anew() {
        assert_eq!(
            clamped(rule("$b and not $a in (filesize - 9..\nfilesize)")),
            rule(
                "$b and not (((filesize-9) >= 0 and $a in (filesize - 9..\nfilesize)) or \
                 ((filesize-9) < 0 and $a in (0..filesize)))"
            )
        );
        let of_all = clamped(rule("any of them\n in (filesize-9..filesize-1) and $a and $b"));
        let end = "((filesize-9) < 0 and any of them  in (0..(filesize-1)))) and $a and $b";
        assert!(of_all.contains(end), "{of_all}");
        assert_eq!(of_all.lines().count(), 2);
        for condition in [
            "$a in (0..filesize-9) and $b",
            "$a in (filesize..filesize) and $b",
            "$a in (filesize-uint8(0)..filesize) and $b",
            "$a at (filesize-9) and $b",
            "#a in (filesize-9..filesize) > 1 and $b",
            "$a in /* (filesize - 9 */ (filesize-9..filesize) and $b",
            "$a in (filesize-9..filesize) and $b and ",
        ] {
            assert_eq!(clamped(rule(condition)), rule(condition));
        }
        for condition in [
            "for any i in (1..#b) : ($a in (filesize-9..filesize))",
            "for any of them : ($ in (filesize-9..filesize))",
            "$b or ($a and ($a in (filesize-9..filesize)) == true)",
        ] {
            assert_ne!(clamped(rule(condition)), rule(condition));
        }
    }
}
