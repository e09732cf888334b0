//! What a deploy or a wait shows while it goes on.

use std::{io::IsTerminal, io::stderr, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use runpod_lifecycle::{Event, PodState, printable};

/// A spinner with state and elapsed time on a terminal, plain lines on standard error elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self { bar }
    }

    pub(crate) fn show(&self, event: &Event) {
        let Some(bar) = &self.bar else {
            anstream::eprintln!("{event}");
            return;
        };
        bar.enable_steady_tick(Duration::from_millis(120));
        match event {
            Event::Looked { state, pending, .. } => {
                let state = state.as_ref().map_or("waiting", PodState::as_str);
                bar.set_message(match pending {
                    Some(pending) => printable(&format!("{state}: {pending}")).into_owned(),
                    None => printable(state).into_owned(),
                });
            }
            Event::CandidateTried { .. } => bar.set_message(event.to_string()),
            _ => bar.println(event.to_string()),
        }
    }

    /// Clears the line for whatever is printed next.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
