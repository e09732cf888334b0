use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use runpod_sim::{BootProfile, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

use crate::client::{Caller, frozen, id, order};

const LONG: Duration = Duration::from_secs(20);

fn direct(pod: &Value) -> SocketAddr {
    let direct = &pod["ssh"]["direct"];
    assert_eq!(direct["command"], format!("ssh root@127.0.0.1 -p {}", direct["port"]));
    format!("{}:{}", direct["host"].as_str().unwrap(), direct["port"]).parse().unwrap()
}

async fn refused(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The banner, once the port accepts; retries as a readiness probe does.
async fn banner(address: SocketAddr) -> String {
    let read = async {
        loop {
            if let Ok(stream) = TcpStream::connect(address).await {
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line).await.unwrap();
                return line;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, read).await.unwrap()
}

#[tokio::test]
async fn ssh_is_refused_until_sshd_runs_and_then_says_who_it_is() {
    let builder = frozen().boot(BootProfile {
        ssh_banner: runpod_sim::Delay::fixed(Duration::ZERO),
        ..BootProfile::fixed(Duration::from_secs(10))
    });
    let caller = Caller::of(builder).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(30);
    let address = direct(&caller.pod(&id).await);
    assert!(refused(address).await);
    caller.advance(10);
    assert!(banner(address).await.starts_with("SSH-2.0-"));
    caller.act(&id, "stop").await;
    tokio::time::timeout(LONG, async {
        while !refused(address).await {
            tokio::task::yield_now().await
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn no_sshd_without_the_flag_or_without_keys() {
    let caller = Caller::of(frozen().ssh_keys([])).await;
    let no_keys = id(&caller.create(order(json!({}))).await);
    let own_key = id(&caller
        .create(order(json!({ "startSsh": false, "env": { "PUBLIC_KEY": "ssh-ed25519 AAAA x" } })))
        .await);
    caller.advance(40);
    caller.sim.set_time_scale(1000.0).unwrap();
    assert!(banner(direct(&caller.pod(&own_key).await)).await.starts_with("SSH-2.0-"));
    assert!(refused(direct(&caller.pod(&no_keys).await)).await);
}

#[tokio::test]
async fn a_scaled_clock_brings_a_pod_all_the_way_up() {
    let caller = Caller::of(Sim::builder().seed(3).time_scale(600.0)).await;
    let id =
        id(&caller.create(order(json!({ "ports": ["22/tcp", "8888/http", "5432/tcp", "53/udp"] }))).await);
    let pod = tokio::time::timeout(LONG, async {
        loop {
            let pod = caller.pod(&id).await;
            if !pod["ssh"]["direct"].is_null() && !pod["runtime"].is_null() {
                return pod;
            }
        }
    });
    let pod = pod.await.unwrap();
    assert!(banner(direct(&pod)).await.starts_with("SSH-2.0-"));
    let ports = pod["runtime"]["ports"].as_array().unwrap();
    let public = |private: u64| {
        let find = |port: &&Value| port["private"] == private && port["ip"] == "127.0.0.1";
        ports.iter().find(find).map(|port| port["public"].as_u64().unwrap())
    };
    assert!(public(5432).is_some() && public(22) == pod["ssh"]["direct"]["port"].as_u64());
    assert_eq!(public(8888), None, "an HTTP port has no public address");
    let url = caller.sim.http_url(&id, 8888).unwrap();
    let plain = crate::client::client().build().unwrap();
    let fetch = async {
        loop {
            if let Ok(answer) = plain.get(&url).send().await {
                return answer.text().await.unwrap();
            }
        }
    };
    assert_eq!(tokio::time::timeout(LONG, fetch).await.unwrap(), "simulated service on port 8888\n");
}

#[tokio::test]
async fn stopping_the_simulator_closes_everything() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(100);
    let (server, ssh) = (caller.sim.address(), direct(&caller.pod(&id).await));
    let open = async {
        while refused(ssh).await {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(LONG, open).await.unwrap();
    caller.sim.shutdown().await;
    let closed = async {
        while !(refused(server).await && refused(ssh).await) {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(LONG, closed).await.unwrap();
}
