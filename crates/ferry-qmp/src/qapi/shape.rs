//! What a type looks like: the material of `query-qmp-schema`.

use super::Qapi;

/// What a type looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A type that needs no description.
    Builtin(Builtin),
    /// One of several words.
    Enum(EnumShape),
    /// Any number of the same.
    Array(ShapeOf),
    /// Named members.
    Object(ObjectShape),
    /// One of several types that JSON can tell apart.
    Alternate(AlternateShape),
}

/// A type that needs no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builtin {
    /// A string.
    Str,
    /// An integer of any size.
    Int,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// `null`.
    Null,
    /// Anything.
    Any,
}

/// One of several words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumShape {
    /// What QEMU calls the type.
    pub name: &'static str,
    /// The words.
    pub values: &'static [EnumValue],
}

/// A word of an enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// The word.
    pub name: &'static str,
    /// What is special about it.
    pub features: &'static [Feature],
}

/// Named members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectShape {
    /// What QEMU calls the type.
    pub name: &'static str,
    /// The members that are always possible.
    pub members: Vec<Member>,
    /// Further members that depend on the value of one.
    pub union: Option<Union>,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it looks like.
    pub shape: ShapeOf,
    /// Whether it has to be there.
    pub presence: Presence,
    /// What is special about it.
    pub features: &'static [Feature],
}

/// Members that depend on the value of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    /// The member they depend on, an enumeration.
    pub tag: &'static str,
    /// For each of its words, what comes with it.
    pub variants: Vec<Variant>,
}

/// What comes with a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The word.
    pub case: &'static str,
    /// An object whose members come with it.
    pub shape: ShapeOf,
}

/// One of several types that JSON can tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternateShape {
    /// What QEMU calls the type.
    pub name: &'static str,
    /// The types.
    pub members: Vec<ShapeOf>,
}

/// Whether a member has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to be there.
    Required,
    /// It may be left out.
    Optional,
}

/// What is special about a command, a member or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// It will go.
    Deprecated,
    /// It may change without notice.
    Unstable,
}

/// The shape of a type, made when it is asked for: types may contain themselves.
#[derive(Clone, Copy)]
pub struct ShapeOf(fn() -> Shape);

impl ShapeOf {
    /// The shape of `T`.
    pub const fn of<T: Qapi>() -> Self {
        Self(T::shape)
    }

    /// The shape.
    pub fn get(self) -> Shape {
        (self.0)()
    }
}

impl Shape {
    /// What QEMU calls the type.
    pub fn name(&self) -> String {
        match self {
            Self::Builtin(builtin) => builtin.name().to_owned(),
            Self::Enum(shape) => shape.name.to_owned(),
            Self::Array(element) => format!("{}List", element.get().name()),
            Self::Object(shape) => shape.name.to_owned(),
            Self::Alternate(shape) => shape.name.to_owned(),
        }
    }
}

impl Builtin {
    /// The name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Null => "null",
            Self::Any => "any",
        }
    }
}

impl Feature {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deprecated => "deprecated",
            Self::Unstable => "unstable",
        }
    }
}

/// Prints the name alone, since a shape may contain itself.
impl std::fmt::Debug for ShapeOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.get().name())
    }
}

/// Types of the same name are the same.
impl PartialEq for ShapeOf {
    fn eq(&self, other: &Self) -> bool {
        self.get().name() == other.get().name()
    }
}

impl Eq for ShapeOf {}
