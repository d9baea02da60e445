//! Handlers against a cluster in memory: the registry and its checks, without threads or a journal.

mod cluster;
mod described;
mod documents;
mod parts;
mod reads;
mod refusals;
mod rights;
mod watches;
mod writes;
