//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

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
  NATS_URL=nats://127.0.0.1:4222 sysmaint agent

Exit codes: 0 stopped as asked, 64 usage, 65 an audit is not what was written, 69 something
needed is not available, 73 a file cannot be created, 74 input or output, 77 no permission,
78 configuration.";

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
    NatsConf,
    /// Check or show the relay's audit
    Audit {
        /// What to do
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// What can be done with an audit.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute the whole chain and compare it with the anchors at the broker
    ///
    /// Finds a changed, removed, inserted or moved row, a chain that was computed anew, and one
    /// that was cut. Works while the relay runs. Ends with 0 if all is well, 65 if it is not.
    Verify {
        /// The audit [default: relay.db in the data directory, or RELAY_DB]
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
        /// Ask no broker: what somebody with the passphrase computed anew or cut off is not found
        #[arg(long)]
        offline: bool,
        /// Answer as one object of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the last rows
    Show {
        /// The audit [default: relay.db in the data directory, or RELAY_DB]
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: u32,
        /// Answer as one object of JSON a row
        #[arg(long)]
        json: bool,
    },
}
