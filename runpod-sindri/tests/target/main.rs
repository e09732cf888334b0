//! The target plugin as Sindri drives it: a process for each request, one line each way.

mod host;
mod lines;
mod lives;
mod manifest;
