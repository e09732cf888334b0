//! Billing of pods in buckets of time.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{App, pod::Pod, rules::Compute},
};

/// USD per GB and hour: container disk, a pod's own disk while it is up, and while it is stopped.
const DISK: f64 = 0.10 / 730.0;
const VOLUME_UP: f64 = 0.10 / 730.0;
const VOLUME_STOPPED: f64 = 0.20 / 730.0;
/// The most buckets one answer is made of, the newest first.
const MOST: usize = 1000;

/// A stretch of time that is billed as one.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    from: Timestamp,
    to: Timestamp,
}

/// USD for GPU, CPU and disk.
#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    gpu: f64,
    cpu: f64,
    disk: f64,
}

impl Amounts {
    fn view(&self) -> Value {
        let total = self.gpu + self.cpu + self.disk;
        json!({ "totalAmount": total, "gpuAmount": self.gpu, "cpuAmount": self.cpu, "diskAmount": self.disk })
    }

    fn add(&mut self, other: &Self) {
        self.gpu += other.gpu;
        self.cpu += other.cpu;
        self.disk += other.disk;
    }
}

pub(crate) fn pods(app: &App, call: &Call) -> Outcome {
    let now = app.clock.wall(call.now);
    let size = call.query("bucketSize").unwrap_or("day");
    let end = time(call, "endTime")?.unwrap_or(now);
    let start = time(call, "startTime")?.unwrap_or_else(|| end - Duration::from_secs(30 * 86_400));
    if start > end {
        return Err(Problem::bad_request("startTime must not be after endTime"));
    }
    let last: Option<usize> = call.query("lastN").and_then(|text| text.parse().ok());
    let buckets = buckets(size, start.max(app.clock.wall(Duration::ZERO)), end.min(now), last);
    let account = app.account();
    let wanted = |pod: &&Pod| call.query("podId").is_none_or(|id| id == pod.id);
    let mut records = Vec::new();
    let mut totals = Amounts::default();
    let mut billed_pods = 0;
    for pod in account.pods().iter().filter(wanted) {
        let before = records.len();
        for bucket in &buckets {
            let amounts = bill(app, pod, *bucket, call.now);
            if amounts.gpu + amounts.cpu + amounts.disk > 0.0 {
                let mut record = amounts.view();
                record["podId"] = json!(pod.id);
                record["startTime"] = json!(bucket.from.to_string());
                record["endTime"] = json!(bucket.to.to_string());
                records.push(record);
                totals.add(&amounts);
            }
        }
        billed_pods += usize::from(records.len() > before);
    }
    let mut query = json!({ "startTime": start.to_string(), "endTime": end.to_string(), "bucketSize": size });
    if let Some(id) = call.query("podId") {
        query["podId"] = json!(id);
    }
    Reply::ok(json!({
        "metadata": {
            "query": query, "recordCount": records.len(), "uniquePodCount": billed_pods, "totals": totals.view(),
        },
        "records": records,
    }))
}

fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, Box<Problem>> {
    let read = |text: &str| {
        text.parse().map_err(|_| Problem::invalid(vec![format!("query.{name}: must be an RFC 3339 time")]))
    };
    call.query(name).map(read).transpose()
}

/// The buckets that cover a stretch of time, oldest first.
fn buckets(size: &str, start: Timestamp, end: Timestamp, last: Option<usize>) -> Vec<Bucket> {
    let mut found = Vec::new();
    let mut to = end;
    while to > start && found.len() < last.unwrap_or(MOST).min(MOST) {
        let begin = bucket_start(size, to);
        found.push(Bucket { from: begin.max(start), to });
        to = begin;
    }
    found.reverse();
    found
}

/// The latest boundary before an instant, in UTC.
fn bucket_start(size: &str, before: Timestamp) -> Timestamp {
    let instant = before - 1.nanosecond();
    let civil = TimeZone::UTC.to_datetime(instant);
    let date = civil.date();
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(instant);
    match size {
        "hour" => midnight(date) + i64::from(civil.hour()).hours(),
        "week" => midnight(date) - i64::from(date.weekday().to_monday_zero_offset()) * 24.hours(),
        "month" => midnight(date.first_of_month()),
        "year" => midnight(date.first_of_year()),
        _ => midnight(date),
    }
}

fn bill(app: &App, pod: &Pod, bucket: Bucket, now: Duration) -> Amounts {
    let (from, to) = (app.clock.instant(bucket.from), app.clock.instant(bucket.to).min(now));
    let hours = |span: Duration| span.as_secs_f64() / 3600.0;
    let up: Duration = pod.billed.iter().map(|span| span.within(from, to)).sum();
    let compute: f64 = pod.billed.iter().map(|span| hours(span.within(from, to)) * span.usd_per_hour).sum();
    let end = pod.terminated.unwrap_or(to).min(to);
    let stopped = end.saturating_sub(pod.created.max(from)).saturating_sub(up);
    let volume = pod.facts.mounts.persistent.as_ref().map_or(0, |mount| mount.size) as f64;
    let disk = hours(up) * (DISK * pod.facts.disk as f64 + VOLUME_UP * volume)
        + hours(stopped) * VOLUME_STOPPED * volume;
    match pod.compute {
        Compute::Gpu { .. } => Amounts { gpu: compute, cpu: 0.0, disk },
        Compute::Cpu { .. } => Amounts { gpu: 0.0, cpu: compute, disk },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_where_the_calendar_says() {
        let instant: Timestamp = "2026-08-20T06:16:19Z".parse().unwrap();
        for (size, begin) in [
            ("hour", "2026-08-20T06:00:00Z"),
            ("day", "2026-08-20T00:00:00Z"),
            ("week", "2026-08-17T00:00:00Z"),
            ("month", "2026-08-01T00:00:00Z"),
            ("year", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(bucket_start(size, instant).to_string(), begin, "{size}");
        }
    }

    #[test]
    fn buckets_cover_the_stretch_and_nothing_else() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (start, end) = (at("2026-08-20T06:30:00Z"), at("2026-08-20T09:00:00Z"));
        let hours = buckets("hour", start, end, None);
        let edges: Vec<_> = hours.iter().map(|bucket| bucket.from.to_string()).collect();
        assert_eq!(edges, ["2026-08-20T06:30:00Z", "2026-08-20T07:00:00Z", "2026-08-20T08:00:00Z"]);
        assert_eq!(buckets("hour", start, end, Some(1)).len(), 1);
        assert!(buckets("day", end, start, None).is_empty());
    }
}
