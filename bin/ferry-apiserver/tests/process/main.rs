//! The program as a process: started, asked, killed, started again, told to end.

mod arguments;
mod common;
mod credentials;
mod ending;
mod starting;
