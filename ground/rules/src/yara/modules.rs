//! Functions of modules that end when the time is over.
//!
//! The engine looks at the clock every 10,240 steps, and a step can be a digest over all bytes: a
//! loop over digests of many ranges, or over the sections that a file claims to have, went on for
//! minutes. Each function is therefore called through one of ours, which gives nothing (YARA's
//! "undefined") once the time is over; the steps that are left until the engine looks are short
//! then.
//!
//! The engine takes plain functions, which cannot carry another one: [`call`] knows by its number
//! which it stands for, its place in the list of all.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use boreal::compiler::CompilerBuilder;
use boreal::module::{
    Dex, Elf, EvalContext, Hash, MachO, Math, Module, ModuleDataMap, Pe, ScanContext, StaticValue,
    Type, Value,
};
use boreal::scanner::DeserializeParams;

/// A function of a module.
type Function = fn(&mut EvalContext<'_, '_, '_>, Vec<Value>) -> Option<Value>;

thread_local! {
    /// When the time of the scan in this thread is over.
    static END: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether a function was not called for it.
    static WAS_CUT: Cell<bool> = const { Cell::new(false) };
}

/// Does a scan whose functions end with the time; also returns whether any did.
pub(super) fn within<T>(time: Duration, scan: impl FnOnce() -> T) -> (T, bool) {
    /// Takes the end away, whatever becomes of the scan.
    struct Over;
    impl Drop for Over {
        fn drop(&mut self) {
            END.set(None);
        }
    }
    END.set(now().checked_add(time));
    WAS_CUT.set(false);
    let _over = Over;
    let done = scan();
    (done, WAS_CUT.get())
}

#[expect(
    clippy::disallowed_methods,
    reason = "caps of time beside the engine's own, in its measure; they are told as gaps only"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

fn is_over() -> bool {
    END.get().is_some_and(|end| now() >= end)
}

/// Calls the function of a number, if there is time left.
fn call<const NUMBER: usize>(
    context: &mut EvalContext<'_, '_, '_>,
    arguments: Vec<Value>,
) -> Option<Value> {
    if is_over() {
        WAS_CUT.set(true);
        return None;
    }
    let (_, function) = all().get(NUMBER)?;
    function(context, arguments)
}

macro_rules! calls {
    ($($number:literal)*) => { [$(call::<$number>),*] };
}

/// Those that stand for others, by their numbers; a test tells when there are too few.
const CALLS: [Function; 48] = calls![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
    24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47
];

/// Returns all functions of the engine's modules that take bytes, with their names.
fn all() -> &'static [(String, Function)] {
    static ALL: OnceLock<Vec<(String, Function)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let modules: [&dyn Module; 6] = [&Hash, &Math, &Pe, &Elf, &MachO, &Dex];
        let of = |module: &&dyn Module| {
            let values = module.get_static_values().into_iter();
            let functions = values.filter_map(|(name, value)| match value {
                StaticValue::Function { fun, .. } => {
                    Some((format!("{}.{name}", module.get_name()), fun as Function))
                }
                _ => None,
            });
            let mut functions: Vec<(String, Function)> = functions.collect();
            functions.sort_by(|a, b| a.0.cmp(&b.0));
            functions
        };
        modules.iter().flat_map(of).collect()
    })
}

/// A module of the engine with its functions behind ours.
struct Timed<M>(M);

impl<M: Module> Module for Timed<M> {
    fn get_name(&self) -> &'static str {
        self.0.get_name()
    }

    fn get_static_values(&self) -> HashMap<&'static str, StaticValue> {
        let mut values = self.0.get_static_values();
        values.iter_mut().for_each(|(name, value)| {
            if let StaticValue::Function { fun, .. } = value {
                let name = format!("{}.{name}", self.0.get_name());
                let number = all().iter().position(|(known, _)| *known == name);
                if let Some(call) = number.and_then(|number| CALLS.get(number)) {
                    *fun = *call;
                }
            }
        });
        values
    }

    fn get_dynamic_types(&self) -> HashMap<&'static str, Type> {
        self.0.get_dynamic_types()
    }

    fn setup_new_scan(&self, data_map: &mut ModuleDataMap<'_>) {
        self.0.setup_new_scan(data_map);
    }

    fn get_dynamic_values(
        &self,
        context: &mut ScanContext<'_, '_, '_>,
        values: &mut HashMap<&'static str, Value>,
    ) {
        self.0.get_dynamic_values(context, values);
    }
}

/// Returns what begins a compiler, with these modules.
pub(super) fn builder() -> CompilerBuilder {
    CompilerBuilder::new()
        .add_module(Timed(Hash))
        .add_module(Timed(Math))
        .add_module(Timed(Pe))
        .add_module(Timed(Elf))
        .add_module(Timed(MachO))
        .add_module(Timed(Dex))
}

/// Returns with what compiled rules are read back: the same modules.
pub(super) fn to_read() -> DeserializeParams {
    let mut modules = DeserializeParams::default();
    modules.add_module(Timed(Hash));
    modules.add_module(Timed(Math));
    modules.add_module(Timed(Pe));
    modules.add_module(Timed(Elf));
    modules.add_module(Timed(MachO));
    modules.add_module(Timed(Dex));
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_a_module_has_one_of_ours_before_it() {
        let names: Vec<&str> = all().iter().map(|(name, _)| name.as_str()).collect();
        for name in ["hash.md5", "math.entropy", "pe.calculate_checksum", "elf.import_md5"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(names.len() <= CALLS.len(), "{} functions", names.len());
        for value in Timed(Math).get_static_values().into_values() {
            if let StaticValue::Function { fun, .. } = value {
                let is_ours = |ours: &Function| std::ptr::fn_addr_eq(*ours, fun);
                assert!(CALLS.iter().any(is_ours));
            }
        }
    }
}
