//! Memory and swap.

use sysinfo::System;
use sysmaint_protocol::sample::Sample;

/// Reads memory and swap.
pub(super) fn refresh(system: &mut System) {
    system.refresh_memory();
}

/// Writes what [`refresh`] read. Differences are taken here, since what a container shows of its
/// host does not always add up.
pub(super) fn fill(system: &System, sample: &mut Sample) {
    fill_memory(system.total_memory(), system.available_memory(), sample);
    fill_swap(system.total_swap(), system.free_swap(), sample);
}

fn fill_memory(total: u64, available: u64, sample: &mut Sample) {
    if total == 0 {
        return;
    }
    sample.memory_total_bytes = Some(total);
    if let Some(used) = total.checked_sub(available) {
        sample.memory_available_bytes = Some(available);
        sample.memory_used_bytes = Some(used);
    }
}

fn fill_swap(total: u64, free: u64, sample: &mut Sample) {
    if let Some(used) = total.checked_sub(free).filter(|_| total > 0) {
        sample.swap_total_bytes = Some(total);
        sample.swap_used_bytes = Some(used);
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::Timestamp;

    use super::*;

    #[test]
    fn a_host_without_swap_has_no_swap_of_zero_bytes() {
        let mut sample = Sample::empty(Timestamp::default());
        fill_swap(0, 0, &mut sample);
        assert_eq!(sample, Sample::empty(Timestamp::default()));
    }

    #[test]
    fn memory_that_does_not_add_up_is_unknown() {
        let mut sample = Sample::empty(Timestamp::default());
        fill_memory(100, 120, &mut sample);
        assert_eq!(sample.memory_total_bytes, Some(100));
        assert_eq!((sample.memory_used_bytes, sample.memory_available_bytes), (None, None));
    }
}
