//! Finding pods by their labels.

use crate::{
    Error, ErrorKind, Event, Pod, PodHandle, RunPod, Warning,
    client::call::{Attempts, Call},
    error::operation::Operation,
    knowledge::{evidence::Finding, identity::hides_environment},
};

/// The pods that carry a label, as far as RunPod shows their labels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Labelled {
    /// Those that carry it: in RunPod's order, then those that its list does not show yet.
    pub pods: Vec<PodHandle>,
    /// Ids of those that may carry it: RunPod shows their environment, or their labels, neither in its list nor by
    /// their ids. A pod without any variable is among them.
    pub unreadable: Vec<String>,
}

/// The meaning of what is seen of a pod for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carries {
    Yes,
    No,
    /// Its labels are not shown.
    Maybe,
}

impl Carries {
    fn of(pod: &Pod, key: &str, value: &str) -> Self {
        match pod.labels().get(key) {
            _ if hides_environment(pod) || pod.hides_labels() => Self::Maybe,
            Some(own) if own == value => Self::Yes,
            _ => Self::No,
        }
    }
}

impl RunPod {
    /// The pods that are not gone and carry a [label](crate::PodSpec::label), whichever process deployed them.
    ///
    /// It goes by the label alone: a copy of a pod that was made in RunPod's console has the labels of the pod. RunPod's
    /// list shows a new pod up to 15 s late; what this handle and its clones created in the last 30 s counts before
    /// that. A pod whose list entry hides its environment is asked for by its id.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// let found = runpod.for_ending().list_labelled("job", "7").await?;
    /// for ended in runpod.terminate_all(found.pods).await {
    ///     println!("{}: {:?}", ended.pod.id, ended.outcome);
    /// }
    /// println!("may belong to it as well: {:?}", found.unreadable);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`list`](Self::list), and if the list holds an entry that cannot be read and has no id. A pod that cannot be asked
    /// for by its id is among [`Labelled::unreadable`], with an [`Event::Warned`].
    pub async fn list_labelled(&self, key: &str, value: &str) -> Result<Labelled, Error> {
        self.operation(Call::read(Operation::ListPods, None), self.labelled(key, value)).await
    }

    async fn labelled(&self, key: &str, value: &str) -> Result<Labelled, Error> {
        let listing = self.read_list(Attempts::Several).await?;
        let mut found = Labelled { pods: Vec::new(), unreadable: Vec::new() };
        let records = &self.lookups().records;
        for entry in &listing.unreadable {
            let Some(id) = &entry.id else {
                let (kind, problem) = (ErrorKind::Unreadable, entry.problem.clone());
                return Err(Error::of_answer(kind, Operation::ListPods, None, problem));
            };
            if records.is_ended_by(id, listing.asked_at) {
                continue;
            }
            self.notify(&Event::Warned { warning: entry.warning() });
            match self.examine(id, Attempts::Several, Some(listing.asked_at)).await {
                Ok((_, Finding::Gone)) => {}
                Ok((Some(pod), _)) => {
                    self.sort(PodHandle::new(self.clone(), pod), key, value, &mut found).await;
                }
                Ok((None, _)) => self.doubt(id, &entry.problem, &mut found),
                Err(error) => self.doubt(id, &error.to_string(), &mut found),
            }
        }
        let is_left = |pod: &&Pod| !records.is_ended_by(&pod.id, listing.asked_at);
        for pod in listing.pods.iter().filter(is_left) {
            self.sort(PodHandle::new(self.clone(), pod.clone()), key, value, &mut found).await;
        }
        for record in records.created_unlisted(&listing) {
            let Some(id) = record.pod().map(|pod| pod.id.clone()) else { continue };
            if listing.unreadable.iter().any(|entry| entry.id.as_ref() == Some(&id)) {
                continue;
            }
            match self.created_still(record).await {
                Ok(Some(pod)) => self.sort(pod, key, value, &mut found).await,
                Ok(None) => {}
                Err(error) => self.doubt(&id, &error.to_string(), &mut found),
            }
        }
        Ok(found)
    }

    /// Adds a pod to those that carry a label, or may. One that does not show it is asked for by its id.
    async fn sort(&self, pod: PodHandle, key: &str, value: &str, found: &mut Labelled) {
        let closer = match Carries::of(&pod, key, value) {
            Carries::Maybe => self.refetch((*pod).clone(), Attempts::Several).await,
            _ => Ok(Some((*pod).clone())),
        };
        match closer {
            Ok(None) => {}
            Ok(Some(closer)) => match Carries::of(&closer, key, value) {
                Carries::Yes => found.pods.push(pod.with(closer)),
                Carries::No => {}
                Carries::Maybe => found.unreadable.push(closer.id),
            },
            Err(error) => self.doubt(&pod.id, &error.to_string(), found),
        }
    }

    /// Adds a pod to those that may carry a label, and says why that is not known.
    fn doubt(&self, id: &str, reason: &str, found: &mut Labelled) {
        let (pod_id, reason) = (id.to_owned(), reason.to_owned());
        self.notify(&Event::Warned { warning: Warning::LabelsHidden { pod_id, reason } });
        found.unreadable.push(id.to_owned());
    }
}
