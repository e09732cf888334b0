//! Curves over the number of pods, as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::wait::{Cost, Row};

/// A picture of two curves over the number of pods.
#[derive(Debug)]
pub struct Plot {
    /// The file's name, without its ending.
    pub name: &'static str,
    caption: &'static str,
    unit: &'static str,
    ours: Vec<(f64, f64)>,
    looped: Vec<(f64, f64)>,
}

/// Plots of the cost of waits and of their delay.
pub fn of_waits(rows: &[Row]) -> Vec<Plot> {
    let curve = |cost: fn(&Row) -> &Cost, value: fn(&Cost) -> f64| -> Vec<(f64, f64)> {
        rows.iter().map(|row| (row.pods as f64, value(cost(row)).max(0.01))).collect()
    };
    let plot = |name, caption, unit, value: fn(&Cost) -> f64| Plot {
        name,
        caption,
        unit,
        ours: curve(|row| &row.ours, value),
        looped: curve(|row| &row.looped, value),
    };
    vec![
        plot("wait-requests", "Requests until every pod is usable", "requests", |cost| cost.requests),
        plot("wait-lateness", "From usable to the end of the wait, 95th percentile", "seconds", |cost| {
            cost.p95
        }),
    ]
}

impl Plot {
    /// Draws it into a folder.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.name).with_extension("svg");
        self.draw(&file).map_err(|error| anyhow!("{}: {error}", file.display()))
    }

    fn draw(&self, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::new(file, (720, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let values = || self.ours.iter().chain(&self.looped);
        let least = values().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let most = values().map(|point| point.1).fold(0.0, f64::max);
        let pods = values().map(|point| point.0).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.caption, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d((1.0..pods * 1.1).log_scale(), (least / 2.0..most * 2.0).log_scale())?;
        chart.configure_mesh().x_desc("pods waited for at once").y_desc(self.unit).draw()?;
        let curves = [(&self.ours, "one handle", &BLUE), (&self.looped, "5 s loop per pod", &RED)];
        for (points, label, color) in curves {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(4))?
                .label(label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
        }
        chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()?;
        area.present()?;
        Ok(())
    }
}
