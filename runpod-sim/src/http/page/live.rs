//! The page's events: each section that has changed.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{read, sections::Sections, view::View, watch::Watch};
use crate::{contract::Api, world::App};

/// Real time between two looks at the account. A clock that runs changes some section at each of them, so there is nothing to
/// wait for but time.
const PERIOD: Duration = Duration::from_millis(400);

/// Follows the account: at first every section, then those that have changed.
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    view: Result<Query<View>, QueryRejection>,
) -> Response {
    let view = match read(view) {
        Ok(view) => view,
        Err(problem) => return problem.into_response(Api::V2),
    };
    let mut looks = interval(PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = Follower { watch: Watch::new(app, view), sent: Sections::default(), looks };
    Sse::new(stream::unfold(follower, Follower::next)).keep_alive(KeepAlive::default()).into_response()
}

/// One page that is open.
struct Follower {
    watch: Watch,
    sent: Sections,
    looks: Interval,
}

impl Follower {
    /// The next event, once there is any.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.looks.tick().await;
            let sections = self.watch.look();
            if let Some(news) = sections.news(&self.sent) {
                self.sent = sections;
                return Some((Ok(Event::default().data(news)), self));
            }
        }
    }
}
