//! The end of a deploy that has no pod, and what may bill on account of it all the same.

use crate::{
    DeployError,
    deploy::{
        deployment::Deployment,
        error::{grouped, is_over_price},
    },
    knowledge::evidence::LAG,
};

/// Why a pod of an ended deploy may bill.
struct Doubt {
    pod_id: Option<String>,
    reason: String,
    /// The same beside an error that names another pod.
    note: String,
}

impl Deployment<'_> {
    /// The end of a deploy whose candidates are all refused, or that was called off.
    pub(crate) async fn without_pod(mut self) -> DeployError {
        let end = match self.terms.is_called_off() && self.attempts.is_empty() {
            true => DeployError::CalledOff { name: self.spec.name.clone(), notes: Vec::new() },
            false => self.all_refused(),
        };
        self.ended(end).await
    }

    /// The end of a deploy. Not having been listed for a while is proof enough to send a create again, since
    /// a pod that shows up late is found by its marker then. After the end nothing searches for it any more.
    pub(crate) async fn ended(mut self, end: DeployError) -> DeployError {
        // The search for second pods takes its time, and is in nobody's way.
        self.turn = None;
        self.end_twins().await;
        let over_price = self.attempts.iter().filter(|attempt| is_over_price(attempt));
        let end = over_price.fold(end, |end, attempt| end.with_note(attempt.error.message()));
        self.doubted(end).after_removing(self.replaced)
    }

    /// Ends the second pods of those that cost too much: no wait for a pod of this deploy will. What is left is an event.
    pub(crate) async fn end_twins(&self) {
        if let Some(pod) = &self.over_price {
            pod.finish(pod.search()).await;
        }
    }

    /// The same end, with every doubt about pods of this deploy.
    fn doubted(&self, end: DeployError) -> DeployError {
        let doubts: Vec<Doubt> =
            [self.doubt_of_unclear(), self.doubt_of_twins()].into_iter().flatten().collect();
        if doubts.is_empty() {
            return end;
        }
        if end.may_bill() {
            return doubts.iter().fold(end, |end, doubt| end.with_note(&doubt.note));
        }
        let pod_id = doubts.iter().find_map(|doubt| doubt.pod_id.clone());
        let mut reason = doubts.into_iter().map(|doubt| doubt.reason).collect::<Vec<_>>().join("; ");
        match end {
            DeployError::Refused(error) if error.may_have_been_applied() => {}
            DeployError::AllRefused { attempts, .. } => {
                reason += &format!(", then every candidate was refused: {}", grouped(&attempts));
            }
            end => reason += &format!(", then: {end}"),
        }
        DeployError::Unclear { name: self.spec.name.clone(), pod_id, reason, source: None }
    }

    fn doubt_of_unclear(&self) -> Option<Doubt> {
        let (unclear, _) = self.unclear.last()?;
        let seconds = LAG.as_secs();
        let reason = format!("{}; no list showed it for {seconds} s", unclear.what());
        let note = "a second pod of this name may bill, since an earlier create was unclear";
        Some(Doubt { pod_id: None, reason, note: format!("{note}: {}", unclear.what()) })
    }

    fn doubt_of_twins(&self) -> Option<Doubt> {
        let pod = self.over_price.as_ref()?;
        let left = pod.record()?.progress(|progress| progress.left.first().cloned());
        let reason = pod.doubt()?;
        Some(Doubt { pod_id: left, note: reason.clone(), reason })
    }
}
