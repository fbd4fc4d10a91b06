//! `sysmaint`: every service, and all of them together.

mod args;
mod commands;
mod data_files;
mod device;
mod failure;
mod keyring;
mod settings;
mod source;

use std::process::ExitCode;

use clap::Parser;
use sysmaint_service::{exit::Exit, logging, shutdown::Shutdown};

use crate::{
    args::{Args, Command},
    failure::Failure,
    settings::Settings,
};

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unavailable, error))?;
    runtime.block_on(async {
        let shutdown =
            Shutdown::on_signals().map_err(|error| Failure::new(Exit::Unavailable, error))?;
        let token = shutdown.token();
        match &args.command {
            Command::Up => commands::up::run(settings, token).await,
            Command::Relay => commands::relay::run(settings, token).await,
            Command::Agent => commands::agent::run(settings, token).await,
            Command::Probe => commands::probe::run(settings, token).await,
            Command::Web => commands::web::run(settings, token).await,
            Command::NatsConf { rotate: None } => commands::nats_conf::run(&settings),
            Command::NatsConf { rotate: Some(service) } => {
                commands::rotate::run(&settings, *service)
            }
            Command::Device(command) => commands::devices::run(settings, command, token).await,
        }
    })
}
