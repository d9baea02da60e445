//! What goes over HTTP once the caller is known: paths, formats, reads, watches and writes.
mod path;
mod protobuf;
