//! How long disks last, in words.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{bytes, clock, duration, percent, time},
};
use crate::tools::{
    ToolError,
    disks::{DiskCourse, HostDisks},
};

/// File systems of one host that are told.
const TOLD_MAX: usize = 4;

/// Tells how each disk changed and when it would be full.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let all = inquiry.disks(question)?;
    let now = inquiry.now();
    let told: Vec<_> = all.iter().map(|host| about(host, now)).collect();
    Ok(format!(
        "{}\n\nThat is what has been so far, drawn on as a straight line: nobody knows what comes.",
        told.join("\n")
    ))
}

fn about(host: &HostDisks, now: Timestamp) -> String {
    let silent = if host.silent { ", **silent**, last known numbers" } else { "" };
    let heading = format!("- **{}** ({}{silent})", host.host, time(host.sample_time));
    let told: Vec<_> = host.disks.iter().take(TOLD_MAX).map(|disk| course(disk, now)).collect();
    if told.is_empty() {
        return format!("{heading}: disks not reported");
    }
    let rest = host.disks_left_out + host.disks.len() - told.len();
    let rest = if rest > 0 { format!("; and {rest} less full") } else { String::new() };
    format!("{heading}: {}{rest}", told.join("; "))
}

fn course(disk: &DiskCourse, now: Timestamp) -> String {
    let used = &disk.now.used;
    let left = bytes(used.total_bytes.saturating_sub(used.used_bytes));
    let at = format!("{} {} used, {left} free", disk.now.mount.code(), percent(used.used_percent));
    let (Some(since), Some(points)) = (disk.since, disk.changed_by_percent_points) else {
        return format!("{at}, too little history to say how it changes");
    };
    let since = clock(since, now);
    match disk.full_in_s {
        Some(seconds) => {
            let full = duration(Duration::from_secs(seconds));
            format!("{at}, {points:+.1} points since {since}: full in about {full} at this rate")
        }
        None => format!("{at}, {points:+.1} points since {since}: not filling up"),
    }
}
