//! Temperature sensors.

use sysinfo::{Component, Components};
use sysmaint_protocol::sample::Temperature;

use super::name::plain;

/// Sensors in a sample.
pub(super) const SENSORS_MAX: usize = 64;

/// Bytes of a sensor's name.
pub(super) const SENSOR_MAX: usize = 128;

/// Samples between two searches for sensors: reading one is a file, finding it is a dozen, and
/// sensors hardly ever come or go.
const RELIST_EVERY: u32 = 60;

/// Degrees beyond which a reading is a sensor that is not connected.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = -60.0..=200.0;

/// The sensors and when they were last searched for.
pub(super) struct Temperatures {
    components: Option<Components>,
    until_relist: u32,
}

impl Temperatures {
    pub(super) fn new() -> Self {
        Self { components: Components::new().ok(), until_relist: 0 }
    }

    #[cfg(test)]
    pub(super) fn unreadable() -> Self {
        Self { components: None, until_relist: 0 }
    }

    /// Reads all sensors.
    pub(super) fn read(&mut self) -> Vec<Temperature> {
        let Some(components) = &mut self.components else { return Vec::new() };
        if self.until_relist == 0 {
            self.until_relist = RELIST_EVERY;
            components.refresh(true);
        } else {
            components.iter_mut().for_each(Component::refresh);
        }
        self.until_relist -= 1;
        let mut read: Vec<_> = components.iter().filter_map(temperature).collect();
        read.sort_unstable_by(|one, other| one.sensor.cmp(&other.sensor));
        read.truncate(SENSORS_MAX);
        read
    }
}

fn temperature(component: &Component) -> Option<Temperature> {
    let celsius = component.temperature().filter(|celsius| PLAUSIBLE.contains(celsius))?;
    let label = plain(component.label(), SENSOR_MAX);
    let sensor = if label.is_empty() {
        plain(component.id().unwrap_or_default(), SENSOR_MAX)
    } else {
        label
    };
    Some(Temperature { sensor, celsius: (celsius * 100.0).round() / 100.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_are_few_named_and_plausible() {
        let mut temperatures = Temperatures::new();
        for _ in 0..2 {
            let read = temperatures.read();
            assert!(read.len() <= SENSORS_MAX);
            assert!(read.iter().all(|sensor| PLAUSIBLE.contains(&sensor.celsius)));
        }
    }

    #[test]
    fn a_sensor_that_is_not_connected_is_not_plausible() {
        assert!(!PLAUSIBLE.contains(&-273.15));
        assert!(!PLAUSIBLE.contains(&f32::NAN));
    }
}
