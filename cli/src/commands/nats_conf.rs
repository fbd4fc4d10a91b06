//! `sysmaint nats-conf`.

use sysmaint_bus::conf::{ServerConfig, render};
use sysmaint_service::{data_dir::owner_only_write, exit::Exit};

use crate::{data_files, failure::Failure, keyring, settings::Settings};

/// Writes keys and configuration, and says how to go on.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let data = data_files::open(settings)?;
    let users = keyring::users(settings, &data)?;
    let listen = format!("127.0.0.1:{}", settings.nats.port);
    let absolute = std::path::absolute(data.join("jetstream"))
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let mut config = ServerConfig::new(&listen, absolute);
    config.durability = settings.nats.durability;
    config.users = users;
    let path = data.join("nats.conf");
    owner_only_write(&path, render(&config).as_bytes())
        .map_err(|error| Failure::new(Exit::CannotCreate, error))?;
    let directory = data.path().display();
    println!("wrote {}", path.display());
    println!("wrote {directory}/keys/*.nk, one a service; give each service its own");
    println!("next: nats-server -c {}", path.display());
    println!("then: NATS_URL=nats://{listen} sysmaint relay --data-dir {directory}");
    println!("      and the same with agent, probe and web");
    Ok(())
}
