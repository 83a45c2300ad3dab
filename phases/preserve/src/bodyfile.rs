//! Every file of the machine, as the file system tells of it: for a timeline of everything.

use std::io;
use std::path::Path;

use stanch_facts::every_file;
use stanch_words::bodyfile;

use crate::collect::Collector;
use crate::taking::watched;

/// How large one part becomes; a machine with many files has several.
const PART: usize = 16 << 20;

impl Collector<'_> {
    /// Takes it, in parts.
    pub(crate) fn bodyfile(&mut self) -> io::Result<()> {
        let mut part = Vec::new();
        let mut number = 1_u32;
        let root = Path::new("/");
        let device = self.snapshot.host().machine().lstat(root).map_or(0, |stat| stat.device);
        let mut left = vec![(root.to_owned(), device)];
        while let Some((directory, device)) = left.pop() {
            if let Some(why) = self.over_budget(0) {
                self.budget_is_used_up(why);
                break;
            }
            let own = directory.clone();
            let listed = watched(self.snapshot, &directory, move |host| {
                Ok(every_file::list(host.machine(), &own, device))
            });
            let listed = listed.unwrap_or_else(every_file::Listed::missed);
            for miss in listed.misses.iter().filter(|miss| !miss.absent) {
                self.gap(miss.kind, &miss.detail, Some(Path::new(&miss.path)));
            }
            for file in &listed.files {
                bodyfile::file(&mut part, &file.times);
            }
            left.extend(listed.below.into_iter().rev());
            if part.len() > PART {
                self.part(&mut number, &part)?;
                part.clear();
            }
        }
        self.part(&mut number, &part)
    }

    fn part(&mut self, number: &mut u32, part: &[u8]) -> io::Result<()> {
        let name = match *number {
            1 => "bodyfile/bodyfile.txt".to_owned(),
            number => format!("bodyfile/bodyfile.{number:03}.txt"),
        };
        *number = number.saturating_add(1);
        self.ours(&name, "statx", part)
    }
}
