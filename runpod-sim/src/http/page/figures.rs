//! Figures as people read them.

use std::time::Duration;

/// Writes a span in its two largest units, such as `3 min 05 s`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Writes an instant as seconds since another one.
pub(super) fn since(at: Duration) -> String {
    format!("{:.1} s", at.as_secs_f64())
}

/// Writes an amount in USD: small ones to a hundredth of a cent.
pub(super) fn usd(amount: f64) -> String {
    if amount.abs() < 1.0 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_and_money_enough_digits() {
        let spans =
            [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 9_000_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(
            spans,
            [
                "0 s",
                "59 s",
                "1 min 00 s",
                "59 min 59 s",
                "1 h 00 min",
                "23 h 59 min",
                "1 d 00 h",
                "104 d 04 h"
            ]
        );
        assert_eq!([0.0, 0.01065, 0.99999, 12.345].map(usd), ["$0.0000", "$0.0106", "$1.0000", "$12.35"]);
        assert_eq!(since(Duration::from_millis(12_340)), "12.3 s");
    }
}
