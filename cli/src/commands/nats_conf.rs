//! `sysmaint nats-conf`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use sysmaint_bus::conf::{ServerConfig, render};
use sysmaint_service::{
    data_dir::{DataDir, owner_only_write},
    exit::Exit,
};

use super::nats_context;
use crate::{data_files, failure::Failure, keyring, settings::Settings};

/// What the server will listen on, and whether by TLS.
pub(super) struct Written {
    pub(super) path: PathBuf,
    listen: SocketAddr,
    has_tls: bool,
}

impl Written {
    fn url(&self) -> String {
        let scheme = if self.has_tls { "tls" } else { "nats" };
        format!("{scheme}://{}", self.listen)
    }
}

/// Writes keys, configuration, and contexts for the nats CLI.
pub(super) fn write(settings: &Settings, data: &DataDir) -> Result<Written, Failure> {
    let users = keyring::users(settings, data)?;
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.nats.port));
    let listen = settings.nats.listen.unwrap_or(local);
    let absolute = std::path::absolute(data.join("jetstream"))
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let mut config = ServerConfig::new(&listen.to_string(), absolute);
    config.durability = settings.nats.durability;
    config.users = users;
    config.issuer = Some(keyring::issuer(data)?.public_key().to_owned());
    config.tls.clone_from(&settings.nats.server_tls);
    let path = data.join("nats.conf");
    owner_only_write(&path, render(&config).as_bytes())
        .map_err(|error| Failure::new(Exit::CannotCreate, error))?;
    let written = Written { path, listen, has_tls: config.tls.is_some() };
    let url = settings.nats.url.clone().unwrap_or_else(|| written.url());
    nats_context::write(data, &url, settings.nats.tls.authorities.as_deref())?;
    Ok(written)
}

/// Writes them, and says how to go on.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let data = data_files::open(settings)?;
    let written = write(settings, &data)?;
    let url = written.url();
    let Written { path, listen, has_tls } = written;
    let directory = data.path().display();
    println!("wrote {}", path.display());
    println!("wrote {directory}/keys/*.nk, one a service; give each service its own");
    println!("wrote {directory}/keys/issuer.nk, which lets devices in; it stays with the relay");
    println!("next: nats-server -c {}", path.display());
    println!("then: NATS_URL={url} sysmaint relay --data-dir {directory}");
    println!("      and the same with agent, probe and web");
    if has_tls {
        println!("      each with NATS_CA_FILE, unless the system knows the authority");
    } else if !listen.ip().is_loopback() {
        println!("note: {listen} is reached from elsewhere without TLS: set NATS_TLS_CERT_FILE");
        println!("      and NATS_TLS_KEY_FILE, unless the network is your own");
    }
    Ok(())
}
