//! The stock of each type.

use askama::Template;

use super::figures::usd;
use crate::world::{
    account::Account,
    capacity::Used,
    catalog::{self, CPUS, Cloud, GPUS, GpuType},
};

#[derive(Template)]
#[template(path = "stock.html")]
pub(super) struct StockSection {
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    used: u32,
    secure: String,
    community: String,
}

impl StockSection {
    pub(super) fn of(account: &Account) -> Self {
        let used = account.used();
        let of_type = |id: &str| used.iter().filter(|(place, _)| place.type_id == id).map(|(_, n)| n).sum();
        let gpus = GPUS.iter().map(|gpu| Row {
            name: gpu.name,
            used: of_type(gpu.id),
            secure: offer(account, gpu, Cloud::Secure, &used),
            community: offer(account, gpu, Cloud::Community, &used),
        });
        let cpus = CPUS.iter().map(|flavor| Row {
            name: flavor.id,
            used: of_type(flavor.id),
            secure: level(
                usd(flavor.price_per_vcpu),
                free(account, flavor.id, flavor.data_centers, Cloud::Secure, &used),
            ),
            community: "none".to_owned(),
        });
        Self { rows: gpus.chain(cpus).collect() }
    }
}

/// The price of a type in a cloud and how many are free in the data center that has the most.
fn offer(account: &Account, gpu: &GpuType, cloud: Cloud, used: Used<'_>) -> String {
    let offer = gpu.offer(cloud);
    if offer.max_count == 0 {
        return "none".to_owned();
    }
    level(usd(offer.price), free(account, gpu.id, gpu.data_centers, cloud, used))
}

fn free(account: &Account, id: &str, centers: &[&str], cloud: Cloud, used: Used<'_>) -> u32 {
    let free = |center: &&str| account.capacity.free_of(id, center, cloud, used);
    centers.iter().map(free).max().unwrap_or(0)
}

fn level(price: String, free: u32) -> String {
    match free {
        u32::MAX => format!("{price}, no limit"),
        0 => format!("{price}, out of stock"),
        free => format!("{price}, {free} free"),
    }
}

/// The ids of all types, GPUs first.
pub(super) fn types() -> Vec<&'static str> {
    let known = GPUS.iter().map(|gpu| gpu.id).chain(CPUS.iter().map(|flavor| flavor.id));
    known.filter(|id| catalog::unknown_type(id).is_none() && *id != "unknown").collect()
}
