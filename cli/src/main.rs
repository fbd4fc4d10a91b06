//! `sysmaint`: every service, and all of them together.

mod args;
mod commands;
mod data_files;
mod device;
mod failure;
mod invitation;
mod keyring;
mod membership;
mod own_device;
mod settings;
mod source;
mod span;
mod way;

use std::process::ExitCode;

use clap::Parser;
use sysmaint_service::{exit::Exit, logging, shutdown::Shutdown};
use tokio_util::sync::CancellationToken;

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
    logging::init(settings.log_format, args.command.log_level())
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
            Command::Relay => Box::pin(commands::relay::run(settings, token)).await,
            Command::Agent => commands::agent::run(settings, token).await,
            Command::Probe => commands::probe::run(settings, token).await,
            Command::Web => commands::web::run(settings, token).await,
            Command::Invite(args) => {
                once(&token, Box::pin(commands::invite::run(settings, args, token.clone()))).await
            }
            Command::Join => once(&token, Box::pin(commands::join::run(settings))).await,
            Command::Send(args) => {
                once(&token, Box::pin(commands::send::run(settings, args, token.clone()))).await
            }
            Command::Inbox(args) => {
                once(&token, Box::pin(commands::inbox::run(settings, args, token.clone()))).await
            }
            Command::Chat(args) => {
                once(&token, Box::pin(commands::chat::run(settings, args, token.clone()))).await
            }
            Command::NatsConf => commands::nats_conf::run(&settings),
        }
    })
}

/// A command that does one thing and ends. What it has committed holds, wherever it is stopped.
async fn once(
    stop: &CancellationToken,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        done = command => done,
        () = stop.cancelled() => Err(Failure::interrupted()),
    }
}
