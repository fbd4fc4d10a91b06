//! How busy the processors are.

use sysinfo::System;
use sysmaint_protocol::sample::Sample;

/// Cores that are listed one by one; the share over all counts every core.
pub(super) const CORES_MAX: usize = 1_024;

/// Reads the processors' counters. Does nothing within 200 ms of the last time.
pub(super) fn refresh(system: &mut System) {
    system.refresh_cpu_usage();
}

/// Writes what [`refresh`] read.
pub(super) fn fill(system: &System, sample: &mut Sample) {
    if system.cpus().is_empty() {
        return;
    }
    sample.cpu_percent = percent(system.global_cpu_usage());
    let cores = system.cpus().iter().take(CORES_MAX).map(|core| percent(core.usage()));
    // All or none: a list with a hole would give a core another's number.
    sample.cpu_cores_percent = cores.collect::<Option<Vec<f32>>>().unwrap_or_default();
}

/// Reads and writes the load averages.
pub(super) fn load(sample: &mut Sample) {
    let Ok(load) = System::load_average() else { return };
    sample.load_1 = known(load.one);
    sample.load_5 = known(load.five);
    sample.load_15 = known(load.fifteen);
}

fn known(load: f64) -> Option<f64> {
    (load.is_finite() && load >= 0.0).then_some(load)
}

/// Rounded to hundredths, which is more than a reading of some jiffies can tell.
fn percent(share: f32) -> Option<f32> {
    share.is_finite().then(|| (share.clamp(0.0, 100.0) * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_share_or_unknown() {
        assert_eq!(percent(12.345_678), Some(12.35));
        assert_eq!(percent(100.000_1), Some(100.0));
        assert_eq!(percent(f32::NAN), None);
        assert_eq!(known(f64::NAN), None);
    }
}
