//! Commands about the whole account rather than one environment: its pods, what RunPod rents, and lifetimes that are over.

use runpod_lifecycle::{Cloud, End, GpuType, Pod, PodHandle, PodState, Reaped, RunPod, Stock, Warning};
use runpod_sindri::DeploymentState;
use serde_json::{Value, json};

use crate::{
    args::{Cloud as CloudArgument, GpuFilter},
    output::{self, Incomplete, Printer},
    progress::Progress,
};

/// Shows the account's pods: those that this program and its crates made, or all.
pub(crate) async fn list(runpod: &RunPod, all: bool, printer: Printer) -> anyhow::Result<()> {
    let pods = runpod.list().await?;
    let (shown, others): (Vec<&PodHandle>, Vec<&PodHandle>) =
        pods.iter().partition(|pod| all || pod.is_ours());
    if !others.is_empty() {
        let count = others.len();
        output::warn(&[format!(
            "{count} pods that do not show that this program made them are left out; --all shows them"
        )]);
    }
    if printer.json {
        return printer.print(&shown.iter().map(|pod| pod_for_programs(pod)).collect::<Vec<_>>());
    }
    let rows = shown.iter().map(|pod| {
        let name = pod.name.clone().unwrap_or_default();
        [name, pod.id.clone(), state(pod), hardware(pod), place(pod), pod.hourly_cost().to_string()]
    });
    printer.lines(table(["NAME", "POD", "STATE", "HARDWARE", "WHERE", "COST"], rows))
}

fn pod_for_programs(pod: &Pod) -> Value {
    let cost = pod.hourly_cost();
    json!({
        "name": pod.name, "instance_id": pod.id, "state": DeploymentState::of(pod),
        "runpod_status": pod.state.as_ref().map(PodState::as_str), "hardware": hardware(pod),
        "data_center": pod.data_center, "cost_per_hr": cost.total_usd(), "storage_cost_per_hr": cost.storage_usd,
        "is_ours": pod.is_ours(), "created_at": pod.created_at,
    })
}

fn state(pod: &Pod) -> String {
    DeploymentState::of(pod).to_string()
}

fn hardware(pod: &Pod) -> String {
    match (&pod.gpu, &pod.cpu) {
        (Some(gpu), _) => format!("{}x {}", gpu.count, gpu.id),
        (None, Some(cpu)) => format!("{} vCPUs of {}", cpu.vcpus, cpu.flavor),
        (None, None) => "unknown".to_owned(),
    }
}

fn place(pod: &Pod) -> String {
    pod.data_center.clone().unwrap_or_default()
}

/// Shows what RunPod rents, the cheapest first.
pub(crate) async fn gpus(runpod: &RunPod, filter: &GpuFilter, printer: Printer) -> anyhow::Result<()> {
    let cloud = match filter.cloud {
        CloudArgument::Secure => Cloud::Secure,
        CloudArgument::Community => Cloud::Community,
    };
    let mut types: Vec<GpuType> = runpod.gpu_types(filter.count, cloud).await?;
    types.retain(|gpu| fits(gpu, filter));
    types.sort_by(|one, other| price(one).total_cmp(&price(other)).then_with(|| one.id.cmp(&other.id)));
    if printer.json {
        return printer.print(&types.iter().map(gpu_for_programs).collect::<Vec<_>>());
    }
    let rows = types.iter().map(|gpu| {
        let price = gpu.price_usd_per_hour.map(|usd| format!("${usd:.3}")).unwrap_or_default();
        [gpu.id.clone(), gpu.pool.clone().unwrap_or_default(), number(gpu.memory_gb), price, word(gpu.stock)]
    });
    printer.lines(table(["GPU", "POOL", "GB", "PER HOUR", "STOCK"], rows))
}

/// Returns true for a type that its cloud offers and every filter lets through.
fn fits(gpu: &GpuType, filter: &GpuFilter) -> bool {
    let names = [Some(gpu.id.as_str()), gpu.pool.as_deref()];
    let is_named = |wanted: &String| {
        let wanted = wanted.to_lowercase();
        names.iter().flatten().any(|name| name.to_lowercase().contains(&wanted))
    };
    gpu.price_usd_per_hour.is_some_and(|usd| filter.max_price.is_none_or(|most| usd <= most))
        && filter.name.as_ref().is_none_or(is_named)
        && filter.min_memory.is_none_or(|least| gpu.memory_gb.is_some_and(|memory| memory >= least))
        && (!filter.in_stock || gpu.stock.is_none_or(|stock| stock > Stock::None))
}

fn price(gpu: &GpuType) -> f64 {
    gpu.price_usd_per_hour.unwrap_or(f64::MAX)
}

fn gpu_for_programs(gpu: &GpuType) -> Value {
    let data_centers: Vec<&str> = gpu.data_centers.iter().map(|(id, _)| id.as_str()).collect();
    json!({
        "id": gpu.id, "pool": gpu.pool, "memory_gb": gpu.memory_gb, "price_per_hr": gpu.price_usd_per_hour,
        "max_count": gpu.max_count, "stock": gpu.stock.map(|stock| stock.to_string()), "data_centers": data_centers,
    })
}

fn number(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn word(stock: Option<Stock>) -> String {
    stock.map_or_else(|| "unknown".to_owned(), |stock| stock.to_string())
}

/// Ends the pods whose lifetime is over, or shows them. It is an error if one could not be ended, or if of one it is not
/// known whether its lifetime is over.
pub(crate) async fn reap(
    runpod: &RunPod,
    dry_run: bool,
    progress: &Progress,
    printer: Printer,
) -> anyhow::Result<()> {
    let (done, failed) = if dry_run {
        (
            runpod
                .overdue()
                .await?
                .iter()
                .map(|pod| (line("its lifetime is over", pod), pod.id.clone()))
                .collect(),
            Vec::new(),
        )
    } else {
        sorted(runpod.reap().await?)
    };
    let done: Vec<(String, String)> = done;
    // That this machine's clock counts leaves no pod out.
    let is_of_pods = |warning: &Warning| !matches!(warning, Warning::LocalClock { .. });
    let unjudged: Vec<String> =
        progress.warned().iter().filter(|warning| is_of_pods(warning)).map(Warning::to_string).collect();
    let is_complete = failed.is_empty() && unjudged.is_empty();
    let entries: Value =
        done.iter().map(|(line, id)| json!({ "instance_id": id, "message": line })).collect();
    match (printer.json, is_complete) {
        // One document: a failure has what was done in it.
        (true, false) => {}
        (true, true) => printer.print(&entries)?,
        (false, true) if done.is_empty() => printer.lines(["no pod has outlived its lifetime"])?,
        (false, _) => printer.lines(done.iter().map(|(line, _)| line))?,
    }
    if is_complete {
        Ok(())
    } else {
        Err(Incomplete { told: not_ended(&failed, &unjudged), done: entries }.into())
    }
}

/// Ends and failures, a line and the pod's id each.
fn sorted(reaped: Vec<Reaped>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for Reaped { pod, end, kept_because, outcome, .. } in reaped {
        let what = match (end, kept_because) {
            (End::Terminated, _) => "terminated".to_owned(),
            (End::Stopped, _) => "stopped".to_owned(),
            (_, Some(reason)) => format!("left as it is, and it bills: {reason}"),
            (_, None) => "left as it is, and it bills: no reason is known".to_owned(),
        };
        match outcome {
            Ok(()) => done.push((line(&what, &pod), pod.id.clone())),
            Err(error) => failed.push(format!("pod {} bills on: {error}", pod.id)),
        }
    }
    (done, failed)
}

fn line(what: &str, pod: &Pod) -> String {
    format!("pod {} ({}): {what}", pod.id, pod.name.as_deref().unwrap_or("without a name"))
}

/// Pods that could not be ended, and why there may be more of them.
fn not_ended(failed: &[String], unjudged: &[String]) -> String {
    let told = [
        ("not every pod whose lifetime is over was ended", failed),
        ("not every pod could be judged, and one whose lifetime is over bills on", unjudged),
    ];
    let told = told.into_iter().filter(|(_, pods)| !pods.is_empty());
    let told: Vec<String> = told.map(|(what, pods)| format!("{what}: {}", pods.join("; "))).collect();
    told.join(". ")
}

/// Rows under a header, each column as wide as its widest cell.
fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Vec<String> {
    let rows: Vec<[String; N]> = std::iter::once(header.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = |row: [&str; 2]| row.map(str::to_owned);
        let lines = table(["A", "B"], [cells(["one", ""]), cells(["x", "two"])]);
        assert_eq!(lines, ["A    B", "one", "x    two"]);
    }
}
