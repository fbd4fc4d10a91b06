//! The relay as it is deployed: `sysmaint relay` and nats-server in processes of their own, asked
//! over kept connections on loopback. Needs the built binary beside it.
//!
//! What it is compared with is measured in turn with it, in the same run. A word on the command
//! line chooses the parts whose names contain it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod connection;
mod device;
mod directory;
mod fairness;
mod flood;
mod ingest;
mod mail;
mod measured;
mod raw;
mod stage;

use tokio::runtime::Runtime;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    let runtime = Runtime::new().unwrap();
    let mut lines = Vec::new();
    runtime.block_on(async {
        for durability in ["power", "process"] {
            if is_wanted(&format!("ingest-{durability}")) {
                lines.extend(ingest::run(durability).await);
            }
        }
        if is_wanted("fairness") {
            lines.extend(fairness::run().await);
        }
        if is_wanted("directory") {
            lines.extend(directory::run().await);
        }
    });
    println!();
    for line in lines {
        println!("{line}");
    }
}
