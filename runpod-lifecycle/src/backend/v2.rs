//! RunPod's REST v2.

mod stored;

use runpod_api::{
    ByteStream, Failure, Int, Integer, Joined, LenientList, List, MalformedItem, Number, Open,
    http::StatusCode,
    v2::{Client, types},
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    Cloud, Cpu, CpuFlavor, Gpu, GpuLoad, GpuType, Hardware, Load, LogSource, Pod, PodState, SshEndpoint,
    Stock, TcpEndpoint,
    backend::{
        Action, Answer, Create, DataCenter, PodPage, SshKeys, answer, pages::NextPage, ports, price,
        printable, status, unreadable, unsendable,
    },
    pod::log::{LogQuery, Resume},
    spec::{GpuSpec, HardwareSpec},
};

/// Pods per page of a list: RunPod's maximum.
const PAGE: i64 = 1000;

#[derive(Debug)]
pub(crate) struct V2 {
    client: Client,
}

impl V2 {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) async fn list(&self, cursor: Option<&str>) -> Result<Answer<PodPage>, Failure> {
        let limit = Int::new(PAGE).map_err(|error| unsendable("list_pods", error))?;
        let cursor = cursor.map(str::parse).transpose();
        let cursor: Option<types::ListPodsCursor> =
            cursor.map_err(|_| unsendable("list_pods", "the cursor of the next page is empty"))?;
        let mut options = types::ListPodsOptions::new().limit(limit);
        options.cursor = cursor;
        self.client.list_pods_with(&options).await.map(|response| answer(response, page))
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Answer<Pod>, Failure> {
        self.client.get_pod(id).await.map(|response| answer(response, pod))
    }

    pub(crate) async fn create(&self, create: &Create<'_>) -> Result<Answer<Pod>, Failure> {
        let body = request(create)?;
        self.client.create_pod(&body).await.map(|response| answer(response, pod))
    }

    pub(crate) async fn act(&self, id: &str, action: Action) -> Result<Answer<Option<Pod>>, Failure> {
        let action = match action {
            Action::Start => types::PodAction::Start,
            Action::Stop => types::PodAction::Stop,
            Action::Restart => types::PodAction::Restart,
        };
        let body = types::PodActionRequest::new(action);
        let response = self.client.pod_action(id, &body).await?;
        Ok(answer(response, |body| body.into_value().map(pod)))
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        self.client.delete_pod(id).await.map(status)
    }

    pub(crate) async fn gpu_types(&self, count: u32, cloud: Cloud) -> Result<Answer<Vec<GpuType>>, Failure> {
        const OPERATION: &str = "list_gpu_types";
        let unsendable = |error| unsendable(OPERATION, error);
        let (filter, secure) = match cloud {
            Cloud::Community => (types::GpuCloudFilter::Community, false),
            Cloud::Secure | Cloud::Either => (types::GpuCloudFilter::Secure, true),
        };
        let count = Int::try_from(count).map_err(unsendable)?;
        let include = Joined::try_from(vec![types::CatalogInclude::Availability]).map_err(unsendable)?;
        let product = Joined::try_from(vec![types::Product::Pod]).map_err(unsendable)?;
        let options = types::ListGpuTypesOptions::new();
        let options = options.cloud(filter).count(count).include(include).product(product);
        let response = self.client.list_gpu_types_with(&options).await?;
        Ok(answer(response, |list| {
            let malformed: Vec<types::GpuType> =
                malformed_ids(list.gpus.malformed()).filter_map(only_id).collect();
            list.gpus.into_iter().chain(malformed).map(|gpu| gpu_type(gpu, secure)).collect()
        }))
    }

    pub(crate) async fn cpu_flavors(&self) -> Result<Answer<Vec<CpuFlavor>>, Failure> {
        const OPERATION: &str = "list_cpu_types";
        let unsendable = |error| unsendable(OPERATION, error);
        let include = Joined::try_from(vec![types::CatalogInclude::Availability]).map_err(unsendable)?;
        let product = Joined::try_from(vec![types::CpuProduct::Pod]).map_err(unsendable)?;
        let options = types::ListCpuTypesOptions::new().include(include).product(product);
        let response = self.client.list_cpu_types_with(&options).await?;
        Ok(answer(response, |list| {
            let malformed: Vec<types::CpuType> =
                malformed_ids(list.cpus.malformed()).filter_map(only_id).collect();
            list.cpus.into_iter().chain(malformed).map(cpu_flavor).collect()
        }))
    }

    pub(crate) async fn data_centers(&self) -> Result<Answer<Vec<DataCenter>>, Failure> {
        let response = self.client.list_data_centers().await?;
        Ok(answer(response, |list| {
            let malformed: Vec<types::DataCenter> =
                malformed_ids(list.data_centers.malformed()).filter_map(only_id).collect();
            let center = |center: types::DataCenter| DataCenter {
                has_volumes: center
                    .network_volume_types
                    .map(|tiers| !tiers.is_empty() || !tiers.malformed().is_empty()),
                id: printable(center.id),
            };
            list.data_centers.into_iter().chain(malformed).map(center).collect()
        }))
    }

    pub(crate) async fn network_volume_data_center(
        &self,
        id: &str,
    ) -> Result<Answer<Option<String>>, Failure> {
        self.client
            .get_network_volume(id)
            .await
            .map(|response| answer(response, |volume| volume.data_center.map(printable)))
    }

    pub(crate) async fn billed_usd(&self, id: &str) -> Result<Answer<f64>, Failure> {
        let response =
            self.client.list_pod_billing_with(&types::ListPodBillingOptions::new().pod_id(id)).await?;
        Ok(answer(response, |billing| {
            let records = billing.records.iter().filter(|record| record.pod_id.as_deref() == Some(id));
            records.filter_map(|record| record.total_amount).map(Number::get).fold(0.0, |sum, usd| sum + usd)
        }))
    }

    pub(crate) async fn ssh_keys(&self) -> Result<Answer<SshKeys>, Failure> {
        let response = self.client.get_ssh_keys().await?;
        Ok(answer(response, |keys| SshKeys {
            unreadable: keys.keys.malformed().len(),
            // An entry may hold several lines, or none.
            readable: keys.keys.iter().flat_map(|entry| entry.lines()).filter_map(key_line).collect(),
        }))
    }

    pub(crate) async fn set_ssh_keys(&self, keys: &[String]) -> Result<Answer<()>, Failure> {
        let keys = keys.iter().map(|key| key.parse()).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|_| unsendable("update_ssh_keys", "a key is not an OpenSSH public key"))?;
        let body = types::UpdateSshKeysRequest::new(keys);
        self.client.update_ssh_keys(&body).await.map(|response| answer(response, drop))
    }

    pub(crate) async fn logs(
        &self,
        id: &str,
        query: &LogQuery,
        resume: &Resume,
    ) -> Result<Answer<ByteStream>, Failure> {
        let (cursor, since) = match resume {
            Resume::Tail => (None, None),
            Resume::After(id) => (Some(id.as_str()), None),
            Resume::Since(at) => (None, Some(at.parse().map_err(|error| unsendable("get_pod_logs", error))?)),
        };
        let source = match &query.source {
            Some(LogSource::Container) => Some(types::LogSource::Container),
            Some(LogSource::System) => Some(types::LogSource::System),
            _ => None,
        };
        let tail = Int::try_from(query.tail).map_err(|error| unsendable("get_pod_logs", error))?;
        let mut options = types::GetPodLogsOptions::new().tail(tail);
        options.since = since;
        options.source = source;
        options.last_event_id = cursor.map(str::to_owned);
        let response = self.client.get_pod_logs_with(id, &options).await?;
        Ok(answer(response, |bytes| bytes))
    }
}

fn key_line(line: &str) -> Option<String> {
    Some(line.trim()).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// The ids of entries of the catalog that cannot be read otherwise: what has one is known all the same.
fn malformed_ids(malformed: &[MalformedItem]) -> impl Iterator<Item = String> {
    let id = |malformed: &MalformedItem| match serde_json::from_str(malformed.json()).ok()? {
        Value::String(id) => Some(id),
        Value::Object(fields) => fields.get("id")?.as_str().map(str::to_owned),
        _ => None,
    };
    malformed.iter().filter_map(id)
}

/// An entry of the catalog of which nothing but its id is known.
fn only_id<T: DeserializeOwned>(id: String) -> Option<T> {
    serde_json::from_value(json!({ "id": id })).ok()
}

fn request(create: &Create<'_>) -> Result<types::CreatePodRequest, Failure> {
    const OPERATION: &str = "create_pod";
    let spec = create.spec;
    let refused = |problem: &str| unsendable(OPERATION, problem);
    let (gpu, cpu) = match (create.hardware, &spec.hardware) {
        (Hardware::Gpu { id, .. }, HardwareSpec::Gpu(gpu)) => (Some(gpu_request(id, gpu)?), None),
        (Hardware::Cpu { flavor, vcpus }, _) => (None, Some(cpu_request(flavor, *vcpus)?)),
        _ => return Err(refused("this hardware cannot be asked for on REST v2")),
    };
    let name: types::CreatePodRequestName =
        spec.name.parse().map_err(|_| refused("the pod name is empty"))?;
    let mut body = types::CreatePodRequest::new(name);
    body.args = spec.args.clone();
    body.cloud = gpu.is_some().then_some(match create.cloud {
        Cloud::Community => types::Cloud::Community,
        Cloud::Secure | Cloud::Either => types::Cloud::Secure,
    });
    body.cmd = some(&spec.cmd);
    body.cpu = cpu;
    body.data_center_ids = some(create.data_centers);
    body.disk = spec
        .disk_gb(create.hardware)
        .map(Int::try_from)
        .transpose()
        .map_err(|error| unsendable(OPERATION, error))?;
    body.entrypoint = some(&spec.entrypoint);
    body.env = Some(create.env.clone());
    body.global_networking = spec.global_networking.then_some(true);
    body.gpu = gpu;
    body.image = spec.image.clone();
    body.mounts = mounts(create)?;
    body.ports = some(&spec.ports);
    body.registry = spec.registry.clone().map(Into::into);
    body.start_jupyter = spec.jupyter.then_some(true);
    body.start_ssh = match spec.ssh {
        Some(start) => Some(start),
        None => spec.starts_ssh().then_some(true),
    };
    body.template_id = spec
        .template
        .as_ref()
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| refused("the template id is empty"))?;
    Ok(body)
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn gpu_request(id: &str, gpu: &GpuSpec) -> Result<types::CreateGpuConfig, Failure> {
    let refused = |_| unsendable("create_pod", "a CUDA version is not written 12.8");
    let number = |error| unsendable("create_pod", error);
    let versions = gpu.cuda_versions.iter().map(|version| version.parse()).collect::<Result<Vec<_>, _>>();
    let versions = versions.map_err(refused)?;
    let mut config = types::CreateGpuConfig::new(id);
    config.allowed_cuda_versions = (!versions.is_empty()).then_some(versions);
    config.count = Some(Int::try_from(gpu.count).map_err(number)?);
    config.min_cuda_version =
        gpu.min_cuda_version.as_ref().map(|version| version.parse()).transpose().map_err(refused)?;
    config.min_ram_per_gpu = gpu.min_ram_gb.map(Int::try_from).transpose().map_err(number)?;
    config.min_vcpu_count_per_gpu = gpu.min_vcpus.map(Int::try_from).transpose().map_err(number)?;
    Ok(config)
}

fn cpu_request(flavor: &str, vcpus: u32) -> Result<types::CreateCpuConfig, Failure> {
    let id: types::CreateCpuConfigId =
        flavor.parse().map_err(|_| unsendable("create_pod", "the CPU flavor is empty"))?;
    let vcpus = Int::try_from(vcpus).map_err(|error| unsendable("create_pod", error))?;
    Ok(types::CreateCpuConfig::new(id, vcpus))
}

fn mounts(create: &Create<'_>) -> Result<Option<types::MountsRequest>, Failure> {
    let spec = create.spec;
    let path = spec.mounted_at().to_owned();
    if let Some(id) = spec.get_network_volume() {
        let mount = types::NetworkMountRequest::new(path, id);
        let network = List::try_from(vec![mount]).map_err(|error| unsendable("create_pod", error))?;
        return Ok(Some(types::MountsRequest::new().network(network)));
    }
    let Some(size) = spec.volume_gb else { return Ok(None) };
    let size = Int::try_from(size).map_err(|error| unsendable("create_pod", error))?;
    Ok(Some(types::MountsRequest::new().persistent(types::PersistentMountRequest::new(path, size))))
}

fn page(list: types::ListPodsResponse) -> PodPage {
    let unreadable = list.pods.malformed().iter().map(|malformed| unreadable(malformed, "a pod")).collect();
    let next = next_page(list.pagination);
    PodPage { pods: list.pods.into_iter().map(pod).collect(), unreadable, next }
}

/// The page after one that says so.
pub(crate) fn next_page(pagination: Option<types::Pagination>) -> NextPage {
    let pagination = pagination.unwrap_or_default();
    let cursor = pagination.next_cursor.filter(|cursor| !cursor.is_empty());
    match (pagination.has_next_page, cursor) {
        (Some(false), _) | (None, None) => NextPage::None,
        (_, Some(cursor)) => NextPage::At(cursor),
        (Some(true), None) => NextPage::Nowhere,
    }
}

impl From<types::Pod> for Pod {
    fn from(received: types::Pod) -> Self {
        pod(received)
    }
}

fn pod(pod: types::Pod) -> Pod {
    let memory_gb = memory_gb(&pod);
    let (knows_volume, knows_network_volume) = knows_mounts(&pod);
    let ssh = pod.ssh.unwrap_or_default();
    let mounts = pod.mounts.unwrap_or_default();
    let runtime = pod.runtime.as_ref();
    let public = runtime.and_then(|runtime| runtime.ports.as_deref()).unwrap_or_default();
    let (ports, unreadable_ports) = ports(pod.ports.as_ref());
    let mut network_volumes = mounts.network.into_iter().flatten().filter_map(|mount| mount.volume_id);
    Pod {
        tcp_endpoints: tcp_endpoints(public),
        observed: None,
        seen_at: None,
        withheld: None,
        has_runtime: runtime.is_some(),
        uptime: runtime
            .and_then(|runtime| runtime.uptime)
            .and_then(|seconds| u64::try_from(seconds.get()).ok())
            .map(std::time::Duration::from_secs),
        load: runtime.and_then(load),
        memory_gb,
        state: pod.status.map(|status| PodState::from_word(&status.as_str())),
        gpu: pod
            .gpu
            .map(|gpu| Gpu { id: gpu.id.unwrap_or_default(), count: gpu.count.map_or(1, Integer::get) }),
        cpu: pod.cpu.map(|cpu| Cpu {
            flavor: cpu.id.unwrap_or_default(),
            vcpus: cpu.vcpu_count.map_or(0, Integer::get),
        }),
        cloud: match pod.cloud {
            Some(Open::Known(types::Cloud::Secure)) => Some(Cloud::Secure),
            Some(Open::Known(types::Cloud::Community)) => Some(Cloud::Community),
            _ => None,
        },
        data_center: pod.data_center_id,
        cost_usd_per_hour: pod.cost.and_then(price),
        container_disk_gb: pod.disk.map(Integer::get),
        volume_gb: mounts.persistent.and_then(|mount| mount.size).map(Integer::get),
        network_volume: network_volumes.next(),
        other_network_volumes: network_volumes.collect(),
        knows_ports: pod.ports.is_some(),
        knows_volume,
        knows_network_volume,
        ports,
        unreadable_ports,
        env: pod.env.map(|env| env.into_inner()).unwrap_or_default(),
        is_locked: pod.locked.unwrap_or(false),
        created_at: pod.created_at,
        started_at: pod.started_at,
        ssh_direct: ssh.direct.and_then(ssh_endpoint),
        ssh_proxy: ssh.proxy.and_then(ssh_endpoint),
        id: printable(pod.id),
        name: pod.name,
        image: pod.image,
        registry: pod.registry.map(printable),
    }
}

/// Tells if RunPod said which pod volume a pod has, and which network volume.
fn knows_mounts(pod: &types::Pod) -> (bool, bool) {
    let Some(mounts) = &pod.mounts else { return (false, false) };
    let is_whole = mounts
        .network
        .as_ref()
        .is_none_or(|list| list.malformed().is_empty() && list.iter().all(|mount| mount.volume_id.is_some()));
    (mounts.persistent.as_ref().is_none_or(|mount| mount.size.is_some()), is_whole)
}

fn memory_gb(pod: &types::Pod) -> Option<f64> {
    let of_gpu = pod.gpu.as_ref().and_then(|gpu| gpu.memory).map(Number::get);
    #[expect(clippy::cast_precision_loss, reason = "a size of RAM in GB is a small whole number")]
    let of_cpu = pod.cpu.as_ref().and_then(|cpu| cpu.memory).map(|memory| memory.get() as f64);
    of_gpu.or(of_cpu)
}

/// The load; `None` if RunPod says nothing of it.
fn load(runtime: &types::PodRuntime) -> Option<Load> {
    let percent = |part: &Option<types::Utilization>| part.as_ref()?.util.map(Integer::get);
    let gpu = |gpu: &types::PodGpuUtilization| GpuLoad {
        percent: gpu.util.map(Integer::get),
        memory_percent: gpu.memory_util.map(Integer::get),
    };
    let load = Load {
        cpu_percent: percent(&runtime.cpu),
        memory_percent: percent(&runtime.memory),
        gpus: runtime.gpus.as_deref().unwrap_or_default().iter().map(gpu).collect(),
    };
    (load != Load::default()).then_some(load)
}

fn ssh_endpoint(endpoint: types::PodSshEndpoint) -> Option<SshEndpoint> {
    SshEndpoint::new(endpoint.host?, endpoint.port?.get(), endpoint.username?)
}

/// The ports reachable from outside. RunPod may list one twice, and always lists one of its own on
/// an internal address (observed).
fn tcp_endpoints(ports: &[types::PodRuntimePort]) -> Vec<TcpEndpoint> {
    let mut endpoints = Vec::new();
    for port in ports.iter().filter(|port| port.type_.as_deref() == Some("tcp")) {
        if let Some(endpoint) = tcp_endpoint(port)
            && !endpoints.contains(&endpoint)
        {
            endpoints.push(endpoint);
        }
    }
    endpoints
}

fn tcp_endpoint(port: &types::PodRuntimePort) -> Option<TcpEndpoint> {
    TcpEndpoint::new(port.private?.get(), port.ip.as_deref()?, port.public?.get())
}

fn gpu_type(gpu: types::GpuType, secure: bool) -> GpuType {
    let (usd, count) = (gpu.price.unwrap_or_default(), gpu.max_count.unwrap_or_default());
    let (offered, usd, count) = match secure {
        true => (gpu.secure, usd.secure, count.secure),
        false => (gpu.community, usd.community, count.community),
    };
    GpuType {
        id: printable(gpu.id),
        pool: gpu.pool,
        manufacturer: gpu.manufacturer.map(|maker| printable(maker.as_str().into_owned())),
        memory_gb: gpu.memory.map(Integer::get),
        // A cloud that does not offer the type shows a placeholder price (observed).
        price_usd_per_hour: usd.filter(|_| offered != Some(false)).and_then(price),
        max_count: count.map(Integer::get),
        stock: stock(gpu.availability),
        data_centers: stock_by_data_center(gpu.data_centers),
    }
}

fn cpu_flavor(cpu: types::CpuType) -> CpuFlavor {
    let vcpus = cpu.vcpu.unwrap_or_default();
    CpuFlavor {
        id: printable(cpu.id),
        min_vcpus: vcpus.min.map_or(0, Integer::get),
        max_vcpus: vcpus.max.map_or(i64::MAX, Integer::get),
        ram_gb_per_vcpu: cpu.ram_gb_per_vcpu.map(Number::get).filter(|size| *size > 0.0),
        price_usd_per_vcpu_hour: cpu.price.and_then(|usd| usd.secure_per_vcpu).and_then(price),
        stock: stock(cpu.availability),
        data_centers: stock_by_data_center(cpu.data_centers),
    }
}

fn stock(level: Option<Open<types::AvailabilityLevel>>) -> Option<Stock> {
    level?.as_str().parse().ok()
}

fn stock_by_data_center(list: Option<LenientList<types::DataCenterAvailability>>) -> Vec<(String, Stock)> {
    list.into_iter().flatten().filter_map(|entry| Some((entry.id?, stock(entry.availability)?))).collect()
}
