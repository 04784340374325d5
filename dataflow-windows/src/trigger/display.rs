//! Triggers as text.

use super::Trigger;
use std::fmt;

/// As an expression, in the names of Beam.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Default => f.write_str("default"),
            Trigger::Never => f.write_str("never"),
            Trigger::AfterCount(n) => write!(f, "after_count({n})"),
            Trigger::AfterProcessingTime { delay, align_to: None } => write!(f, "after_processing_time({delay})"),
            Trigger::AfterProcessingTime { delay, align_to: Some(period) } => {
                write!(f, "after_processing_time({delay}, aligned to {period})")
            }
            Trigger::AfterWatermark { early: None, late: None } => f.write_str("after_watermark"),
            Trigger::AfterWatermark { early: Some(early), late: None } => {
                write!(f, "after_watermark(early: {early})")
            }
            Trigger::AfterWatermark { early: None, late: Some(late) } => write!(f, "after_watermark(late: {late})"),
            Trigger::AfterWatermark { early: Some(early), late: Some(late) } => {
                write!(f, "after_watermark(early: {early}, late: {late})")
            }
            Trigger::Repeatedly(inner) => write!(f, "repeatedly({inner})"),
            Trigger::AfterEach(parts) => list(f, "after_each", parts),
            Trigger::AfterAll(parts) => list(f, "after_all", parts),
            Trigger::AfterAny(parts) => list(f, "after_any", parts),
            Trigger::OrFinally(main, until) => write!(f, "or_finally({main}, {until})"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, parts: &[Trigger]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (i, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
    }
    f.write_str(")")
}
