//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use sysmaint_bus::RelayUrl;
use sysmaint_protocol::Handle;
use sysmaint_relay_bridge::Invitation;

use crate::span::Span;

use crate::{
    commands::{devices::Named, health::Watched},
    keyring::Service,
};

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
  sysmaint device add         a further device for this one's handle, on another machine
  NATS_URL=nats://127.0.0.1:4222 sysmaint agent
  sysmaint verify alice       the safety number with alice, to be compared on both sides
  sysmaint invite             a line that lets another machine join
  sysmaint host remove diagprobe-web1

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
    NatsConf {
        /// Make a new key for this service, put it in the place of the old one in every nats.conf
        /// of the data directory, and have the server that `up` runs read it; nothing is restarted
        #[arg(long, value_enum, value_name = "SERVICE")]
        rotate: Option<Service>,
        /// Also give each service what it needs: keys into <DIRECTORY>/<service>/keys, secrets into
        /// <DIRECTORY>/<service>-secrets, the configuration into <DIRECTORY>/nats; for containers,
        /// whose volumes are mounted there
        #[arg(long, value_name = "DIRECTORY", conflicts_with = "rotate")]
        hand_out: Option<PathBuf>,
    },
    /// Say what can be seen of an envelope, which is read from standard input
    ///
    /// For `nats sub --translate 'sysmaint envelope' 'sealed.>'`. Ends with 65 if it is none.
    Envelope {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Ask services of this machine whether they work: for supervisors and health checks
    ///
    /// Ends with 0 if all that are named can do their work, 69 if one cannot or does not run.
    Health(HealthArgs),
    /// See and decide which devices there are
    ///
    /// `add` and `admit` are for whoever has a device: a further one for its handle. The others ask
    /// a running relay over NATS with the relay's own key, on the relay's machine.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// See which hosts report, and remove one
    #[command(subcommand)]
    Host(HostCommand),
    /// Print a line that lets a machine elsewhere join; run it on the relay's machine
    ///
    /// The line is a secret until it was used: it carries a one-time code.
    Invite(InviteArgs),
    /// Join a relay elsewhere: reads the line from standard input
    ///
    /// A line of `sysmaint invite` lets this machine's devices register. A line of `sysmaint device
    /// add` makes the command line here a further device of that handle, and prints what the other
    /// device has to admit.
    ///
    /// Or from SYSMAINT_JOIN or SYSMAINT_JOIN_FILE; never from an argument, which others can see.
    Join,
    /// Send a sealed text
    Send(SendArgs),
    /// Print what was sent to this command line's device
    Inbox(InboxArgs),
    /// Ask the agent one question
    Chat(ChatArgs),
    /// See whose keys are pinned here, compare safety numbers, accept or reject a changed key
    ///
    /// Asks the services that run over this data directory, and the command line's own device.
    /// Without a handle all contacts are listed.
    Verify(VerifyArgs),
    /// Check or show the relay's audit
    Audit {
        /// What to do
        #[command(subcommand)]
        command: AuditCommand,
    },
}

impl Command {
    /// Whether it runs until it is asked to stop.
    pub(crate) const fn is_service(&self) -> bool {
        matches!(self, Self::Up | Self::Relay | Self::Agent | Self::Probe | Self::Web)
    }

    /// What is logged unless `RUST_LOG` says otherwise: a service tells what it does, a command
    /// only what goes wrong.
    pub(crate) const fn log_level(&self) -> &'static str {
        if self.is_service() { "info" } else { "warn" }
    }
}

/// What a line is to be good for.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct InviteArgs {
    /// The only handle that may register with it [default: any free one]
    #[arg(long)]
    pub(crate) handle: Option<Handle>,
    /// How many devices may register with it
    #[arg(long, default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(Invitation::USES_MAX)))]
    pub(crate) uses: u32,
    /// How long it can be used, such as 10m, 24h or 7d; at most 30d
    #[arg(long, default_value = "24h", value_parser = expiry)]
    pub(crate) expires: Span,
    /// Where other machines reach the relay [default: RELAY_URL, or RELAY_BIND and RELAY_PORT]
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) relay: Vec<RelayUrl>,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct HealthArgs {
    /// Which [default: all four]
    #[arg(value_enum, value_name = "SERVICE")]
    pub(crate) services: Vec<Watched>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// A text on its way.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct SendArgs {
    /// Whose device gets it
    #[arg(long, value_name = "HANDLE")]
    pub(crate) to: Handle,
    /// The text; without it standard input is read
    pub(crate) text: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to wait for.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct InboxArgs {
    /// How long to wait for a first message
    #[arg(long, default_value = "5s")]
    pub(crate) wait: Span,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct ChatArgs {
    /// The question; without it standard input is read
    pub(crate) question: Option<String>,
    /// Begin a new conversation: the agent forgets what was said before
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// About whom, and what was found out.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct VerifyArgs {
    /// The contact
    pub(crate) handle: Option<Handle>,
    /// Only this device of this machine, such as sysmaint or alice [default: all that know it]
    #[arg(long, value_name = "HANDLE")]
    pub(crate) of: Option<Handle>,
    /// The contact was set up anew: believe its new key, and open what was held
    #[arg(long, requires = "handle", conflicts_with_all = ["reject", "number"])]
    pub(crate) accept: bool,
    /// The new key is not the contact's: keep the old one, and give up what was held
    #[arg(long, requires = "handle", conflicts_with = "number")]
    pub(crate) reject: bool,
    /// The safety number that the other side shows: if it is the same here, mark as verified
    #[arg(long, requires = "handle", value_name = "DIGITS")]
    pub(crate) number: Option<String>,
    /// Print QR codes even where the output is no terminal
    #[arg(long)]
    pub(crate) qr: bool,
    /// Do not ask first
    #[arg(long)]
    pub(crate) yes: bool,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

fn expiry(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: crate::span::InvalidSpan| error.to_string())?;
    if span.0 > Invitation::LIFE_MAX {
        return Err("a line can be used for at most 30d".to_owned());
    }
    Ok(span)
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

/// What can be decided about devices.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Give the command line's handle a further device: prints a line for the other machine
    ///
    /// The line is for `sysmaint join` on the other machine, which makes keys of its own and prints
    /// its answer for `sysmaint device admit` here; compare the digits that both show. From then on
    /// each message to the handle is sealed to both devices, once whoever writes to it has asked
    /// the directory again: within half a minute. Neither line is a secret.
    Add(AddArgs),
    /// Admit the further device whose line `sysmaint join` has printed
    ///
    /// The signature goes to the relay's directory; the other machine registers with it, within a
    /// day. Whoever knows this handle's devices believes the new one by that signature alone.
    Admit(AdmitArgs),
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

/// What can be done with hosts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum HostCommand {
    /// List the hosts that have reported to the services that run here
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Throw a host's probe out and remove everything that it reported
    ///
    /// Asks a running relay as `sysmaint device revoke` does, and then the agent and the web
    /// server that run over this data directory. Alerts about the host end.
    Remove {
        /// The host
        #[arg(value_name = "HOST")]
        host: Handle,
        /// Do not ask first
        #[arg(long)]
        yes: bool,
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
}

/// How the other machine gets here.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct AddArgs {
    /// Where the other machine reaches the relay [default: the relay that this one has joined,
    /// RELAY_URL, or RELAY_BIND and RELAY_PORT]
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) relay: Vec<RelayUrl>,
}

/// Which device, and how to ask.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct AdmitArgs {
    /// The line that `sysmaint join` has printed; without it standard input is read
    #[arg(value_name = "LINE")]
    pub(crate) line: Option<String>,
    /// Do not ask whether the digits are the same
    #[arg(long)]
    pub(crate) yes: bool,
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
