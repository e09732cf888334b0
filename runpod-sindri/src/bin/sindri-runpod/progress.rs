//! Progress of a deploy or a wait.

use std::{
    borrow::Cow,
    io::IsTerminal,
    io::stderr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use runpod_lifecycle::{Event, PodState, Warning, printable};
#[cfg(unix)]
use {indicatif::HumanBytes, runpod_jobs::CopyProgress, std::time::Instant};

/// The pause between two lines about one file.
#[cfg(unix)]
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// A spinner with state and elapsed time on a terminal, plain lines on standard error elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    warned: Mutex<Vec<Warning>>,
    /// The time at which a line last told of a copy.
    #[cfg(unix)]
    told_at: Mutex<Option<Instant>>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self {
            bar,
            warned: Mutex::default(),
            #[cfg(unix)]
            told_at: Mutex::default(),
        }
    }

    pub(crate) fn show(&self, event: &Event) {
        if let Event::Warned { warning } = event {
            self.warned.lock().unwrap_or_else(PoisonError::into_inner).push(warning.clone());
        }
        let Some(bar) = &self.bar else {
            anstream::eprintln!("{}", line(event));
            return;
        };
        bar.enable_steady_tick(Duration::from_millis(120));
        match passing(event) {
            Some(message) => bar.set_message(message),
            None => bar.println(line(event)),
        }
    }

    /// Warnings so far.
    pub(crate) fn warned(&self) -> Vec<Warning> {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those warnings of a result that were not shown as they came.
    pub(crate) fn untold(&self, warnings: &[String]) -> Vec<String> {
        let said = |warning: &Warning| printable(&warning.to_string()).into_owned();
        let told: Vec<String> = self.warned().iter().map(said).collect();
        warnings.iter().filter(|warning| !told.contains(warning)).cloned().collect()
    }

    /// Shows how far a copy is: a bar on a terminal; elsewhere a line for each file that is over, and now and then for one that takes long.
    #[cfg(unix)]
    pub(crate) fn copied(&self, copy: &CopyProgress) {
        if let Some(bar) = &self.bar {
            return draw(bar, copy);
        }
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = copy.copied >= copy.size;
        if is_over || told_at.is_none_or(|told_at| told_at.elapsed() >= TOLD_EVERY) {
            *told_at = Some(Instant::now());
            let (file, size) = (printable(&copy.file), HumanBytes(copy.size));
            match is_over {
                true => anstream::eprintln!("{file}: {size}"),
                false => anstream::eprintln!("{file}: {} of {size}", HumanBytes(copy.copied)),
            }
        }
    }

    /// Clears the line for whatever is printed next.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Draws the bar of a file.
#[cfg(unix)]
fn draw(bar: &ProgressBar, copy: &CopyProgress) {
    if bar.is_finished() {
        bar.reset();
    }
    let style = ProgressStyle::with_template("{bytes:>10}/{total_bytes} {bar:30} {bytes_per_sec} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_length(copy.size);
    bar.set_position(copy.copied);
    bar.set_message(printable(&copy.file).into_owned());
}

/// An event as a line of its own.
fn line(event: &Event) -> String {
    match event {
        Event::Polled { pod_id, state, pending, condition, elapsed } => {
            let polled = polled(pod_id, state.as_ref(), pending.as_deref(), condition);
            format!("{:>5.1}s {polled}", elapsed.as_secs_f64())
        }
        _ => event.to_string(),
    }
}

/// An event that the next one replaces on a terminal; `None` for one that stays.
fn passing(event: &Event) -> Option<String> {
    match event {
        Event::Polled { pod_id, state, pending, condition, .. } => {
            Some(polled(pod_id, state.as_ref(), pending.as_deref(), condition))
        }
        Event::CandidateTried { .. } | Event::StockAwaited { .. } | Event::Paused { .. } => {
            Some(event.to_string())
        }
        _ => None,
    }
}

/// The pod, what it is doing and what is missing, or that what was waited for is there.
fn polled(pod_id: &str, state: Option<&PodState>, pending: Option<&str>, condition: &str) -> String {
    let Some(pending) = pending else {
        return printable(&format!("pod {pod_id} is {condition}")).into_owned();
    };
    let doing = state.map_or("is in a state that RunPod does not name".into(), words);
    let is_state_only = state.is_some_and(|state| pending == format!("RunPod says {state}"));
    let told = match is_state_only {
        true => format!("pod {pod_id} {doing}"),
        false => format!("pod {pod_id} {doing}: {pending}"),
    };
    printable(&told).into_owned()
}

/// Tells what a pod is doing, for a person.
fn words(state: &PodState) -> Cow<'_, str> {
    match state {
        PodState::Created | PodState::Provisioning => "is being given a machine".into(),
        PodState::Starting => "is starting, its image is being fetched".into(),
        PodState::Running => "is running".into(),
        PodState::Stopped | PodState::Exited => "is stopped".into(),
        PodState::Error => "was given up by RunPod".into(),
        PodState::Terminated => "is gone".into(),
        other => format!("is in a state that RunPod calls {other}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polled_event(state: PodState, pending: Option<&str>) -> Event {
        Event::Polled {
            pod_id: "k3x9".to_owned(),
            state: Some(state),
            pending: pending.map(str::to_owned),
            condition: "ready for SSH".to_owned(),
            elapsed: Duration::from_millis(12_340),
        }
    }

    #[test]
    fn an_ordinary_boot_is_told_in_words_with_the_pod_and_what_is_missing() {
        for (event, expected) in [
            (
                polled_event(PodState::Provisioning, Some("RunPod says PROVISIONING")),
                "pod k3x9 is being given a machine",
            ),
            (
                polled_event(PodState::Starting, Some("RunPod says STARTING")),
                "pod k3x9 is starting, its image is being fetched",
            ),
            (
                polled_event(PodState::Running, Some("no direct SSH endpoint yet")),
                "pod k3x9 is running: no direct SSH endpoint yet",
            ),
            (polled_event(PodState::Running, None), "pod k3x9 is ready for SSH"),
            (polled_event(PodState::Exited, Some("RunPod says EXITED")), "pod k3x9 is stopped"),
            (
                polled_event(PodState::Other("HIBERNATING".to_owned()), Some("RunPod says HIBERNATING")),
                "pod k3x9 is in a state that RunPod calls HIBERNATING",
            ),
        ] {
            assert_eq!(passing(&event).as_deref(), Some(expected));
            assert_eq!(line(&event), format!(" 12.3s {expected}"));
        }
    }

    #[test]
    fn a_pause_for_the_rate_limit_is_shown_until_it_is_over() {
        let event = Event::Paused {
            operation: "get pod".to_owned(),
            pause: Duration::from_secs(9),
            reason: "RunPod answered 429".to_owned(),
        };
        assert_eq!(passing(&event).as_deref(), Some("waiting 9.0 s to get pod: RunPod answered 429"));
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_shown() {
        let event = polled_event(PodState::Other("\u{1b}[2J".to_owned()), Some("a\nb"));
        for text in [line(&event), passing(&event).unwrap_or_default()] {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
}
