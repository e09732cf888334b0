//! A page of 1,000 pods from JSON to what a program works with.

use std::{hint::black_box, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use criterion::Criterion;
use runpod_api::{LenientList, v1, v2};
use runpod_lifecycle::Pod;
use serde_json::{Value, json};

use crate::{
    account,
    report::{Report, Table, Target},
    strict,
};

/// Pods in the page: the most that RunPod puts into one.
pub const PODS: usize = 1000;

/// Subjects of the measurement: decoders and their documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Decoder {
    /// A v2 page into the facade's pods.
    Ours,
    /// A v2 page into hand-written strict structs.
    Strict,
    /// A v2 page into a generic tree.
    Tree,
    /// A v1 list into the bindings' pods.
    OursV1,
    /// A v1 list into those of crate `runpod-sdk`.
    Sdk,
}

impl Decoder {
    const ALL: [Self; 5] = [Self::Ours, Self::Strict, Self::Tree, Self::OursV1, Self::Sdk];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "runpod-lifecycle, v2",
            Self::Strict => "strict structs, v2",
            Self::Tree => "serde_json::Value, v2",
            Self::OursV1 => "runpod-api, v1",
            Self::Sdk => "runpod-sdk 0.8, v1",
        }
    }

    /// The decoder on this program's command line.
    fn word(self) -> Result<String> {
        Ok(self.to_possible_value().context("every decoder has a name")?.get_name().to_owned())
    }

    fn page(self, pages: &Pages) -> &[u8] {
        match self {
            Self::Ours | Self::Strict | Self::Tree => &pages.v2,
            Self::OursV1 | Self::Sdk => &pages.v1,
        }
    }

    /// Decodes a page and says how many pods it has; 0 if it cannot be read.
    pub fn decode(self, page: &[u8]) -> usize {
        match self {
            Self::Ours => runpod_api::read_answer::<v2::types::ListPodsResponse>(page).map_or(0, |page| {
                let pods: Vec<Pod> = page.pods.into_iter().map(Pod::from).collect();
                black_box(pods).len()
            }),
            Self::Strict => {
                serde_json::from_slice::<strict::Page>(page).map_or(0, |page| black_box(page).pods.len())
            }
            Self::Tree => serde_json::from_slice::<Value>(page)
                .map_or(0, |page| black_box(page)["pods"].as_array().map_or(0, Vec::len)),
            Self::OursV1 => runpod_api::read_answer::<LenientList<v1::types::Pod>>(page)
                .map_or(0, |pods| black_box(pods).len()),
            Self::Sdk => serde_json::from_slice::<runpod_sdk::model::Pods>(page)
                .map_or(0, |pods| black_box(pods).len()),
        }
    }
}

/// The same account as both versions of the API show it.
#[derive(Debug)]
pub struct Pages {
    /// A page of REST v2.
    pub v2: Vec<u8>,
    /// The list of REST v1.
    pub v1: Vec<u8>,
}

impl Pages {
    /// Has a simulated account listed. In debug builds the simulator checks what it answers against
    /// the contract.
    ///
    /// # Errors
    /// If the simulator fails, or breaks the contract.
    pub async fn of(pods: usize) -> Result<Self> {
        let sim = account::filled(pods).await?;
        let v2 = account::body(&sim, "/v2/pods?limit=1000").await?;
        let mut v1: Vec<Value> = serde_json::from_slice(&account::body(&sim, "/v1/pods").await?)?;
        // runpod-sdk asks for prices in `gpu` that no answer has and reads no pod with it; the others
        // it does not keep.
        for pod in v1.iter_mut().filter_map(Value::as_object_mut) {
            pod.retain(|field, _| !matches!(field.as_str(), "gpu" | "createdAt" | "imageName"));
        }
        let v1 = serde_json::to_vec(&v1)?;
        let violations = sim.contract_violations();
        ensure!(violations.is_empty(), "the simulator broke the contract: {violations:?}");
        Ok(Self { v2, v1 })
    }
}

struct Measured {
    decoder: Decoder,
    median_us: f64,
    spread_us: f64,
    exact: Option<Exact>,
}

/// Figures that repeat exactly, whatever else the machine does.
struct Exact {
    instructions: u64,
    allocations: u64,
    allocated: u64,
}

/// Measures every decoder, each for so long; `quick` leaves valgrind out.
///
/// # Errors
/// If a page cannot be had or read.
pub fn run(each: Duration, quick: bool) -> Result<Report> {
    let pages = runtime()?.block_on(Pages::of(PODS))?;
    let folder = tempfile::tempdir()?;
    let mut measured = Vec::new();
    for decoder in Decoder::ALL {
        let page = decoder.page(&pages);
        ensure!(decoder.decode(page) == PODS, "{} cannot read the page", decoder.name());
        let file = folder.path().join("page.json");
        std::fs::write(&file, page)?;
        let (median_us, spread_us) = timed(decoder, &file, each)?;
        let exact = if quick { None } else { exact(decoder, &file)? };
        measured.push(Measured { decoder, median_us, spread_us, exact });
    }
    Ok(report(&pages, &measured))
}

/// Median and median absolute deviation in microseconds.
///
/// criterion tells its progress on standard output, which is the report's: it runs in a process of its own.
fn timed(decoder: Decoder, page: &Path, each: Duration) -> Result<(f64, f64)> {
    let results = page.with_file_name("criterion");
    let status = Command::new(std::env::current_exe()?)
        .args(["decode-timed", &decoder.word()?])
        .args([page, &results])
        .arg(each.as_millis().to_string())
        .stdout(std::io::stderr())
        .status()?;
    ensure!(status.success(), "timing {} ended with {status}", decoder.name());
    let file = results.join(format!("{decoder:?}")).join("new/estimates.json");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let estimates: Value = serde_json::from_str(&text)?;
    let microseconds = |name: &str| estimates[name]["point_estimate"].as_f64().unwrap_or(f64::NAN) / 1000.0;
    Ok((microseconds("median"), microseconds("median_abs_dev")))
}

/// Has criterion time a decoder, and leave what it found in a folder.
pub fn time(decoder: Decoder, page: &[u8], each: Duration, results: &Path) {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(30)
        .warm_up_time(each / 4)
        .measurement_time(each)
        .output_directory(results);
    let id = format!("{decoder:?}");
    criterion.bench_function(&id, |bencher| bencher.iter(|| decoder.decode(black_box(page))));
}

/// Instructions and allocations of one decode, as valgrind counts them; `None` without it.
fn exact(decoder: Decoder, page: &Path) -> Result<Option<Exact>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(None);
    }
    // What one run more costs leaves out all that happens once.
    let count = |tool: &[&str], times: u32| -> Result<String> {
        let output = Command::new("valgrind")
            .args(tool)
            .arg(std::env::current_exe()?)
            .args(["decode-once", &decoder.word()?])
            .arg(page)
            .arg(times.to_string())
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let (once, thrice) = (count(&tool, 1)?, count(&tool, 3)?);
    let instructions = (number_after(&thrice, "Collected :")? - number_after(&once, "Collected :")?) / 2;
    let (once, thrice) = (count(&["--tool=memcheck"], 1)?, count(&["--tool=memcheck"], 3)?);
    let heap = "total heap usage:";
    let allocations = (number_after(&thrice, heap)? - number_after(&once, heap)?) / 2;
    let allocated = (number_after(&thrice, "frees,")? - number_after(&once, "frees,")?) / 2;
    Ok(Some(Exact { instructions, allocations, allocated }))
}

/// The number that follows a word in valgrind's output.
fn number_after(text: &str, word: &str) -> Result<u64> {
    let (_, rest) = text.split_once(word).with_context(|| format!("valgrind says no {word:?}: {text}"))?;
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    Ok(digits.replace(',', "").parse()?)
}

fn report(pages: &Pages, measured: &[Measured]) -> Report {
    let of =
        |decoder| measured.iter().find(|one| one.decoder == decoder).map_or(f64::NAN, |one| one.median_us);
    let base = |one: &Measured| match one.decoder {
        Decoder::OursV1 | Decoder::Sdk => of(Decoder::Sdk),
        _ => of(Decoder::Strict),
    };
    let row = |one: &Measured| {
        let exact = |read: fn(&Exact) -> u64| one.exact.as_ref().map(read);
        vec![
            json!(one.decoder.name()),
            json!(one.median_us),
            json!(one.spread_us),
            json!(one.median_us / base(one)),
            json!(exact(|exact| exact.instructions)),
            json!(exact(|exact| exact.allocations)),
            json!(exact(|exact| exact.allocated)),
        ]
    };
    let table = Table {
        title: format!(
            "Decoding {PODS} pods: v2 {} kB, v1 {} kB. Ratios to strict structs (v2) and to runpod-sdk (v1).",
            pages.v2.len() / 1000,
            pages.v1.len() / 1000
        ),
        columns: vec![
            "decoder",
            "median µs",
            "± µs",
            "ratio",
            "instructions",
            "allocations",
            "bytes allocated",
        ],
        rows: measured.iter().map(row).collect(),
    };
    let ours = of(Decoder::Ours);
    let targets = vec![
        Target::at_most("v2 decode / strict structs", 1.2, ours / of(Decoder::Strict)),
        Target::at_most("v2 decode / serde_json::Value", 0.8, ours / of(Decoder::Tree)),
        Target::at_most("v1 decode / runpod-sdk", 1.0, of(Decoder::OursV1) / of(Decoder::Sdk)),
    ];
    Report { name: "decode", tables: vec![table], targets }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decoder_reads_a_page_that_keeps_to_the_contract() {
        let pages = runtime().unwrap().block_on(Pages::of(20)).unwrap();
        for decoder in Decoder::ALL {
            assert_eq!(decoder.decode(decoder.page(&pages)), 20, "{}", decoder.name());
        }
    }
}
