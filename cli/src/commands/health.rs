//! `sysmaint health`: whether services of this machine can do their work.
//!
//! Relay and web server are asked over HTTP, as their clients ask them; agent and probe by the
//! socket in their data directory.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use serde::Serialize;
use sysmaint_service::data_dir::DataDir;

use super::devices::document;
use crate::{
    args::HealthArgs,
    data_files,
    desk::{Asked, Question, socket},
    failure::Failure,
    keyring::Service,
    settings::Settings,
};

/// Who does not answer by then does not work.
const WITHIN: Duration = Duration::from_secs(5);

/// Who can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Watched {
    Relay,
    Agent,
    Probe,
    Web,
}

impl Watched {
    const fn service(self) -> Service {
        match self {
            Self::Relay => Service::Relay,
            Self::Agent => Service::Agent,
            Self::Probe => Service::Probe,
            Self::Web => Service::Web,
        }
    }
}

/// How one of them is, as `--json` prints it.
#[derive(Serialize)]
struct Report {
    service: Watched,
    healthy: bool,
    detail: String,
}

/// Asks; fails if one cannot do its work.
pub(crate) async fn run(settings: &Settings, args: &HealthArgs) -> Result<(), Failure> {
    let data = data_files::open_shared(settings)?;
    let all = <Watched as clap::ValueEnum>::value_variants();
    let named = if args.services.is_empty() { all } else { &args.services };
    let mut reports = Vec::new();
    for service in named {
        let asking = ask(settings, &data, *service);
        let answered = tokio::time::timeout(WITHIN, asking).await;
        let late = || Err(format!("does not answer within {} s", WITHIN.as_secs()));
        let (healthy, detail) = match answered.unwrap_or_else(|_| late()) {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        reports.push(Report { service: *service, healthy, detail });
    }
    print(&reports, args.json)?;
    let ill: Vec<_> = reports.iter().filter(|report| !report.healthy).map(Report::name).collect();
    if ill.is_empty() {
        return Ok(());
    }
    Err(Failure::unavailable(anyhow::anyhow!("not healthy: {}", ill.join(", "))))
}

impl Report {
    const fn name(&self) -> &'static str {
        self.service.service().name()
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(reports: &[Report], json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", document(reports)?);
        return Ok(());
    }
    for report in reports {
        println!("{}  {}", report.name(), report.detail);
    }
    Ok(())
}

/// What is well, or what is not.
async fn ask(settings: &Settings, data: &DataDir, service: Watched) -> Result<String, String> {
    let (relay, web) = (&settings.relay, &settings.web);
    match service {
        Watched::Relay => over_http(relay.bind, relay.port, relay.tls.is_some()).await,
        Watched::Web => over_http(web.bind, web.port, web.tls.is_some()).await,
        Watched::Agent | Watched::Probe => by_socket(data, service.service()).await,
    }
}

async fn over_http(bind: IpAddr, port: u16, has_tls: bool) -> Result<String, String> {
    let url = ready_url(bind, port, has_tls);
    let client = reqwest::Client::builder()
        // This machine asks itself, and a certificate is for the name by which others come.
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.get(&url).send().await.map_err(|error| {
        if error.is_connect() { format!("nobody listens at {url}") } else { error.to_string() }
    })?;
    let status = answer.status();
    let said = answer.text().await.map_err(|error| error.to_string())?;
    let said = if said.len() > ANSWER_SHOWN { String::new() } else { format!(" {said}") };
    if status.is_success() { Ok(format!("ok{said}")) } else { Err(format!("{status}{said}")) }
}

/// Bytes of an answer that are shown; a right one is far shorter.
const ANSWER_SHOWN: usize = 500;

fn ready_url(bind: IpAddr, port: u16, has_tls: bool) -> String {
    let own = match bind {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    let scheme = if has_tls { "https" } else { "http" };
    format!("{scheme}://{}/readyz", SocketAddr::new(own, port))
}

async fn by_socket(data: &DataDir, service: Service) -> Result<String, String> {
    let asked = Asked { of: None, question: Question::Health };
    let answer = socket::ask(data, service, &asked).await.map_err(|error| error.to_string())?;
    let Some(answer) = answer else {
        return Err(format!("does not run over {}", data.path().display()));
    };
    for device in &answer.health {
        let of = &device.of;
        if !device.registered {
            return Err(format!("the directory does not know {of}"));
        }
        if !device.receiving {
            return Err(format!("the mailbox of {of} is not open"));
        }
    }
    let stands_by = answer.health.iter().any(|device| device.stands_by);
    Ok(if stands_by { "ok, stands by" } else { "ok" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_where_it_can_be_reached_from_its_own_machine() {
        let url = |bind: &str, tls| ready_url(bind.parse().unwrap(), 8080, tls);
        assert_eq!(url("0.0.0.0", false), "http://127.0.0.1:8080/readyz");
        assert_eq!(url("::", true), "https://[::1]:8080/readyz");
        assert_eq!(url("192.0.2.7", false), "http://192.0.2.7:8080/readyz");
    }
}
