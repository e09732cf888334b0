//! Everybody who is told of what happens: the program's own observers, its log and its metrics.

pub(crate) mod doing;
#[cfg(feature = "metrics")]
mod meter;
pub(crate) mod ongoing;
pub(crate) mod span;

use std::{fmt, sync::Arc};

use crate::Event;

type Observe = dyn Fn(&Event) + Send + Sync;

/// The receivers of events. Cheap to clone; silent by default.
#[derive(Clone, Default)]
pub(crate) struct Observer {
    listeners: Vec<Listener>,
    /// The place and name of the deploy of a fleet whose events it is told.
    of: Option<Arc<(usize, String)>>,
    #[cfg(feature = "metrics")]
    meter: Arc<meter::Meter>,
}

#[derive(Clone)]
struct Listener {
    observe: Arc<Observe>,
    /// Told of traffic too.
    hears_all: bool,
}

impl Observer {
    /// The same observer, and one more.
    pub(crate) fn and(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.with(Listener { observe: Arc::new(observe), hears_all: false })
    }

    /// The same observer, and one more that is told of requests and operations as well.
    pub(crate) fn and_all(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.with(Listener { observe: Arc::new(observe), hears_all: true })
    }

    fn with(&self, listener: Listener) -> Self {
        let mut more = self.clone();
        more.listeners.push(listener);
        more
    }

    /// The same observer, of one deploy of a fleet.
    pub(crate) fn of_fleet(&self, index: usize, name: &str) -> Self {
        Self { of: Some(Arc::new((index, name.to_owned()))), ..self.clone() }
    }

    /// Tells everybody. The one way that an event goes.
    pub(crate) fn notify(&self, event: &Event) {
        #[cfg(feature = "metrics")]
        self.meter.hear(event);
        let is_traffic = event.is_traffic();
        let of_fleet = self.of.as_ref().map(|of| Event::OfFleet {
            index: of.0,
            name: of.1.clone(),
            event: Box::new(event.clone()),
        });
        let event = of_fleet.as_ref().unwrap_or(event);
        span::log(event);
        for listener in self.listeners.iter().filter(|listener| listener.hears_all || !is_traffic) {
            (listener.observe)(event);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.listeners.len()).finish()
    }
}
