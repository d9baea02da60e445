//! Which writes are let in, and what they are completed with: what each kind demands beyond its
//! schema, and who may do what.
