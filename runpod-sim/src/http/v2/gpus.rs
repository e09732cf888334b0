//! The catalog of GPU types.

use serde_json::{Value, json};

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        account::Account,
        capacity::level,
        catalog::{self, Cloud, GpuType},
        rules::version_key,
    },
};

pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let filter = Filter::read(call)?;
    let account = app.account();
    let listed =
        catalog::GPUS.iter().filter(|gpu| filter.countries.is_empty() || !filter.centers(gpu).is_empty());
    Reply::ok(json!({ "gpus": listed.map(|gpu| view(gpu, &filter, &account)).collect::<Vec<_>>() }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let filter = Filter::read(call)?;
    let gpu = catalog::gpu(call.id()).ok_or_else(|| Problem::not_found("GPU type"))?;
    Reply::ok(view(gpu, &filter, &app.account()))
}

/// The filters of the query, for which the availability is computed.
struct Filter {
    availability: bool,
    count: u32,
    clouds: Vec<Cloud>,
    countries: Vec<String>,
    cuda: Vec<String>,
    min_cuda: Option<String>,
}

impl Filter {
    fn read(call: &Call) -> Result<Self, Box<Problem>> {
        let availability = call.query_list("include").contains(&"AVAILABILITY");
        if availability && call.query_list("product").is_empty() {
            return Err(Problem::bad_request("include=AVAILABILITY requires product"));
        }
        let strays = ["cloud", "count", "minCudaVersion"];
        if let Some(stray) = strays.into_iter().find(|name| !availability && call.query(name).is_some()) {
            return Err(Problem::bad_request(format!("{stray} requires include=AVAILABILITY")));
        }
        let (cuda, min_cuda) = (call.query_list("cudaVersions"), call.query("minCudaVersion"));
        if !cuda.is_empty() && min_cuda.is_some() {
            return Err(Problem::bad_request("cudaVersions and minCudaVersion are mutually exclusive"));
        }
        Ok(Self {
            availability,
            count: call.query("count").and_then(|count| count.parse().ok()).unwrap_or(1),
            clouds: match call.query("cloud") {
                Some("SECURE") => vec![Cloud::Secure],
                Some("COMMUNITY") => vec![Cloud::Community],
                _ => vec![Cloud::Secure, Cloud::Community],
            },
            countries: call.query_list("countryCodes").into_iter().map(str::to_owned).collect(),
            cuda: cuda.into_iter().map(str::to_owned).collect(),
            min_cuda: min_cuda.map(str::to_owned),
        })
    }

    fn centers(&self, gpu: &GpuType) -> Vec<&'static catalog::DataCenter> {
        let centers = gpu.data_centers.iter().filter_map(|id| catalog::data_center(id));
        let here = |center: &&catalog::DataCenter| {
            self.countries.is_empty() || self.countries.iter().any(|code| code == center.country)
        };
        centers.filter(here).collect()
    }

    fn cuda(&self, gpu: &GpuType) -> Vec<&'static str> {
        let wanted = |version: &&str| {
            (self.cuda.is_empty() || self.cuda.iter().any(|known| known == version))
                && self.min_cuda.as_ref().is_none_or(|least| version_key(version) >= version_key(least))
        };
        gpu.cuda.iter().copied().filter(wanted).collect()
    }
}

fn view(gpu: &GpuType, filter: &Filter, account: &Account) -> Value {
    let mut view = json!({
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": gpu.manufacturer,
        "memory": gpu.memory_gb,
        "secure": gpu.secure.is_offered(),
        "community": gpu.community.is_offered(),
        "price": { "secure": gpu.secure.price, "community": gpu.community.price },
        "maxCount": { "secure": gpu.secure.max_count, "community": gpu.community.max_count },
    });
    if let Some(price) = gpu.serverless {
        view["price"]["serverless"] = json!(price);
    }
    if filter.availability {
        availability(&mut view, gpu, filter, account);
    }
    view
}

fn availability(view: &mut Value, gpu: &GpuType, filter: &Filter, account: &Account) {
    let used = account.used();
    let versions = filter.cuda(gpu);
    let constrained = !filter.cuda.is_empty() || filter.min_cuda.is_some();
    let clouds: Vec<Cloud> = filter
        .clouds
        .iter()
        .copied()
        .filter(|cloud| gpu.offer(*cloud).max_count >= filter.count && (!constrained || !versions.is_empty()))
        .collect();
    let best = |center: &&catalog::DataCenter| {
        let free = |cloud: &Cloud| account.capacity.free_of(gpu.id, center.id, *cloud, &used);
        clouds.iter().map(free).max().unwrap_or(0)
    };
    let stocked: Vec<(&catalog::DataCenter, &str)> = filter
        .centers(gpu)
        .into_iter()
        .map(|center| (center, level(Some(best(&center)), filter.count)))
        .filter(|(_, level)| *level != "NONE")
        .collect();
    let most = filter.centers(gpu).iter().map(best).max().unwrap_or(0);
    view["availability"] = json!(level(Some(most), filter.count));
    // Nobody is told where community hosts stand: a type that only they have is in no data center.
    if !gpu.secure.is_offered() {
        view["dataCenters"] = json!([]);
    } else if !stocked.is_empty() {
        let entry = |(center, level): &(&catalog::DataCenter, &str)| json!({ "id": center.id, "name": center.id, "availability": level });
        view["dataCenters"] = stocked.iter().map(entry).collect();
    }
    if !versions.is_empty() {
        let entry = |version: &&str| json!({ "version": version, "available": !stocked.is_empty() });
        view["cudaVersions"] = versions.iter().map(entry).collect();
    }
}
