//! RunPod's REST v1, retired on 2026-11-15: for programs that still reach an endpoint of its shape.

use runpod_api::{
    Failure, Int, Integer, ResponseValue,
    http::StatusCode,
    v1::{Client, types},
};
use serde_json::Value;

use crate::{
    Cloud, Cpu, Gpu, Hardware, Pod, PodState, Protocol, TcpEndpoint,
    backend::{
        Action, Answer, Create, PodPage, answer, pages::NextPage, ports, price, printable, status,
        unreadable, unsendable,
    },
    spec::HardwareSpec,
};

const CREATE: &str = "create_pod";

#[derive(Debug)]
pub(crate) struct V1 {
    client: Client,
}

impl V1 {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Every pod: v1 has no pages.
    pub(crate) async fn list(&self) -> Result<Answer<PodPage>, Failure> {
        let options = types::ListPodsOptions::new().include_machine(true).include_network_volume(true);
        let pods = self.client.list_pods_with(&options);
        pods.await.map(|response| {
            answer(response, |pods| PodPage {
                unreadable: pods.malformed().iter().map(|entry| unreadable(entry, "a pod")).collect(),
                pods: pods.into_iter().map(pod).collect(),
                next: NextPage::None,
            })
        })
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Answer<Pod>, Failure> {
        let options = types::GetPodOptions::new().include_machine(true).include_network_volume(true);
        let response = self.client.get_pod_with(id, &options).await?;
        Ok(answer(response, pod))
    }

    pub(crate) async fn create(&self, create: &Create<'_>) -> Result<Answer<Pod>, Failure> {
        let body = request(create)?;
        self.client.create_pod(&body).await.map(|response| answer(response, pod))
    }

    pub(crate) async fn act(&self, id: &str, action: Action) -> Result<Answer<Option<Pod>>, Failure> {
        let response: ResponseValue<()> = match action {
            Action::Start => self.client.start_pod(id).await?,
            Action::Stop => self.client.stop_pod(id).await?,
            Action::Restart => self.client.restart_pod(id).await?,
        };
        Ok(answer(response, |()| None))
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        self.client.delete_pod(id).await.map(status)
    }

    pub(crate) async fn network_volume_data_center(
        &self,
        id: &str,
    ) -> Result<Answer<Option<String>>, Failure> {
        let response = self.client.get_network_volume(id).await?;
        Ok(answer(response, |volume| volume.data_center_id.map(printable)))
    }
}

fn request(create: &Create<'_>) -> Result<types::PodCreateInput, Failure> {
    let spec = create.spec;
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let has_template = spec.template.is_some();
    let has_volume = spec.volume_gb.is_some() || spec.network_volume.is_some();
    let mut body = types::PodCreateInput::new();
    body.cloud_type = Some(match create.cloud {
        Cloud::Community => types::PodCreateInputCloudType::Community,
        Cloud::Secure | Cloud::Either => types::PodCreateInputCloudType::Secure,
    });
    body.container_disk_in_gb = spec.disk_gb(create.hardware).map(|size| i64::from(size).into());
    body.container_registry_auth_id = spec.registry.clone();
    body.data_center_ids = some(create.data_centers);
    body.docker_entrypoint = some(&spec.entrypoint);
    body.docker_start_cmd = some(&spec.cmd);
    body.env = Some(create.env.clone());
    body.global_networking = spec.global_networking.then_some(true);
    body.image_name = spec.image.clone();
    body.interruptible = spec.interruptible.then_some(true);
    body.name = Some(spec.name.parse().map_err(|_| unsendable(CREATE, "the pod name is too long"))?);
    body.network_volume_id = spec.get_network_volume().map(str::to_owned);
    // Left out, v1 would open 8888/http and 22/tcp and add a volume of 20 GB, unless a template says otherwise.
    body.ports = Some(spec.ports.clone()).filter(|ports| !has_template || !ports.is_empty());
    body.support_public_ip = spec.public_ip.then_some(true);
    body.template_id = spec.template.clone();
    body.volume_in_gb = spec.volume_gb.or((!has_template).then_some(0)).map(|size| i64::from(size).into());
    body.volume_mount_path = (!has_template || has_volume).then(|| spec.mounted_at().to_owned());
    match (create.hardware, &spec.hardware) {
        (Hardware::AnyGpu { ids, count }, HardwareSpec::Gpu(gpu)) => {
            body.compute_type = Some(types::PodCreateInputComputeType::Gpu);
            body.gpu_type_ids = Some(ids.clone());
            body.gpu_type_priority = Some(types::PodCreateInputGpuTypePriority::Custom);
            body.gpu_count = Some(Int::try_from(*count).map_err(|error| unsendable(CREATE, error))?);
            body.min_ram_per_gpu = gpu.min_ram_gb.map(i64::from);
            body.min_vcpu_per_gpu = gpu.min_vcpus.map(i64::from);
            body.allowed_cuda_versions = some(&gpu.cuda_versions);
        }
        (Hardware::Cpu { flavor, vcpus }, _) => {
            body.compute_type = Some(types::PodCreateInputComputeType::Cpu);
            body.cpu_flavor_ids = Some(vec![flavor.clone()]);
            body.vcpu_count = Some(i64::from(*vcpus));
        }
        _ => return Err(unsendable(CREATE, "this hardware cannot be asked for on REST v1")),
    }
    Ok(body)
}

fn pod(pod: types::Pod) -> Pod {
    let (ports, unreadable_ports) = ports(pod.ports.as_ref());
    let tcp_endpoints = tcp_endpoints(pod.public_ip.as_deref(), pod.port_mappings.as_ref());
    let machine = pod.machine.unwrap_or_default();
    let gpu_count = pod.gpu.as_ref().and_then(|gpu| gpu.count).or(pod.gpu_count).map(Integer::get);
    let gpu_id = pod.gpu.and_then(|gpu| gpu.id).or(machine.gpu_type_id);
    let network_volume = pod.network_volume.and_then(|volume| volume.id);
    let word = pod.status.map(|status| status.as_str().into_owned());
    let word = word.or_else(|| pod.desired_status.map(|status| status.as_str().into_owned()));
    let wants_tcp = pod.ports.is_none() || ports.iter().any(|port| port.protocol() == Protocol::Tcp);
    Pod {
        state: word.map(|word| state(&word, wants_tcp && tcp_endpoints.is_empty())),
        gpu: gpu_id.map(|id| Gpu { id, count: gpu_count.unwrap_or(1) }),
        cpu: pod.cpu_flavor_id.map(|flavor| Cpu {
            flavor,
            #[expect(clippy::cast_possible_truncation, reason = "a count of vCPUs is a small whole number")]
            vcpus: pod.vcpu_count.map_or(0, |count| count.get() as i64),
        }),
        cloud: match machine.secure_cloud {
            Some(true) => Some(Cloud::Secure),
            Some(false) => Some(Cloud::Community),
            None => None,
        },
        data_center: machine.data_center_id,
        cost_usd_per_hour: pod.adjusted_cost_per_hr.or(pod.cost_per_hr).and_then(price),
        container_disk_gb: pod.container_disk_in_gb.map(Integer::get),
        volume_gb: pod.volume_in_gb.map(Integer::get).filter(|size| *size > 0),
        // Without one, the answer may be short or the pod have none.
        knows_network_volume: network_volume.is_some(),
        network_volume,
        other_network_volumes: Vec::new(),
        env: pod.env.map(|env| env.into_inner()).unwrap_or_default(),
        is_locked: pod.locked.unwrap_or(false),
        has_runtime: !tcp_endpoints.is_empty(),
        uptime: None,
        load: None,
        memory_gb: None,
        created_at: pod.created_at,
        started_at: pod.last_started_at,
        ssh_direct: None,
        ssh_proxy: None,
        image: pod.image_name.or(pod.image),
        registry: pod.container_registry_auth_id.filter(|id| !id.is_empty()).map(printable),
        id: printable(pod.id),
        name: pod.name,
        knows_ports: pod.ports.is_some(),
        knows_volume: pod.volume_in_gb.is_some(),
        ports,
        unreadable_ports,
        tcp_endpoints,
        observed: None,
        seen_at: None,
        withheld: None,
    }
}

/// v1 tells what is wanted, not what is: a pod that should run and has no address yet is starting.
fn state(word: &str, is_unreachable: bool) -> PodState {
    match PodState::from_word(word) {
        PodState::Running if is_unreachable => PodState::Starting,
        state => state,
    }
}

/// The ports reachable from outside: a map from the port inside to the one outside, or a list of
/// objects with their own addresses (both observed).
fn tcp_endpoints(public_ip: Option<&str>, mappings: Option<&Value>) -> Vec<TcpEndpoint> {
    match mappings {
        Some(Value::Object(map)) => map
            .iter()
            .filter_map(|(private, public)| endpoint(public_ip, private.parse().ok(), number(Some(public))))
            .collect(),
        Some(Value::Array(list)) => list
            .iter()
            .filter(|entry| entry.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "tcp"))
            .filter_map(|entry| {
                let ip = entry.get("ip").and_then(Value::as_str).or(public_ip);
                endpoint(ip, number(entry.get("privatePort")), number(entry.get("publicPort")))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn endpoint(ip: Option<&str>, private: Option<i64>, public: Option<i64>) -> Option<TcpEndpoint> {
    TcpEndpoint::new(private?, ip?, public?)
}

fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
