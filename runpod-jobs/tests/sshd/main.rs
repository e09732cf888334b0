//! Against OpenSSH's own server on loopback, through OpenSSH's own client: what a pod does with `22/tcp`, without RunPod's part.

mod copies;
mod jobs;
mod server;
mod sessions;
