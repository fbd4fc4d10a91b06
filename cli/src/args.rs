//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{commands::devices::Named, keyring::Service};

/// Watch your machines and talk to them, end-to-end encrypted.
///
/// Every setting is an environment variable, described in .env.example, or a key of sysmaint.toml.
#[derive(Debug, Parser)]
#[command(name = "sysmaint", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where stores, keys and the message queue lie [default: ./data, or SYSMAINT_DATA_DIR]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Settings file [default: ./sysmaint.toml where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to run
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sysmaint up                 everything on this machine, with a nats-server of its own
  sysmaint nats-conf          a nats.conf and keys, for services that run one by one
  sysmaint nats-conf --rotate agent
                              a new key for the agent, without restarting anything
  sysmaint device revoke carol.1
  NATS_URL=nats://127.0.0.1:4222 sysmaint agent

Exit codes: 0 stopped as asked, 64 usage, 69 something needed is not available, 73 a file cannot
be created, 74 input or output, 77 no permission, 78 configuration.";

/// The subcommands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Run everything: nats-server, relay, agent, probe and web
    ///
    /// Prints `ready http://…` on standard output once a first sample has arrived. Ctrl-C stops
    /// everything; the next start carries on.
    Up,
    /// Run the relay: directory, certificate authority and HTTP API
    Relay,
    /// Run the agent, which answers questions
    Agent,
    /// Run the probe, which watches this machine
    Probe,
    /// Run the web server with dashboard, chat and demo
    Web,
    /// Write a nats.conf and one key a service into the data directory
    ///
    /// For a nats-server that you run yourself. Existing keys are kept.
    NatsConf {
        /// Make a new key for this service, put it in the place of the old one in every nats.conf
        /// of the data directory, and have the server that `up` runs read it; nothing is restarted
        #[arg(long, value_enum, value_name = "SERVICE")]
        rotate: Option<Service>,
    },
    /// See and decide which devices the relay knows
    ///
    /// Asks a running relay over NATS with the relay's own key, on the relay's machine.
    #[command(subcommand)]
    Device(DeviceCommand),
}

/// What can be decided about devices.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List all devices
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Throw a device out: its token, prekeys and NATS login end now, and its key may not come back
    Revoke(Decide),
    /// Make a device register again by itself, for a new token
    Rotate(Decide),
    /// Let a revoked device register again with the key it had
    Readmit(Decide),
}

/// About which device, and how to ask.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Decide {
    /// <handle>, for all devices of an identity, or <handle>.<device>
    #[arg(value_name = "HANDLE[.DEVICE]")]
    pub(crate) named: Named,
    /// Do not ask first
    #[arg(long)]
    pub(crate) yes: bool,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
