//! One difference on a page: the path, and what of it is another.

use stanch_words::text;

use super::{BaselineRow, Change, Difference, Field};
use crate::texts::system::kind_of_file;
use crate::{Look, Sheet, Tone, width};

/// Writes a difference.
pub(super) fn write(sheet: &mut Sheet, difference: &Difference) {
    let look = sheet.look;
    let path = text::escaped(&text::from_bytes(difference.path()));
    let package = difference.was.as_deref().map(|was| text::from_bytes(&was.package));
    let package = package.filter(|package| !package.is_empty());
    let of = package.map_or_else(String::new, |package| {
        format!("  ({} {})", look.say("package", "软件包"), text::escaped(&package))
    });
    sheet.line(format!("  {}{}", look.paint(Tone::Strong, &path), look.paint(Tone::Faint, &of)));
    let said = said(difference, look).join(look.say("; ", "；"));
    if !said.is_empty() {
        let room = look.terminal.map_or(usize::MAX, |terminal| terminal.saturating_sub(4));
        sheet.line(format!("    {}", width::cut(&text::escaped(&said), room.max(20))));
    }
}

/// Returns what of a file is another, in words.
fn said(difference: &Difference, look: Look) -> Vec<String> {
    let mut said = Vec::new();
    if difference.keeps_time() {
        let has = |field| difference.fields.contains(&field);
        let size = !has(Field::Size);
        said.push(
            if size {
                look.say(
                    "content is another, size and time of change are the old ones",
                    "内容已变，大小和修改时间却与原来相同",
                )
            } else {
                look.say(
                    "content is another, the time of change is the old one",
                    "内容已变，修改时间却与原来相同",
                )
            }
            .to_owned(),
        );
    }
    match (difference.was.as_deref(), difference.now.as_deref()) {
        (Some(was), Some(now)) => {
            let fields = difference.fields.iter();
            said.extend(fields.filter_map(|field| both(*field, was, now, look)));
        }
        (None, Some(row)) => said.push(alone(row, look)),
        (Some(_), None) | (None, None) => {}
    }
    if difference.gains_rights() && difference.change == Change::Added {
        said.push(look.say("has rights of its own", "自带特权").to_owned());
    }
    said
}

/// Returns what a new file is like.
fn alone(row: &BaselineRow, look: Look) -> String {
    let target = row.target.as_deref().map(text::from_bytes);
    let target = target.map_or_else(String::new, |target| format!(" → {target}"));
    let kind = look.text(&kind(row)).to_owned();
    let (mode, uid, gid, size) = (mode(row), row.uid, row.gid, row.size);
    let en = format!("{kind}{target}, mode {mode}, owner {uid}:{gid}, {size} bytes");
    let zh = format!("{kind}{target}，权限 {mode}，属主 {uid}:{gid}，{size} 字节");
    look.say_of(&en, &zh).to_owned()
}

fn kind(row: &BaselineRow) -> stanch_words::Both {
    let name = row.kind().name();
    stanch_words::Both::new(name, kind_of_file(name))
}

fn mode(row: &BaselineRow) -> String {
    format!("{:04o}", row.mode & 0o7777)
}

/// Returns one field, before and after; nothing for those that follow from others.
fn both(field: Field, was: &BaselineRow, now: &BaselineRow, look: Look) -> Option<String> {
    let arrow = |en: &str, zh: &str, was: String, now: String| {
        format!("{} {was} → {now}", look.say_of(en, zh))
    };
    let target =
        |row: &BaselineRow| row.target.as_deref().map_or_else(|| "-".to_owned(), text::from_bytes);
    let told = match field {
        Field::Kind => arrow(
            "type",
            "类型",
            look.text(&kind(was)).to_owned(),
            look.text(&kind(now)).to_owned(),
        ),
        Field::Content => look.say("content", "内容").to_owned(),
        Field::Size => arrow("size", "大小", was.size.to_string(), now.size.to_string()),
        Field::Target => arrow("leads to", "指向", target(was), target(now)),
        Field::Device => arrow("device", "设备号", device(was.device), device(now.device)),
        Field::Mode => arrow("mode", "权限", mode(was), mode(now)),
        Field::Owner => arrow("owner", "属主", was.uid.to_string(), now.uid.to_string()),
        Field::Group => arrow("group", "属组", was.gid.to_string(), now.gid.to_string()),
        Field::Capabilities => {
            let shown = |row: &BaselineRow| {
                let shown = row.capabilities();
                if shown.is_empty() { "-".to_owned() } else { shown }
            };
            arrow("capabilities", "能力", shown(was), shown(now))
        }
        Field::Acl => look.say("access control list", "访问控制列表").to_owned(),
        Field::Label => look.say("security label", "安全标签").to_owned(),
        Field::Attributes => look.say("extended attributes", "扩展属性").to_owned(),
        Field::Flags => {
            let shown = |row: &BaselineRow| flags(row.flags.unwrap_or(0), look);
            arrow("flags", "标志", shown(was), shown(now))
        }
        Field::Links => arrow("names", "硬链接数", was.links.to_string(), now.links.to_string()),
        Field::Inode | Field::Modified | Field::Changed | Field::Born => return None,
    };
    Some(told)
}

fn device(number: u64) -> String {
    format!("{}:{}", number >> 32, number & 0xffff_ffff)
}

/// Returns the two flags that matter, as chattr(1) names them; of others, the number.
fn flags(flags: u32, look: Look) -> String {
    let known =
        [(0x10, look.say("immutable", "不可修改")), (0x20, look.say("append-only", "只可追加"))];
    let names: Vec<&str> = known.iter().filter(|one| flags & one.0 != 0).map(|one| one.1).collect();
    if names.is_empty() { format!("{flags:#x}") } else { names.join("+") }
}
