//! Typed values in and out of JSON, described once.
//!
//! QEMU generates from its schema the structures, the code that reads and checks them, the code that
//! writes them, and the answer to `query-qmp-schema`. Here the macros of this module do the same:
//! `qapi_struct!`, `qapi_enum!` and `qapi_union!` make from one description a Rust type and
//! its [`Qapi`], which reads, writes and describes it. There is no second copy that could differ.

mod alternate;
mod builtin;
mod error;
mod input;
pub(crate) mod macros;
mod shape;

pub use alternate::StrOrNull;
pub use error::ArgumentError;
pub(crate) use input::read_arguments;
pub use input::{Input, Members, Reading};
pub use shape::{
    AlternateShape, Builtin, EnumShape, EnumValue, Feature, Member, ObjectShape, Presence, Shape,
    ShapeOf, Union, Variant,
};

pub(crate) use macros::{qapi_enum, qapi_struct, qapi_union};

use crate::json::{Json, Object};

/// A type that QMP carries.
///
/// Implemented by the words of this crate; a client may read any of them from an answer.
pub trait Qapi: Sized {
    /// Whether a member of this type may be left out.
    const PRESENCE: Presence = Presence::Required;

    /// What the type looks like, for the schema.
    fn shape() -> Shape;

    /// Reads a value, checking what QEMU checks.
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError>;

    /// Writes the value.
    fn write(&self) -> Json;

    /// Reads a member of an object.
    fn read_member(members: &mut Members<'_>, name: &'static str) -> Result<Self, ArgumentError> {
        members.required(name)
    }

    /// Writes the value as a member of an object.
    fn write_member(&self, object: &mut Object, name: &'static str) {
        object.insert(name, self.write());
    }
}

/// A type whose members may lie among those of another: a structure or a union.
pub trait QapiObject: Sized {
    /// What the type looks like, for the schema.
    fn object_shape() -> ObjectShape;

    /// Reads the members that belong to this type.
    fn read_members(members: &mut Members<'_>) -> Result<Self, ArgumentError>;

    /// Writes the members that belong to this type.
    fn write_members(&self, object: &mut Object);
}

/// What is optional is absent, never `null`.
impl<T: Qapi> Qapi for Option<T> {
    const PRESENCE: Presence = Presence::Optional;

    fn shape() -> Shape {
        T::shape()
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        T::read(input).map(Some)
    }

    fn write(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::write)
    }

    fn read_member(members: &mut Members<'_>, name: &'static str) -> Result<Self, ArgumentError> {
        members.optional(name)
    }

    fn write_member(&self, object: &mut Object, name: &'static str) {
        if let Some(value) = self {
            object.insert(name, value.write());
        }
    }
}

impl<T: Qapi> Qapi for Vec<T> {
    fn shape() -> Shape {
        Shape::Array(ShapeOf::of::<T>())
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        input.elements()
    }

    fn write(&self) -> Json {
        Json::Array(self.iter().map(T::write).collect())
    }
}

impl<T: Qapi> Qapi for Box<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        T::read(input).map(Self::new)
    }

    fn write(&self) -> Json {
        T::write(self)
    }
}
