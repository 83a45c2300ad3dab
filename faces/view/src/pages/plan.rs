//! A plan: what would be done, what it costs, what is refused.

use stanch_words::{Both, Lang, Plan, Risk, Undo};

use super::detect::quoted;
use crate::{Look, Report, Sheet, Tone, Trouble};

/// Returns the report of a plan that only root can carry out, after which the same words are to be
/// said as root.
pub fn only_root(words: &[String]) -> Report {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    let next = format!("sudo stanch {}", words.join(" "));
    Report::new(
        Trouble::Refused,
        Both::new("only root can do this: nothing was changed", "只有 root 可以执行：未做任何更改"),
    )
    .next(Both::new(next.clone(), next))
}

/// Returns the page.
pub fn page(plan: &Plan, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    if plan.steps.is_empty() {
        sheet.prose(0, look.say("Nothing will be done.", "不会执行任何操作。"));
    } else {
        let id = if plan.id.is_empty() { String::new() } else { format!(" {}", plan.id) };
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("Plan{id}: nothing has been changed yet."),
                Lang::Zh => format!("方案{id}：目前尚未改动任何东西。"),
            },
        );
        sheet.heading("Would do", "将要执行");
    }
    for step in &plan.steps {
        sheet.prose(2, &format!("{}  {}", step.id, look.text(&step.does)));
        sheet.prose(7, &way_back(&step.undo, look));
        sheet.prose(7, look.text(&risk(step.risk)));
    }
    if !plan.costs.is_empty() {
        sheet.heading("What it costs, and what it does not cover", "代价与未覆盖之处");
        for cost in &plan.costs {
            sheet.prose(2, look.text(cost));
        }
    }
    if !plan.refusals.is_empty() {
        sheet.heading("Refused", "拒绝执行");
        for refusal in &plan.refusals {
            sheet.prose(2, look.text(&refusal.asked));
            sheet.prose(4, look.text(&refusal.why));
        }
    }
    if !plan.id.is_empty() {
        sheet.heading("Next", "下一步");
        let command = format!("stanch {} apply --plan {}", plan.phase.name(), plan.id);
        sheet.line(format!("  {}", look.paint(Tone::Command, &command)));
    }
    sheet.finish()
}

fn way_back(undo: &Undo, look: Look) -> String {
    match (undo, look.lang) {
        (Undo::Possible, Lang::En) => "can be undone".to_owned(),
        (Undo::Possible, Lang::Zh) => "可以撤销".to_owned(),
        (Undo::Irreversible { why }, Lang::En) => format!("cannot be undone: {}", why.en),
        (Undo::Irreversible { why }, Lang::Zh) => format!("无法撤销：{}", why.zh),
    }
}

fn risk(risk: Risk) -> Both {
    match risk {
        Risk::Little => Both::new("risk: little", "风险：小"),
        Risk::Service => Both::new("risk: a service may stop", "风险：可能影响服务"),
        Risk::Data => Both::new("risk: data could be lost", "风险：可能丢失数据"),
        Risk::LockOut => Both::new("risk: you could be locked out", "风险：您可能被关在外面"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_to_be_said_as_root() {
        let words = ["eradicate", "apply", "--path", "/tmp/a b;id"].map(str::to_owned);
        let look = Look::plain(Lang::En);
        let told = only_root(&words).text(look);
        assert!(told.contains("sudo stanch eradicate apply --path '/tmp/a b;id'"), "{told}");
    }
}
