//! Shows the trace of one deploy against a simulator: every request in the span of its operation.

use std::{
    error::Error,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_lifecycle::{OnFailure, PodSpec, Ready, RunPod};
use runpod_sim::{Fault, FaultKind, Sim};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, filter::filter_fn, layer::Context, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

const SCARCE: &str = "NVIDIA H100 80GB HBM3";

/// Keeps a line for each span, in the order in which they began.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<Line>>>);

struct Line(String);

/// The place of a span among the lines.
struct Place(usize);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Trace {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(span), Ok(mut lines)) = (context.span(id), self.0.lock()) else { return };
        let depth = span.scope().skip(1).count();
        let mut line = Line(format!("{}{}", "  ".repeat(depth), span.name()));
        attributes.record(&mut line);
        span.extensions_mut().insert(Place(lines.len()));
        lines.push(line);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let (Some(span), Ok(mut lines)) = (context.span(id), self.0.lock()) else { return };
        if let Some(Place(place)) = span.extensions().get() {
            values.record(&mut lines[*place]);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let trace = Trace::default();
    let ours = filter_fn(|metadata| metadata.target() == "runpod_lifecycle");
    tracing_subscriber::registry().with(trace.clone().with_filter(ours)).init();

    let sim = Sim::builder().seed(7).time_scale(20.0).start().await?;
    sim.set_capacity(SCARCE, 0)?;
    sim.inject(Fault::new(FaultKind::status_before(503)).on("listPods").times(1))?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let spec = PodSpec::gpu("traced", "runpod/pytorch:latest", [SCARCE, "NVIDIA A40"]).port("22/tcp");
    let longest = Duration::from_secs(600);
    let pod = runpod.deploy_and_wait_until(&spec, Ready::Ssh, longest, OnFailure::Terminate).await?;
    pod.terminate().await?;

    for Line(line) in trace.0.lock().map_err(|_| "a line was being written")?.iter() {
        println!("{line}");
    }
    Ok(())
}
