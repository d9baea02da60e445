//! Links over real sockets.

mod crossing;
mod full_duplex;
mod hostile;
mod listening;
mod splits;
mod support;
mod trust;
