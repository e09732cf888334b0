//! Costs of depending on the SDK: cold builds, side by side.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::report::{Report, Table, Target};

/// A program with one dependency.
struct Program {
    name: &'static str,
    dependency: String,
    /// The crate whose build script runs the generator.
    generated: Option<&'static str>,
}

/// Outcome of one build.
struct Build {
    seconds: f64,
    /// Processor time, which other work on the machine changes less.
    cpu_seconds: f64,
    /// Processor time of what only build scripts need, and of running the generator's.
    generator_seconds: f64,
    /// Processor time of everything.
    total_seconds: f64,
}

/// Builds a program on each SDK from nothing, so many times, in debug and in release.
///
/// # Errors
/// If cargo fails.
pub fn run(times: usize) -> Result<Report> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let path = |member: &str| format!("{member} = {{ path = {:?} }}", root.join(member));
    let programs = [
        Program {
            name: "runpod-lifecycle",
            dependency: path("runpod-lifecycle"),
            generated: Some("runpod-api"),
        },
        Program { name: "runpod-api", dependency: path("runpod-api"), generated: Some("runpod-api") },
        Program { name: "runpod-sdk 0.8", dependency: "runpod-sdk = \"0.8\"".to_owned(), generated: None },
    ];
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    let mut medians = Vec::new();
    for program in &programs {
        let place = program.write(folder.path())?;
        let crates = crates(&place)?;
        for release in [false, true] {
            let mut builds = Vec::new();
            for _ in 0..times {
                builds.push(program.build(&place, release)?);
            }
            builds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
            let build = &builds[builds.len() / 2];
            medians.push((program.name, release, build.seconds, crates));
            rows.push(vec![
                json!(program.name),
                json!(if release { "release" } else { "debug" }),
                json!(build.seconds),
                json!(build.cpu_seconds),
                json!(crates),
                json!(build.total_seconds),
                json!(build.generator_seconds),
            ]);
        }
    }
    Ok(report(rows, &medians))
}

impl Program {
    fn write(&self, folder: &Path) -> Result<PathBuf> {
        let place = folder.join(self.name.replace([' ', '.'], "-"));
        fs::create_dir_all(place.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n[workspace]\n",
            self.dependency
        );
        fs::write(place.join("Cargo.toml"), manifest)?;
        fs::write(place.join("src/main.rs"), "fn main() {}\n")?;
        cargo(&place, &["fetch"])?;
        Ok(place)
    }

    fn build(&self, place: &Path, release: bool) -> Result<Build> {
        let target = tempfile::tempdir_in(place)?;
        let target_dir = target.path().to_str().context("a path in UTF-8")?;
        let mut arguments = vec!["build", "--offline", "--timings", "--target-dir", target_dir];
        arguments.extend(release.then_some("--release"));
        let (started, cpu) = (Instant::now(), children_cpu()?);
        cargo(place, &arguments)?;
        let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), children_cpu()? - cpu);
        let normal = names(place, "normal")?;
        let units = units(target.path())?;
        let duration = |unit: &Value| unit["duration"].as_f64().unwrap_or_default();
        let of_generator = |unit: &&Value| {
            let name = unit["name"].as_str().unwrap_or_default();
            let runs = unit["mode"] == "run-custom-build" && Some(name) == self.generated;
            self.generated.is_some() && (runs || (name != "program" && !normal.contains(name)))
        };
        Ok(Build {
            seconds,
            cpu_seconds,
            generator_seconds: units.iter().filter(of_generator).map(duration).sum(),
            total_seconds: units.iter().map(duration).sum(),
        })
    }
}

/// Counts the crates in the program, itself included.
fn crates(place: &Path) -> Result<usize> {
    let tree = cargo(place, &["tree", "--offline", "--no-dedupe", "-e", "normal", "--prefix", "none"])?;
    Ok(tree.lines().collect::<BTreeSet<_>>().len())
}

/// The names of the crates in the tree.
fn names(place: &Path, edges: &str) -> Result<BTreeSet<String>> {
    let tree = cargo(place, &["tree", "--offline", "-e", edges, "--prefix", "none"])?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|name| *name != "program" && !name.is_empty()).map(str::to_owned).collect())
}

/// Every unit cargo built, with its duration.
fn units(target: &Path) -> Result<Vec<Value>> {
    let html = fs::read_to_string(target.join("cargo-timings/cargo-timing.html"))?;
    let (_, data) = html.split_once("UNIT_DATA = ").context("no units in cargo's timings")?;
    let mut values = serde_json::Deserializer::from_str(data).into_iter::<Vec<Value>>();
    values.next().context("no units in cargo's timings")?.map_err(Into::into)
}

fn cargo(place: &Path, arguments: &[&str]) -> Result<String> {
    let output =
        Command::new("cargo").args(arguments).current_dir(place).env_remove("CARGO_TARGET_DIR").output()?;
    ensure!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Processor time of all children so far, in seconds.
fn children_cpu() -> Result<f64> {
    /// Linux counts in these, whatever its clock.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat has another form")?;
    // User and system time of waited-for children are the 16th and 17th field, counted from 1.
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}

fn report(rows: Vec<Vec<Value>>, medians: &[(&str, bool, f64, usize)]) -> Report {
    let of = |name: &str, release: bool| {
        medians
            .iter()
            .find(|one| one.0 == name && one.1 == release)
            .map_or((f64::NAN, 0), |one| (one.2, one.3))
    };
    let (ours, peer) = ("runpod-lifecycle", "runpod-sdk 0.8");
    let ratio = |release| of(ours, release).0 / of(peer, release).0;
    let table = Table {
        title: "Cold builds, sources fetched. Unit seconds: the sum over all units, as cargo times them; \
                generator: those only build scripts need, and the run of the generator."
            .to_owned(),
        columns: vec!["program on", "profile", "s", "processor s", "crates", "unit s", "generator unit s"],
        rows,
    };
    let targets = vec![
        Target::at_most("debug build / runpod-sdk", 1.0, ratio(false)),
        Target::at_most("release build / runpod-sdk", 1.0, ratio(true)),
        Target::at_most("crates", 105.0, of(ours, false).1 as f64),
    ];
    Report { name: "build", tables: vec![table], targets }
}
