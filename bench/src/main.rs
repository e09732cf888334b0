//! Measurements and endurance runs of the RunPod crates.

use std::{hint::black_box, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use runpod_bench::{
    adversary, build, call,
    decode::{self, Decoder},
    fleet, growth, races,
    report::Report,
    soak, wait,
};

/// Measures the RunPod crates against what people would use instead.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Prints JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// A look at whether everything still works: small numbers, no builds.
    #[arg(long, global = true)]
    smoke: bool,
    /// Folder for the plots of `wait`.
    #[arg(long, global = true)]
    plots: Option<PathBuf>,
}

#[derive(Clone, Subcommand)]
enum What {
    /// A page of 1,000 pods from JSON.
    Decode,
    /// One call on loopback.
    Call,
    /// Requests and lateness of waits.
    Wait,
    /// A thousand deployments at once.
    Fleet,
    /// Cold builds. Takes minutes.
    Build,
    /// Accounts of 10 to 10,000 pods.
    Growth,
    /// All of the above but the builds.
    All,
    /// Random deployments under random faults, with an audit after each.
    Soak(soak::Arguments),
    /// Real processes that deploy one name at a time.
    Races(races::Arguments),
    /// One of those processes.
    #[command(hide = true)]
    RaceOne(races::Racer),
    /// A server that does anything the real one may do, searched for what breaks.
    Adversary(adversary::Arguments),
    /// Decodes one file so many times, for valgrind.
    #[command(hide = true)]
    DecodeOnce { decoder: Decoder, page: PathBuf, times: u32 },
    /// Has criterion time a decoder on one file, for so many milliseconds.
    #[command(hide = true)]
    DecodeTimed { decoder: Decoder, page: PathBuf, results: PathBuf, each: u64 },
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if let What::Soak(arguments) = &cli.what {
        let report = soak::run(arguments)?;
        println!("{report}");
        return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let What::Races(arguments) = &cli.what {
        let report = races::run(arguments, &std::env::current_exe()?)?;
        print!("{report}");
        return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let What::RaceOne(racer) = &cli.what {
        racer.run().map_err(|error| anyhow::anyhow!("{error}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let What::Adversary(arguments) = &cli.what {
        let report = adversary::run(arguments)?;
        println!("{report}");
        return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let What::DecodeOnce { decoder, page, times } = &cli.what {
        let page = std::fs::read(page)?;
        for _ in 0..*times {
            black_box(decoder.decode(black_box(&page)));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let What::DecodeTimed { decoder, page, results, each } = &cli.what {
        decode::time(*decoder, &std::fs::read(page)?, Duration::from_millis(*each), results);
        return Ok(ExitCode::SUCCESS);
    }
    let steps = match cli.what {
        What::All => vec![What::Decode, What::Call, What::Growth, What::Wait, What::Fleet],
        ref one => vec![one.clone()],
    };
    let mut reports = Vec::new();
    for step in steps {
        reports.extend(cli.measure(&step)?);
    }
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        reports.iter().for_each(|report| println!("{report}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl Cli {
    fn measure(&self, what: &What) -> anyhow::Result<Option<Report>> {
        let smoke = self.smoke;
        let duration = Duration::from_millis(if smoke { 100 } else { 5000 });
        Ok(Some(match what {
            What::Decode => decode::run(duration, smoke)?,
            What::Call => call::run(duration)?,
            What::Growth => growth::run(if smoke { &growth::SIZES[..1] } else { &growth::SIZES })?,
            What::Wait => {
                let (report, plots) = wait::run(if smoke { &[(1, 1), (3, 1)] } else { &wait::SCALES })?;
                if let Some(folder) = &self.plots {
                    plots.iter().try_for_each(|plot| plot.save(folder))?;
                }
                report
            }
            What::Fleet => fleet::run(if smoke { 5 } else { fleet::PODS })?,
            What::Build => build::run(1)?,
            What::All
            | What::Soak(_)
            | What::Adversary(_)
            | What::Races(_)
            | What::RaceOne(_)
            | What::DecodeOnce { .. }
            | What::DecodeTimed { .. } => {
                return Ok(None);
            }
        }))
    }
}
