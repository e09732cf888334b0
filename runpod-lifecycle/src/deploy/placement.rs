//! The candidates of a deploy, in the order in which they are tried.

use crate::{
    Cloud, CpuFlavor, DeployError, Error, ErrorKind, Event, GpuType, PodSpec, Problem, RunPod, SpecError,
    Stock, Warning,
    deploy::{
        candidate::{Candidate, Choice, LeftOut},
        cpus::cpu_candidates,
        gpus::gpu_candidates,
    },
    spec::HardwareSpec,
    version::Feature,
};

/// The most GPUs a pod that the catalog is asked for.
const MOST_ASKED: u32 = 1_000;

/// The places a spec may go, after everything that had to be looked up was.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) left_out: Vec<LeftOut>,
    /// Allowed data centers; empty for any.
    pub(crate) data_centers: Vec<String>,
    /// The id of the template that the spec names; `None` if it names none.
    pub(crate) template_id: Option<String>,
    /// Hardware that was left out, and other surprises.
    pub(crate) warnings: Vec<Warning>,
    /// The part of the catalog that they were chosen from.
    pub(crate) offer: Offer,
}

/// The catalog's offer for a kind of hardware; `None` where it cannot be read.
#[derive(Clone, Debug)]
pub(crate) enum Offer {
    Gpus(Vec<(Cloud, Option<Vec<GpuType>>)>),
    Cpus(Option<Vec<CpuFlavor>>),
}

impl RunPod {
    /// Looks up what a spec leaves to RunPod's catalog: pools, flavors, the network volume's data center; and
    /// checks the spec by itself, before anything is sent, and then by what the catalog knows. Each check tells
    /// every problem at once.
    pub(crate) async fn placement(&self, spec: &PodSpec) -> Result<Placement, DeployError> {
        let mut problems = spec.problems();
        add(spec.unsupported_by(self.version()), &mut problems);
        if !problems.is_empty() {
            return Err(DeployError::Spec(SpecError::new(&spec.name, problems)));
        }
        let outcome = self.place(spec, &mut problems).await;
        match problems.is_empty() {
            true => outcome,
            false => Err(DeployError::Spec(SpecError::by_catalog(&spec.name, problems))),
        }
    }

    /// Places a spec, if there are no problems in the end.
    async fn place(&self, spec: &PodSpec, problems: &mut Vec<Problem>) -> Result<Placement, DeployError> {
        let home = self.volume_home(spec).await;
        let unchecked = self.check_secrets(spec, problems).await?;
        let template_id = self.template_id(spec, problems).await?;
        let offer = self.offer(spec).await?;
        let data_centers = match home {
            Ok(home) => self.data_centers(spec, home, offer.data_centers(), problems).await,
            Err(error) => Err(error),
        };
        let pinned = data_centers.as_deref().unwrap_or_default();
        let choice = offer.choose(spec, pinned, self.supports(Feature::Catalog)).unwrap_or_else(|found| {
            add(found, problems);
            Choice::default()
        });
        // Only now: a spec that is wrong besides is told everything at once.
        let data_centers = data_centers?;
        let Choice { candidates, left_out, mut warnings } = choice;
        if !data_centers.is_empty() && candidates.iter().any(|one| one.cloud == Cloud::Community) {
            warnings.push(Warning::StockUnknown { data_centers: data_centers.clone() });
        }
        warnings.extend(unchecked);
        Ok(Placement { candidates, left_out, data_centers, template_id, warnings, offer })
    }

    async fn offer(&self, spec: &PodSpec) -> Result<Offer, DeployError> {
        let has_catalog = self.supports(Feature::Catalog);
        let HardwareSpec::Gpu(gpu) = &spec.hardware else {
            let flavors =
                if has_catalog { self.readable(spec, self.cpu_flavors_shared().await)? } else { None };
            return Ok(Offer::Cpus(flavors));
        };
        let mut offers = Vec::new();
        for &cloud in spec.clouds() {
            let types = match has_catalog {
                // A count that is a problem by itself says nothing of the types.
                true => {
                    let count = gpu.count.clamp(1, MOST_ASKED);
                    self.readable(spec, self.gpu_types_shared(count, cloud).await)?
                }
                false => None,
            };
            offers.push((cloud, types));
        }
        Ok(Offer::Gpus(offers))
    }

    async fn cpu_flavors_shared(&self) -> Result<Vec<CpuFlavor>, Error> {
        self.lookups().cpu_flavors.get((), self.lookups().oldest(), self.cpu_flavors()).await
    }

    async fn gpu_types_shared(&self, count: u32, cloud: Cloud) -> Result<Vec<GpuType>, Error> {
        self.lookups()
            .gpu_types_of(cloud)
            .get(count, self.lookups().oldest(), self.gpu_types(count, cloud))
            .await
    }

    /// The part of the catalog that says what may be deployed; nothing only if the spec can do without.
    fn readable<T>(
        &self,
        spec: &PodSpec,
        catalog: Result<Vec<T>, Error>,
    ) -> Result<Option<Vec<T>>, DeployError> {
        match catalog {
            Err(error) if spec.needs_catalog() => Err(DeployError::Lookup(error)),
            // Without entries nothing meets a need.
            Ok(catalog) if spec.needs_catalog() => Ok(Some(catalog)),
            catalog => self.or_nothing(catalog),
        }
    }

    /// A catalog, or nothing if it cannot be read or has no entry: a deploy goes on without.
    pub(crate) fn or_nothing<T>(
        &self,
        catalog: Result<Vec<T>, Error>,
    ) -> Result<Option<Vec<T>>, DeployError> {
        match catalog {
            // RunPod always rents something: a catalog of nothing knows nothing.
            Ok(catalog) => Ok(Some(catalog).filter(|entries| !entries.is_empty())),
            Err(error) if forbids_more_than_a_read(&error) => Err(DeployError::Lookup(error)),
            Err(error) => {
                self.notify(&Event::CatalogUnread { error: unread("the catalog", &error) });
                Ok(None)
            }
        }
    }
}

/// Adds problems to those that are known, each value of a field once.
pub(crate) fn add(found: Vec<Problem>, problems: &mut Vec<Problem>) {
    for problem in found {
        if !problems.iter().any(|known| (known.field, &known.value) == (problem.field, &problem.value)) {
            problems.push(problem);
        }
    }
}

/// Returns true if what kept something optional from being read keeps the create from being accepted as well.
pub(crate) fn forbids_more_than_a_read(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Retired)
}

/// Why something optional could not be read: the right that the key lacks, or the error.
pub(crate) fn unread(what: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::Forbidden => format!("the API key lacks the right to read {what} ({})", error.what()),
        _ => error.to_string(),
    }
}

impl Offer {
    /// Chooses the candidates of a spec that may go to these data centers, or to any if there are none.
    pub(crate) fn choose(
        &self,
        spec: &PodSpec,
        data_centers: &[String],
        has_catalog: bool,
    ) -> Result<Choice, Vec<Problem>> {
        let choice = match (&spec.hardware, self) {
            (HardwareSpec::Gpu(gpu), Self::Gpus(offers)) => {
                gpu_candidates(gpu, spec.order, offers, data_centers, has_catalog)?
            }
            (HardwareSpec::Cpu(cpu), Self::Cpus(flavors)) => {
                cpu_candidates(spec, cpu, flavors.as_deref(), data_centers)?.sorted(spec.order)
            }
            _ => Choice::default(),
        };
        choice.within_budget(spec).map_err(|problem| vec![problem])
    }

    /// Every data center in which it shows stock.
    fn data_centers(&self) -> Vec<String> {
        let names = |list: &[(String, Stock)]| list.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let mut ids: Vec<String> = match self {
            Self::Gpus(offers) => {
                let types = offers.iter().flat_map(|(_, types)| types.iter().flatten());
                types.flat_map(|gpu| names(&gpu.data_centers)).collect()
            }
            Self::Cpus(flavors) => {
                flavors.iter().flatten().flat_map(|flavor| names(&flavor.data_centers)).collect()
            }
        };
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
