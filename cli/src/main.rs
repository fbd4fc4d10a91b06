//! `sysmaint`: every service, and all of them together.

mod args;
mod commands;
mod confirmation;
mod data_files;
mod desk;
mod device;
mod failure;
mod further;
mod invitation;
mod keyring;
mod membership;
mod observation;
mod own_device;
mod settings;
mod source;
mod span;
mod way;
mod word;

use std::process::ExitCode;

use clap::Parser;
use sysmaint_service::{exit::Exit, logging, memory, open_files, shutdown::Shutdown};
use tokio_util::sync::CancellationToken;

use crate::{
    args::{Args, Command, DeviceCommand},
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
    logging::init(settings.log_format, args.command.log_level())
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
        if args.command.is_service() {
            Box::pin(serve(&args.command, settings, token)).await
        } else {
            Box::pin(carry_out(&args.command, settings, token)).await
        }
    })
}

/// A service, which runs until it is asked to stop.
async fn serve(
    command: &Command,
    settings: Settings,
    token: CancellationToken,
) -> Result<(), Failure> {
    // The others have pages of their own, which show the same.
    let needs_page = matches!(command, Command::Agent | Command::Probe);
    let page = settings.observation.bind.filter(|_| needs_page);
    let observation = Observation::start(settings.observation.otlp.as_ref(), page, &token).await?;
    let metrics = observation.metrics();
    tokio::spawn(async {
        tokio::time::sleep(memory::STARTED_AFTER).await;
        let _ = tokio::task::spawn_blocking(memory::give_back).await;
    });
    let outcome = match command {
        Command::Relay => commands::relay::run(settings, metrics, token.clone()).await,
        Command::Agent => commands::agent::run(settings, metrics, token.clone()).await,
        Command::Probe => commands::probe::run(settings, metrics, token.clone()).await,
        Command::Web => Box::pin(commands::web::run(settings, metrics, token.clone())).await,
        _ => commands::up::run(settings, metrics, token.clone()).await,
    };
    token.cancel();
    observation.end().await;
    outcome
}

/// A command that does one thing and ends.
async fn carry_out(
    command: &Command,
    settings: Settings,
    token: CancellationToken,
) -> Result<(), Failure> {
    let stop = token.clone();
    match command {
        Command::Invite(args) => {
            once(&stop, Box::pin(commands::invite::run(settings, args, token))).await
        }
        Command::Join => once(&stop, Box::pin(commands::join::run(settings))).await,
        Command::Send(args) => {
            once(&stop, Box::pin(commands::send::run(settings, args, token))).await
        }
        Command::Inbox(args) => {
            once(&stop, Box::pin(commands::inbox::run(settings, args, token))).await
        }
        Command::Chat(args) => {
            once(&stop, Box::pin(commands::chat::run(settings, args, token))).await
        }
        Command::Audit { command } => {
            Box::pin(commands::audit::run(&settings, command, token)).await
        }
        Command::Verify(args) => {
            once(&stop, Box::pin(commands::verify::run(settings, args, token))).await
        }
        Command::Device(DeviceCommand::Add(args)) => {
            once(&stop, Box::pin(commands::add::run(settings, args, token))).await
        }
        Command::Device(DeviceCommand::Admit(args)) => {
            once(&stop, Box::pin(commands::admit::run(settings, args, token))).await
        }
        Command::Device(command) => {
            Box::pin(commands::devices::run(settings, command, token)).await
        }
        Command::Host(command) => Box::pin(commands::hosts::run(settings, command, token)).await,
        Command::Envelope { json } => commands::envelope::run(*json),
        Command::Health(args) => {
            once(&stop, Box::pin(commands::health::run(&settings, args))).await
        }
        Command::NatsConf { rotate: Some(service), .. } => {
            commands::rotate::run(&settings, *service)
        }
        Command::NatsConf { hand_out: Some(directory), .. } => {
            commands::hand_out::run(&settings, directory)
        }
        _ => commands::nats_conf::run(&settings),
    }
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
