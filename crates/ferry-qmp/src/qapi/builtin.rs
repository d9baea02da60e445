//! The types that need no description: truth values, texts and numbers, with and without a unit.

use ferry_units::{Bytes, BytesPerSecond, PageCount};

use super::{ArgumentError, Builtin, Input, Qapi, Reading, Shape};
use crate::json::{Json, Number};

impl Qapi for bool {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Bool)
    }

    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_bool
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        input.json().as_bool().ok_or_else(|| input.expected("boolean"))
    }

    fn write(&self) -> Json {
        Json::Bool(*self)
    }
}

impl Qapi for String {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Str)
    }

    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_str
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        input.json().as_str().map(str::to_owned).ok_or_else(|| input.expected("string"))
    }

    fn write(&self) -> Json {
        Json::from(self.as_str())
    }
}

impl Qapi for i64 {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Int)
    }

    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_int64
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        let number = input.json().as_number().and_then(Number::as_i64);
        number.ok_or_else(|| input.expected("integer"))
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }
}

impl Qapi for u64 {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Int)
    }

    /// A negative number in a command is taken modulo 2^64, as QEMU has always done; in an answer
    /// it is an error.
    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_uint64
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        let number = input.json().as_number();
        let wrapped = match input.reading() {
            Reading::Strict => number.and_then(Number::as_i64).map(i64::cast_unsigned),
            Reading::Tolerant => None,
        };
        let value = number.and_then(Number::as_u64).or(wrapped);
        value.ok_or_else(|| ArgumentError::Range { place: input.place(), expected: "uint64" })
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }
}

impl Qapi for f64 {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Number)
    }

    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_number
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        let number = input.json().as_number().map(Number::as_f64);
        number.ok_or_else(|| input.expected("number"))
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }
}

/// Anything, unread.
impl Qapi for Json {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Any)
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        Ok(input.json().clone())
    }

    fn write(&self) -> Json {
        self.clone()
    }
}

/// `null`.
impl Qapi for () {
    fn shape() -> Shape {
        Shape::Builtin(Builtin::Null)
    }

    // PARITY: qapi/qobject-input-visitor.c#qobject_input_type_null
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        if *input.json() == Json::Null { Ok(()) } else { Err(input.expected("null")) }
    }

    fn write(&self) -> Json {
        Json::Null
    }
}

/// Smaller unsigned integers: as the large one, and then the range.
macro_rules! unsigned {
    ($($type:ty, $name:literal;)*) => {$(
        impl Qapi for $type {
            fn shape() -> Shape {
                u64::shape()
            }

            // PARITY: qapi/qapi-visit-core.c#visit_type_uintN
            fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
                Self::try_from(u64::read(input)?).map_err(|_| ArgumentError::Range {
                    place: input.name().to_owned(),
                    expected: $name,
                })
            }

            fn write(&self) -> Json {
                Json::from(u64::from(*self))
            }
        }
    )*};
}

unsigned! {
    u8, "uint8_t";
    u16, "uint16_t";
    u32, "uint32_t";
}

/// Integers with a unit.
macro_rules! quantity {
    ($($type:ty: $make:path, $get:expr;)*) => {$(
        impl Qapi for $type {
            fn shape() -> Shape {
                u64::shape()
            }

            fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
                u64::read(input).map($make)
            }

            fn write(&self) -> Json {
                u64::write(&$get(*self))
            }
        }
    )*};
}

quantity! {
    Bytes: Bytes::new, Bytes::get;
    BytesPerSecond: BytesPerSecond::new, BytesPerSecond::get;
    PageCount: PageCount, PageCount::get;
}
