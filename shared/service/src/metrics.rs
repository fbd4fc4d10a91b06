//! Numbers about the process and its services, for Prometheus and for OpenTelemetry collectors.
//!
//! One set of instruments is read in two ways: as Prometheus text when somebody asks, and pushed
//! by OTLP if that is set. Labels have few values and name nobody: no handle, no identity, no path
//! as it was asked for.

mod otlp;
mod page;
mod process;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    metrics::{MeterProviderBuilder, SdkMeterProvider},
};
use prometheus::{Registry, TextEncoder};

pub use self::{
    otlp::{OtlpConfig, OtlpError},
    page::{CONTENT_TYPE, router},
};

/// How long the last numbers may take to be sent.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A name and a value that tell numbers of one instrument apart.
pub type Label<'a> = (&'static str, &'a str);

/// The instruments of a process. Cheap to clone; services add theirs when they start.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: SdkMeterProvider,
    registry: Registry,
    meter: Meter,
}

/// Measurements in buckets.
#[derive(Clone, Debug)]
pub struct Histogram(opentelemetry::metrics::Histogram<f64>);

/// The instruments cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// OTLP is set up in a way that cannot work.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    /// The library refuses.
    #[error("metrics cannot be set up")]
    Sdk(#[from] OTelSdkError),
}

impl Metrics {
    /// The instruments of this process, pushed by OTLP if that is set, which needs a tokio runtime
    /// around this call. `version` is the program's.
    pub fn start(version: &'static str, otlp: Option<&OtlpConfig>) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()?;
        let mut builder =
            SdkMeterProvider::builder().with_resource(resource(version)).with_reader(reader);
        if let Some(config) = otlp {
            builder = builder.with_reader(otlp::reader(config)?);
        }
        let metrics = Self::over(builder, registry);
        process::register(&metrics);
        metrics.gauge(
            "sysmaint_build_info",
            "always 1; its labels say what is running",
            move |observe| observe(1.0, &[("version", version)]),
        );
        let started = seconds_since_1970();
        metrics.gauge(
            "sysmaint_process_start_time_seconds",
            "when the process started, in seconds since 1970",
            move |observe| observe(started, &[]),
        );
        Ok(metrics)
    }

    fn over(builder: MeterProviderBuilder, registry: Registry) -> Self {
        let provider = builder.build();
        let meter = provider.meter("sysmaint");
        Self(Arc::new(Inner { provider, registry, meter }))
    }

    /// A number that goes up and down, asked for whenever somebody looks. `read` must return at
    /// once; it reports one value for each set of labels.
    pub fn gauge(
        &self,
        name: &'static str,
        description: &'static str,
        read: impl Fn(&mut dyn FnMut(f64, &[Label<'_>])) + Send + Sync + 'static,
    ) {
        self.0
            .meter
            .f64_observable_gauge(name)
            .with_description(description)
            .with_callback(move |observer| {
                read(&mut |value, labels| observer.observe(value, &attributes(labels)));
            })
            .build();
    }

    /// A number that only goes up, asked for whenever somebody looks; shown with `_total` behind
    /// its name. `read` must return at once; it reports one value for each set of labels.
    pub fn counter(
        &self,
        name: &'static str,
        description: &'static str,
        read: impl Fn(&mut dyn FnMut(u64, &[Label<'_>])) + Send + Sync + 'static,
    ) {
        self.0
            .meter
            .u64_observable_counter(name)
            .with_description(description)
            .with_callback(move |observer| {
                read(&mut |value, labels| observer.observe(value, &attributes(labels)));
            })
            .build();
    }

    /// As [`Self::counter`], for what is not counted in whole numbers.
    pub fn sum(
        &self,
        name: &'static str,
        description: &'static str,
        read: impl Fn(&mut dyn FnMut(f64, &[Label<'_>])) + Send + Sync + 'static,
    ) {
        self.0
            .meter
            .f64_observable_counter(name)
            .with_description(description)
            .with_callback(move |observer| {
                read(&mut |value, labels| observer.observe(value, &attributes(labels)));
            })
            .build();
    }

    /// Measurements in buckets with these upper ends; shown with the unit's name behind its own.
    pub fn histogram(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        buckets: &[f64],
    ) -> Histogram {
        let histogram = self.0.meter.f64_histogram(name).with_unit(unit);
        let histogram = histogram.with_description(description).with_boundaries(buckets.to_vec());
        Histogram(histogram.build())
    }

    /// Everything as Prometheus text.
    pub fn text(&self) -> String {
        let families = self.0.registry.gather();
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
            tracing::warn!(%error, "metrics cannot be written down");
            String::new()
        })
    }

    /// Pushes the last numbers, if they are pushed at all, and ends.
    pub async fn stop(self) {
        let provider = self.0.provider.clone();
        let stopping = move || provider.shutdown_with_timeout(LAST_WORDS);
        match tokio::task::spawn_blocking(stopping).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the last metrics were not sent"),
            Err(_) => tracing::error!("the end of metrics panicked"),
        }
    }
}

impl Histogram {
    /// Adds one measurement.
    pub fn record(&self, value: f64, labels: &[Label<'_>]) {
        self.0.record(value, &attributes(labels));
    }
}

fn attributes(labels: &[Label<'_>]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| KeyValue::new(*name, (*value).to_owned())).collect()
}

/// What a collector hears of the process. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` add
/// to it; no name of the machine is told unasked.
fn resource(version: &'static str) -> Resource {
    let instance = format!("{:032x}", rand::random::<u128>());
    let about =
        [KeyValue::new("service.version", version), KeyValue::new("service.instance.id", instance)];
    let builder = Resource::builder().with_attributes(about);
    if std::env::var_os("OTEL_SERVICE_NAME").is_some() {
        builder.build()
    } else {
        builder.with_service_name("sysmaint").build()
    }
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests;
