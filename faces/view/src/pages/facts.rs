//! The tables there are, or one table's columns.

use stanch_words::{Lang, Role, Sees, TableSpec};

use crate::{Look, Sheet, Tone, texts, width};

/// Returns the list of tables, one sentence each.
pub fn list(tables: &[&TableSpec], look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let column = tables.iter().map(|spec| spec.name.len()).max().unwrap_or(0).min(28) + 2;
    for spec in tables {
        row(&mut sheet, spec.name, column, texts::summary(spec, look), spec.sees);
    }
    sheet.blank();
    sheet.prose(0, match look.lang {
        Lang::En => "`stanch facts TABLE` lists a table's columns. ∗ needs a running kernel: no image or bundle has it.",
        Lang::Zh => "`stanch facts 表名` 列出该表各列。∗ 需要运行中的内核，映像或证据包里没有。",
    });
    sheet.finish()
}

fn row(sheet: &mut Sheet, name: &str, column: usize, summary: &str, sees: Sees) {
    let mark = if sees == Sees::Live { "∗ " } else { "" };
    let room = sheet.look.width().saturating_sub(column).max(20);
    let mut label = sheet.look.paint(Tone::Strong, &width::padded(name, column));
    for line in width::wrapped(&format!("{mark}{summary}"), room) {
        sheet.line(format!("{label}{line}"));
        label = " ".repeat(column);
    }
}

/// Returns one table's columns, one sentence each.
pub fn table(spec: &TableSpec, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(look.paint(Tone::Strong, spec.name));
    sheet.prose(2, texts::summary(spec, look));
    sheet.prose(
        2,
        match spec.sees {
            Sees::Live => look.say("Read from the running kernel.", "读自运行中的内核。"),
            Sees::Files => look
                .say("Read from files; works on a disk image too.", "读自文件，也适用于磁盘映像。"),
        },
    );
    sheet.blank();
    let name = spec.columns.iter().map(|c| c.name.len()).max().unwrap_or(0) + 2;
    let wide = name + 9;
    for column in spec.columns {
        let label = format!("  {}{:<9}", width::padded(column.name, name), column.kind.name());
        let role = match column.role {
            Role::Plain => "",
            Role::Index => look.say(" Narrows the reading.", "给定取值可缩小读取范围。"),
            Role::Required => look.say(" A value must be given for it.", "查询时必须给定取值。"),
        };
        let room = look.width().saturating_sub(wide + 2).max(20);
        let mut label = label;
        for line in width::wrapped(&format!("{}{role}", texts::means(spec, column, look)), room) {
            sheet.line(format!("{label}{line}"));
            label = " ".repeat(wide + 2);
        }
    }
    sheet.heading("Try", "试试");
    let example = match spec.columns.iter().find(|column| column.role == Role::Required) {
        Some(column) => {
            format!("stanch query \"SELECT * FROM {} WHERE {} = '…'\"", spec.name, column.name)
        }
        None => format!("stanch query \"SELECT * FROM {} LIMIT 5\"", spec.name),
    };
    sheet.command(2, &example);
    sheet.finish()
}
