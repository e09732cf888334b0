//! Answers to requests that change something: a create, a terminate, a start, stop or restart.

use serde_json::json;
use tokio::time::Instant;

use super::{
    answers::{Ask, mask_env},
    choices::{
        ACT, BOOTS, CREATE, DELAYS, DELETE,
        Done::{Later, Never, Once, Twice},
        Heard::{Conflict409, Locked400, NoStock400, NotKnown404, OddBody, Right},
    },
    server::Reply,
    truth::{Ages, LAG, Phase},
    world::{AppliedChange, Ending, Licence},
};

impl Ask<'_> {
    pub(super) fn create(&mut self) -> Reply {
        let (done, heard) = match self.pick(CREATE) {
            (Once, Right) if self.world.is_sold_out() => (Never, NoStock400),
            choice => choice,
        };
        let made = match done {
            Never => 0,
            Twice => 2,
            Once | Later => 1,
        };
        let mut ids = Vec::new();
        for _ in 0..made {
            let boot = self.pick(&BOOTS);
            let (process, body) = (self.process, &self.request.body);
            ids.push(self.world.truth.create(Some(process), body, boot));
        }
        self.note(format!("creates [{}], {heard:?}", ids.join(", ")));
        let view = ids
            .first()
            .and_then(|id| self.world.truth.pod(id))
            .and_then(|pod| self.world.truth.view(pod, Ages::default()));
        let mut view = view.unwrap_or_default();
        if heard == OddBody {
            match self.world.tape.choose(5) {
                0 => return self.reply(201, "{}"),
                1 => return self.reply(201, "created"),
                2 => view["env"] = json!({}),
                3 => mask_env(&mut view, 1),
                _ => view["status"] = json!(7),
            }
        }
        let right = self.reply(201, view.to_string());
        self.say(heard, right)
    }

    pub(super) fn delete(&mut self, id: &str) -> Reply {
        let (done, heard) = self.pick(DELETE);
        let now = self.world.truth.now();
        let Some(pod) = self.world.truth.pod(id).cloned() else {
            self.note("there never was such a pod");
            return self.problem(404, "pod not found");
        };
        let is_new = now < pod.created_at() + LAG;
        let (done, heard) = match (done, heard) {
            _ if pod.is_terminated_at(now) => (Never, NotKnown404),
            _ if pod.is_locked => (Never, Locked400),
            (Never, NotKnown404) if !is_new => (Once, Right),
            other => other,
        };
        self.note(format!("{}, {heard:?}", if done == Never { "left as it is" } else { "terminated" }));
        if done != Never {
            self.applied(id, now);
            self.end(&pod.id, true);
            if let Some(pod) = self.world.truth.pod_mut(id) {
                pod.terminate(now);
            }
        }
        let right = match heard {
            OddBody => self.reply(200, "{}"),
            _ => self.reply(204, ""),
        };
        self.say(heard, right)
    }

    fn applied(&mut self, id: &str, acts: Instant) {
        let (process, accepted) = (self.process, self.world.truth.now());
        self.world.applied.push(AppliedChange { process, pod: id.to_owned(), accepted, acts });
    }

    /// Checks that whoever ends a pod may.
    fn end(&mut self, id: &str, is_terminate: bool) {
        let process = self.process;
        self.world.endings.push(Ending { process, pod: id.to_owned() });
        let now = self.world.now_by_clock();
        let Some(pod) = self.world.truth.pod(id) else { return };
        let is_own = pod.creator == Some(process);
        // What another process took is still this one's second pod.
        let is_given = self.world.given_at(process, id).is_some();
        let is_overdue = pod.expires_at().is_some_and(|end| end <= now);
        let may = |licence: &Licence| match licence {
            Licence::Pod(own) => own == id,
            Licence::Name(name) => *name == pod.name,
            Licence::Overdue => is_overdue,
            Licence::Made(tag) => is_own && pod.tag() == Some(tag),
            Licence::Volume => false,
            Licence::Twins => is_terminate && is_own && (!is_given || self.world.gives_way(pod)),
        };
        if !self.world.licences.iter().any(|(own, _, licence)| *own == process && may(licence)) {
            let made = pod.creator.map_or("somebody else".to_owned(), |creator| format!("process {creator}"));
            let what = format!(
                "process {process} ended {id} ({}), made by {made}, which nobody asked for",
                pod.name
            );
            self.world.breaks("foreign pods", what);
        }
    }

    pub(super) fn act(&mut self, id: &str) -> Reply {
        let action = self.request.body["action"].as_str().unwrap_or_default().to_owned();
        let (done, heard) = self.pick(ACT);
        let now = self.world.truth.now();
        let Some(pod) = self.world.truth.pod(id).cloned() else {
            self.note("there never was such a pod");
            return self.problem(404, "pod not found");
        };
        let phase = pod.phase_at(now);
        let fits = match action.as_str() {
            "stop" => !matches!(phase, Some(Phase::Exited)),
            "start" => phase == Some(Phase::Exited),
            _ => phase.is_some_and(Phase::is_running),
        };
        let is_new = now < pod.created_at() + LAG;
        let (done, heard) = match (done, heard) {
            _ if pod.is_terminated_at(now) => (Never, NotKnown404),
            _ if !fits => (Never, Conflict409),
            _ if pod.is_locked && action != "start" => (Never, Locked400),
            (Never, NotKnown404) if !is_new => (Once, Right),
            // Only a start needs room.
            (Never, NoStock400) if action != "start" => (Once, Right),
            other => other,
        };
        let at = if done == Later { now + self.pick(&DELAYS) } else { now };
        let view = self.world.truth.view(&pod, Ages::default()).unwrap_or_default();
        self.note(format!("{action} {done:?} ({phase:?}), {heard:?}"));
        if done != Never {
            self.applied(id, at);
            if action == "stop" {
                self.end(id, false);
            }
            if let Some(pod) = self.world.truth.pod_mut(id) {
                match action.as_str() {
                    "stop" => pod.stop(at),
                    "start" => pod.start(at),
                    _ => pod.restart(at),
                }
            }
        }
        let right = match heard {
            OddBody => self.reply(200, "null"),
            _ => self.reply(200, view.to_string()),
        };
        self.say(heard, right)
    }
}
