//! A plan: what would be done, what it costs, what is refused.

use stanch_words::{Both, Lang, Plan, Risk, Undo};

use crate::{Look, Sheet, Tone};

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
