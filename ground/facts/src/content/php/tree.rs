//! What a page says, as a tree: statements, expressions, functions and classes.

use std::rc::Rc;

/// A name, in lower case but for variables.
pub(super) type Name = Rc<str>;

/// An expression.
#[derive(Debug)]
pub(super) enum Expression {
    /// Something of which nothing is known.
    Unknown,
    Text(Rc<[u8]>),
    Number(i64),
    Variable(Name),
    /// `$$name`, `${…}`.
    Named(Box<Expression>),
    Constant(Name),
    ClassConstant(Box<Expression>, Name),
    Element(Box<Expression>, Option<Box<Expression>>),
    Property(Box<Expression>, Box<Expression>),
    StaticProperty(Box<Expression>, Box<Expression>),
    /// A function that stands there by its name, or is a value.
    Call(Box<Expression>, Vec<Argument>, usize),
    Method(Box<Expression>, Box<Expression>, Vec<Argument>, usize),
    StaticCall(Box<Expression>, Box<Expression>, Vec<Argument>, usize),
    New(Box<Expression>, Vec<Argument>, usize),
    Assign(Box<Expression>, Box<Expression>),
    Refer(Box<Expression>, Box<Expression>),
    /// `.=`, `+=` and the like.
    Change(&'static str, Box<Expression>, Box<Expression>),
    /// `++` and `--`; whether the value is that of before.
    Count(&'static str, Box<Expression>, bool),
    Array(Vec<Item>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    /// Values one after the other: `$a . $b . $c`.
    Chain(Vec<Expression>),
    Unary(&'static str, Box<Expression>),
    Cast(Name, Box<Expression>),
    Choice(Box<Expression>, Option<Box<Expression>>, Box<Expression>),
    Match(Box<Expression>, Vec<(Vec<Expression>, Expression)>),
    Closure(Rc<Function>),
    Include(Name, Box<Expression>, usize),
    Isset(Vec<Expression>),
    Empty(Box<Expression>),
    /// Something of which only truth is left.
    Truth(Box<Expression>),
    /// What a generator gives; whether it gives all of an array.
    Yield(Option<Box<Expression>>, bool),
    /// What is shown, in order.
    Echo(Vec<Expression>),
    Exit(Option<Box<Expression>>),
    Throw(Box<Expression>),
}

/// An element of an array as it is written.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) key: Option<Expression>,
    pub(super) value: Expression,
    /// `...$all`.
    pub(super) is_spread: bool,
}

/// An argument of a call.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: Option<Name>,
    pub(super) value: Expression,
    pub(super) is_spread: bool,
}

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    Expression(Expression),
    Block(Vec<Statement>),
    If(Expression, Vec<Statement>, Vec<Statement>),
    While(Expression, Vec<Statement>),
    DoWhile(Vec<Statement>, Expression),
    For(Vec<Expression>, Vec<Expression>, Vec<Expression>, Vec<Statement>),
    Foreach(Box<Loop>),
    Switch(Expression, Vec<(Option<Expression>, Vec<Statement>)>),
    Return(Option<Expression>),
    Break,
    Continue,
    Goto(Name),
    Label(Name),
    Try(Vec<Statement>, Vec<(Option<Name>, Vec<Statement>)>, Vec<Statement>),
    Global(Vec<Name>),
    Static(Vec<(Name, Option<Expression>)>),
    Unset(Vec<Expression>),
    Constant(Name, Expression),
    Nothing,
}

/// `foreach`.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) over: Expression,
    pub(super) key: Option<Expression>,
    pub(super) value: Expression,
    pub(super) is_reference: bool,
    pub(super) body: Vec<Statement>,
}

/// A parameter of a function.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: Name,
    pub(super) kind: Option<Name>,
    pub(super) default: Option<Expression>,
    pub(super) is_reference: bool,
    pub(super) is_rest: bool,
    /// It becomes a property of the object that is made.
    pub(super) is_property: bool,
}

/// A function, method or closure.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name; of a method, without that of its class; of a closure, none.
    pub(super) name: Name,
    pub(super) parameters: Vec<Parameter>,
    /// What a closure takes along, and whether by reference.
    pub(super) uses: Vec<(Name, bool)>,
    pub(super) body: Vec<Statement>,
    /// An arrow function: its body is one value.
    pub(super) is_arrow: bool,
    pub(super) is_generator: bool,
    pub(super) is_static: bool,
}

/// A class, interface or trait.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) name: Name,
    pub(super) parent: Option<Name>,
    pub(super) traits: Vec<Name>,
    pub(super) constants: Vec<(Name, Expression)>,
    pub(super) properties: Vec<(Name, Option<Expression>)>,
    pub(super) statics: Vec<(Name, Option<Expression>)>,
    pub(super) methods: Vec<Rc<Function>>,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) body: Vec<Statement>,
    pub(super) functions: Vec<Rc<Function>>,
    pub(super) classes: Vec<Rc<Class>>,
}
