//! The data centers a pod may run in.

use crate::{
    DeployError, Error, ErrorKind, Event, PodSpec, Problem, RunPod, VolumeRef, Warning,
    backend::DataCenter,
    client::call::Call,
    deploy::{
        nearest::unknown,
        placement::{add, forbids_more_than_a_read, unread},
    },
    error::operation::Operation,
    spec::offer::same_data_center,
    version::Feature,
};

impl RunPod {
    /// The data centers allowed, as RunPod spells them, with a network volume's own pinned. Empty for any.
    ///
    /// `seen` are those that the rest of the catalog has shown: only for others is the list of all read. What is
    /// wrong with those of the spec is added to `problems`.
    pub(crate) async fn data_centers(
        &self,
        spec: &PodSpec,
        home: Option<String>,
        seen: Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<String>, DeployError> {
        if let Some(home) = home {
            return Ok(at_home(spec, home).unwrap_or_else(|problem| {
                add(vec![problem], problems);
                Vec::new()
            }));
        }
        let mut known = seen;
        let mut is_complete = false;
        // One call more is worth it only for ids that nothing else has shown.
        if spec.data_centers.iter().any(|id| spelled(id, &known).is_none()) && self.supports(Feature::Catalog)
        {
            let all = self.or_nothing(self.all_data_centers().await)?.unwrap_or_default();
            is_complete = !all.is_empty();
            known.extend(all.into_iter().map(|center| center.id));
        }
        Ok(settle(&spec.data_centers, &known, is_complete).unwrap_or_else(|found| {
            add(found, problems);
            Vec::new()
        }))
    }

    pub(crate) async fn all_data_centers(&self) -> Result<Vec<DataCenter>, Error> {
        let call = Call::read(Operation::ListDataCenters, None);
        let ask = self.repeatedly(call, || self.backend().data_centers());
        self.lookups().data_centers.get((), self.lookups().oldest(), ask).await
    }

    /// The data center of the spec's network volume; `None` without one, or if RunPod does not say.
    pub(crate) async fn volume_home(&self, spec: &PodSpec) -> Result<Option<String>, DeployError> {
        let Some(VolumeRef { id: volume, data_center }) = &spec.network_volume else { return Ok(None) };
        if data_center.is_some() {
            return Ok(data_center.clone());
        }
        let call = Call::read(Operation::GetNetworkVolume, Some(volume));
        match self.repeatedly(call, || self.backend().network_volume_data_center(volume)).await {
            Ok(home) => Ok(home),
            Err(error) if error.kind() == ErrorKind::NotFound || forbids_more_than_a_read(&error) => {
                Err(DeployError::Lookup(error))
            }
            // The pin only spares creates that cannot succeed.
            Err(error) => {
                let reason = unread("network volumes", &error);
                let warning = Warning::NotPinned { network_volume: volume.clone(), reason };
                self.notify(&Event::Warned { warning });
                Ok(None)
            }
        }
    }
}

fn at_home(spec: &PodSpec, home: String) -> Result<Vec<String>, Problem> {
    let wanted = &spec.data_centers;
    if wanted.is_empty() || wanted.iter().any(|id| same_data_center(id, &home)) {
        return Ok(vec![home]);
    }
    let (volume, wanted) = (spec.get_network_volume().unwrap_or_default(), wanted.join(", "));
    let allowed = format!(
        "network volume {volume} is in {home}, so the pod can only run there; leave the data center out or use a volume in one of {wanted}"
    );
    Err(Problem::new("data_centers", wanted, allowed))
}

/// Each wanted data center once, as it is known. An unknown one is refused if all are known, else left as it is.
fn settle(wanted: &[String], known: &[String], is_complete: bool) -> Result<Vec<String>, Vec<Problem>> {
    let (mut settled, mut problems) = (Vec::<String>::new(), Vec::new());
    for id in wanted {
        let spelling = spelled(id, known);
        if spelling.is_none() && is_complete {
            let allowed = unknown("data center", id, known.iter().map(String::as_str));
            problems.push(Problem::new("data_centers", id, allowed));
        }
        let spelling = spelling.unwrap_or(id);
        if !settled.iter().any(|other| same_data_center(other, spelling)) {
            settled.push(spelling.to_owned());
        }
    }
    if problems.is_empty() { Ok(settled) } else { Err(problems) }
}

fn spelled<'a>(id: &str, known: &'a [String]) -> Option<&'a str> {
    known.iter().find(|known| same_data_center(known, id)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn data_centers_are_spelled_as_the_catalog_spells_them() {
        let known = ids(&["EU-RO-1", "EU-CZ-1", "US-CA-2"]);
        let settled = settle(&ids(&["eu-ro-1", "US-ca-2", "EU-RO-1"]), &known, true).unwrap();
        assert_eq!(settled, ["EU-RO-1", "US-CA-2"]);
        assert_eq!(settle(&ids(&["eu-xx-9", "eu-ro-1"]), &known, false).unwrap(), ["eu-xx-9", "EU-RO-1"]);
        for (wanted, nearest) in [("EU-RO1", "EU-RO-1"), ("CZ", "EU-CZ-1")] {
            let error = settle(&ids(&[wanted]), &known, true).unwrap_err()[0].to_string();
            assert!(error.contains(&format!("the nearest are {nearest:?}")), "{error}");
        }
    }
}
