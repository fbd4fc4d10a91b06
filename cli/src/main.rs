//! `sysmaint`: every service, and all of them together.

mod args;
mod commands;
mod data_files;
mod device;
mod failure;
mod keyring;
mod observation;
mod settings;
mod source;

use std::process::ExitCode;

use clap::Parser;
use sysmaint_service::{exit::Exit, logging, open_files, shutdown::Shutdown};

use crate::{
    args::{Args, Command},
    failure::Failure,
    observation::Observation,
    settings::Settings,
};

/// Files and connections that are open beside those of the relay's clients.
const FILES_BESIDE: u64 = 256;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit().into()
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    // One provider for every TLS connection of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings::read(args)?;
    logging::init(settings.log_format, "info")
        .map_err(|error| Failure::new(Exit::Config, error))?;
    if let Some(most) = open_files::raise_limit()
        && matches!(args.command, Command::Up | Command::Relay)
        && most < (settings.relay.http.connections as u64).saturating_add(FILES_BESIDE)
    {
        tracing::warn!(
            most,
            "RELAY_MAX_CONNECTIONS is more than the open files this user may have"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unavailable, error))?;
    runtime.block_on(async {
        let shutdown =
            Shutdown::on_signals().map_err(|error| Failure::new(Exit::Unavailable, error))?;
        let token = shutdown.token();
        if args.command == Command::NatsConf {
            return commands::nats_conf::run(&settings);
        }
        // The others have pages of their own, which show the same.
        let needs_page = matches!(args.command, Command::Agent | Command::Probe);
        let page = settings.observation.bind.filter(|_| needs_page);
        let observation =
            Observation::start(settings.observation.otlp.as_ref(), page, &token).await?;
        let metrics = observation.metrics();
        let outcome = match args.command {
            Command::Up => commands::up::run(settings, metrics, token.clone()).await,
            Command::Relay => {
                Box::pin(commands::relay::run(settings, metrics, token.clone())).await
            }
            Command::Agent => commands::agent::run(settings, metrics, token.clone()).await,
            Command::Probe => commands::probe::run(settings, metrics, token.clone()).await,
            Command::Web => commands::web::run(settings, metrics, token.clone()).await,
            Command::NatsConf => Ok(()),
        };
        token.cancel();
        observation.end().await;
        outcome
    })
}
