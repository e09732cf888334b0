//! A pod's words and addresses in JSON.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{Connection, PodState, Port, SshCommand};

impl Serialize for PodState {
    /// RunPod's word, byte for byte.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Port {
    /// As it is written in a spec: `22/tcp`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SshCommand {
    /// The command line.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Connection<'_> {
    /// `ssh` and `ssh_proxy` (endpoints), `ssh_command`, `tcp` (endpoints), `http` (URLs by port), `jupyter` (URL).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("ssh", &self.direct_ssh())?;
        map.serialize_entry("ssh_proxy", &self.proxy_ssh())?;
        map.serialize_entry("ssh_command", &self.ssh_command())?;
        map.serialize_entry("tcp", self.tcp_endpoints())?;
        map.serialize_entry("http", &self.http_by_port())?;
        map.serialize_entry("jupyter", &self.jupyter_url())?;
        map.end()
    }
}
