//! Methods: of classes of the page, and of those that PHP has.

use std::rc::Rc;

use super::super::tree::{Argument, Expression, Name};
use super::super::value::Value;
use super::Runner;

impl Runner<'_> {
    pub(super) fn method(
        &mut self,
        of: &Expression,
        name: &Expression,
        arguments: &[Argument],
        offset: usize,
    ) -> Value {
        let of = self.value(of);
        let name = self.value(name);
        let given = self.given(arguments);
        if of.functions.is_some() {
            return self.closure_method(&of, &name, &given, offset);
        }
        // What holds a function: `($this->f)(…)` is no method, `$this->$f(…)` is one.
        if let (Some(by), true) = (&name.tainted, of.tainted.is_some()) {
            let detail = format!("{by} names the method that is called");
            self.flow(offset, 85, detail, true);
        }
        if name.functions.is_some() {
            return self.called(&name, &given, Some(arguments), offset);
        }
        let mut all: Option<Value> = None;
        // A method of the request's name, where a class takes any.
        for object in
            of.objects.iter().flat_map(|all| all.iter()).filter(|_| name.tainted.is_some())
        {
            let given = [name.clone(), Value::list(given.iter().cloned())];
            all = self.method_of(*object, "__call", &given, offset);
        }
        for name in name.names().iter().take(4) {
            let value = self.method_on(&of, name, &given, Some(arguments), offset);
            all = Some(all.map_or(value.clone(), |all| all.or(&value)));
        }
        all.unwrap_or_default()
    }

    /// A method of a value by its name.
    pub(super) fn method_on(
        &mut self,
        of: &Value,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        let Some(objects) = of.objects.clone() else {
            return self.method_of_unknown(of, name, given, arguments, offset);
        };
        let mut all: Option<Value> = None;
        for object in objects.iter().take(4) {
            let value = self.method_on_object(*object, name, given, arguments, offset);
            all = Some(all.map_or(value.clone(), |all| all.or(&value)));
        }
        all.unwrap_or_default()
    }

    fn method_on_object(
        &mut self,
        object: usize,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        let Some(class) = self.heap.get(object).map(|it| Rc::clone(&it.class)) else {
            return Value::default();
        };
        if let Some((function, owner)) = self.find_method(&class, name) {
            return self.enter(&function, Some(object), Some(owner), given, arguments, None);
        }
        if let Some((function, owner)) = self.find_method(&class, "__call") {
            let given = [Value::text(name.as_bytes()), Value::list(given.iter().cloned())];
            return self.enter(&function, Some(object), Some(owner), &given, None, None);
        }
        self.foreign_method(object, &class, name, given, offset)
    }

    /// A method of a value that is no object, as far as is known.
    fn method_of_unknown(
        &mut self,
        of: &Value,
        name: &str,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        // A generator is the array of what it gives.
        if of.array.is_some() {
            match name {
                "current" | "getreturn" | "next" | "key" | "rewind" => return of.any(),
                "send" => {
                    if let Some(sent) = given.first() {
                        self.sent = std::mem::take(&mut self.sent).or(sent);
                    }
                    return of.any();
                }
                _ => {}
            }
        }
        if of.tainted.is_some() {
            return Value { has_head: false, ..of.source() };
        }
        if let Some(class) = self.only_class_with(name)
            && let Some((function, owner)) = self.find_method(&class, name)
        {
            let object = self.shared_object(&class);
            return self.enter(&function, Some(object), Some(owner), given, arguments, None);
        }
        let _offset = offset;
        Value::default()
    }

    /// Methods of functions that are values.
    fn closure_method(
        &mut self,
        of: &Value,
        name: &Value,
        given: &[Value],
        offset: usize,
    ) -> Value {
        match name.name().unwrap_or_default().as_str() {
            "call" => {
                let rest = given.get(1..).unwrap_or_default();
                self.called(of, rest, None, offset)
            }
            "bindto" => of.clone(),
            _ => self.called(of, given, None, offset),
        }
    }

    pub(super) fn static_call(
        &mut self,
        class: &Expression,
        name: &Expression,
        arguments: &[Argument],
        offset: usize,
    ) -> Value {
        let is_upward = matches!(class, Expression::Constant(name)
            if matches!(name.as_ref(), "parent" | "self" | "static"));
        let (method, dynamic) = match name {
            Expression::Constant(name) => (Some(name.to_string()), Value::default()),
            name => {
                let value = self.value(name);
                (value.name(), value)
            }
        };
        let of = match class {
            Expression::Constant(_) => Value::default(),
            class => self.value(class),
        };
        let given = self.given(arguments);
        if let (Some(by), Some(_)) = (&dynamic.tainted, &of.tainted) {
            let detail = format!("{by} names the method that is called");
            self.flow(offset, 85, detail, true);
        }
        let (Some(class), Some(method)) = (self.class_name(class), method) else {
            return Value::default();
        };
        let this = if is_upward { self.now.this } else { None };
        if let Some((function, owner)) = self.find_method(&class, &method) {
            return self.enter(&function, this, Some(owner), &given, Some(arguments), None);
        }
        if let Some((function, owner)) = self.find_method(&class, "__callstatic") {
            let given = [Value::text(method.as_bytes()), Value::list(given)];
            return self.enter(&function, this, Some(owner), &given, None, None);
        }
        match (class.as_ref(), method.as_str()) {
            ("closure", "fromcallable" | "bind") => given.first().cloned().unwrap_or_default(),
            ("ffi", _) => Value::object(self.new_object(&class)),
            _ => Value::default(),
        }
    }

    /// An object of a class that PHP has, or that is not in the page.
    pub(super) fn made_foreign(&mut self, class: &Name, given: &[Value], offset: usize) {
        let Some(first) = given.first() else { return };
        let is_sink = first.names().iter().any(|name| super::sinks::is_sink(name));
        if class.as_ref() == "reflectionfunction" {
            if is_sink {
                let detail = "a function that runs code, by its name".to_owned();
                self.flow(offset, 80, detail, true);
            }
            self.runs_request("reflection", first, 85, offset);
        }
        if class.ends_with("iterator")
            && let Some(called) = given.get(1)
            && (called.functions.is_some() || called.texts.is_some() || called.tainted.is_some())
        {
            let one = first.any();
            let one = match first.objects.as_ref().and_then(|all| all.first()) {
                Some(object) => self.made_with(*object, 0).map_or(one, |made| made.any()),
                None => one,
            };
            let _kept = self.called(called, &[one], None, offset);
        }
        self.handled(&Value::text(class.as_bytes()), offset);
    }

    fn foreign_method(
        &mut self,
        object: usize,
        class: &Name,
        name: &str,
        given: &[Value],
        offset: usize,
    ) -> Value {
        let made = self.made_with(object, 0);
        let first = given.first().cloned().unwrap_or_default();
        match (class.as_ref(), name) {
            _ if class.starts_with("reflection") => {
                self.reflection(object, class, name, given, offset)
            }
            ("ffi" | "com", _) => {
                if super::sinks::is_command(name) || class.as_ref() == "com" {
                    self.runs_request(&format!("{name}() of {class}"), &first, 80, offset);
                }
                Value::object(object)
            }
            (_, "fwrite") if class.starts_with("spl") => {
                let path = made.unwrap_or_default();
                self.written_to(&path, &first, offset);
                Value::default()
            }
            (_, "fread" | "fgets" | "current") if class.starts_with("splf") => {
                self.fetched("file", &made.unwrap_or_default())
            }
            ("ziparchive" | "phardata", "open" | "extractto" | "__construct") => {
                self.unpacked_archive(object, name, &first, offset);
                Value::default()
            }
            ("pdo" | "sqlite3" | "xsltprocessor" | "domdocument", _) => {
                self.documents(object, name, given, offset);
                Value::default()
            }
            _ if class.ends_with("exception") || class.ends_with("error") => match name {
                "getmessage" => made.unwrap_or_default(),
                _ => Value::default(),
            },
            _ => self.collection(object, class, name, given, offset),
        }
    }

    /// Databases and documents that may call PHP.
    fn documents(&mut self, object: usize, name: &str, given: &[Value], offset: usize) {
        let first = given.first().cloned().unwrap_or_default();
        match name {
            "sqlitecreatefunction" | "createfunction" => {
                self.handlers.extend(given.get(1).cloned());
            }
            "query" | "exec" | "querysingle" => self.handled(&first.gathered(), offset),
            "importstylesheet" => {
                let asks = memchr::memmem::find(self.page, b"registerPHPFunctions").is_some();
                let sheet = first.objects.as_ref().and_then(|all| all.first());
                let sheet = sheet.and_then(|sheet| self.made_with(*sheet, 0));
                if let Some(sheet) = sheet.filter(|_| asks) {
                    let sheet = sheet.gathered();
                    self.runs_request("a style sheet that may call PHP", &sheet, 80, offset);
                }
            }
            "loadxml" | "load" | "loadhtml" => self.filled(object, &first),
            _ => {}
        }
    }

    /// Functions, methods and classes that are looked at.
    fn reflection(
        &mut self,
        object: usize,
        class: &Name,
        name: &str,
        given: &[Value],
        offset: usize,
    ) -> Value {
        let made = self.made_with(object, 0);
        let first = given.first().cloned().unwrap_or_default();
        match (class.as_ref(), name) {
            ("reflectionfunction", "invoke") => {
                self.called(&made.unwrap_or_default(), given, None, offset)
            }
            ("reflectionfunction", "invokeargs") => {
                let given = listed(&first);
                self.called(&made.unwrap_or_default(), &given, None, offset)
            }
            ("reflectionmethod", "invoke" | "invokeargs") => {
                let method = self.made_with(object, 1).unwrap_or_default();
                let rest = given.get(1..).unwrap_or_default();
                let rest = if name == "invoke" {
                    rest.to_vec()
                } else {
                    rest.first().map(listed).unwrap_or_default()
                };
                let of = if first.objects.is_some() { first } else { made.unwrap_or_default() };
                if let (Some(by), Some(_)) = (&method.tainted, &of.tainted) {
                    let detail = format!("{by} names the method that is called");
                    self.flow(offset, 85, detail, true);
                }
                let method = method.name().unwrap_or_default();
                self.method_by_name(&of, &method, &rest, offset)
            }
            ("reflectionclass" | "reflectionobject", _) => {
                self.reflected(&made.unwrap_or_default(), name, given, offset)
            }
            (_, "getdoccomment") => {
                Value { decoded: Some("getDocComment".into()), ..Value::default() }
            }
            _ => Value::default(),
        }
    }

    /// `ReflectionClass`.
    fn reflected(&mut self, class: &Value, name: &str, given: &[Value], offset: usize) -> Value {
        let given = match name {
            "newinstanceargs" => given.first().map(listed).unwrap_or_default(),
            _ => given.to_vec(),
        };
        match name {
            "newinstance" | "newinstanceargs" | "newinstancewithoutconstructor" => {
                if let Some(by) = &class.tainted {
                    let detail = format!("{by} names the class that is made");
                    self.flow(offset, 60, detail, true);
                }
                match class.names().first() {
                    Some(class) => self.made_of(&class.as_str().into(), &given, None, offset),
                    None => Value::default(),
                }
            }
            "getmethod" => {
                let method = given.first().cloned().unwrap_or_default();
                let given = [class.clone(), method];
                self.made_of(&"reflectionmethod".into(), &given, None, offset)
            }
            "getname" | "getshortname" => class.clone(),
            "getdoccomment" => Value { decoded: Some("getDocComment".into()), ..Value::default() },
            "getconstant" | "getstaticpropertyvalue" => {
                let (class, name) = (class.name(), given.first().and_then(Value::name));
                let (Some(class), Some(name)) = (class, name) else { return Value::default() };
                let key = self.static_key(&class, &name);
                match self.statics.get(&key) {
                    Some(value) => value.clone(),
                    None => {
                        let class = Expression::Constant(class.into());
                        self.class_constant(&class, &name.into())
                    }
                }
            }
            _ => Value::default(),
        }
    }

    /// What classes that hold things give.
    fn collection(
        &mut self,
        object: usize,
        class: &Name,
        name: &str,
        given: &[Value],
        offset: usize,
    ) -> Value {
        let holds = class.starts_with("array")
            || class.starts_with("spl")
            || class.starts_with("ds")
            || class.contains("iterator");
        let Some(made) = self.made_with(object, 0).filter(|_| holds || class.is_empty()) else {
            if holds && matches!(name, "append" | "push" | "enqueue" | "attach" | "unshift") {
                let value = given.last().cloned().unwrap_or_default();
                self.filled(object, &value);
            }
            if holds && matches!(name, "offsetset" | "insert") {
                let value = given.get(1).or(given.first()).cloned().unwrap_or_default();
                self.filled(object, &value);
            }
            return Value::default();
        };
        match name {
            "getarraycopy" | "toarray" => made,
            "offsetget" => {
                let index = given.first().cloned().unwrap_or_default();
                self.indexed(&made, &index)
            }
            "append" | "push" | "enqueue" | "attach" | "unshift" => {
                let value = given.first().cloned().unwrap_or_default();
                self.filled(object, &value);
                Value::default()
            }
            "offsetset" => {
                let value = given.get(1).cloned().unwrap_or_default();
                self.filled(object, &value);
                Value::default()
            }
            "uasort" | "uksort" => {
                let called = given.first().cloned().unwrap_or_default();
                let one = made.any();
                self.called(&called, &[one.clone(), one], None, offset)
            }
            "count" | "key" | "valid" | "rewind" => Value::default(),
            _ => made.any(),
        }
    }
}

/// The elements of a value, as arguments.
fn listed(value: &Value) -> Vec<Value> {
    match value.array.as_ref().filter(|_| value.tainted.is_none()) {
        Some(array) => array.values().cloned().collect(),
        None => vec![value.any(), value.any()],
    }
}
