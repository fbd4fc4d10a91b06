//! The pages in a real browser, with a real stack behind them. What happens in front of the screen
//! stands in `tests/browser/cases`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod chromium;
mod impostor;
mod past;
mod script;

use serde_json::{Value, json};
use sysmaint_tests::{Aimock, Service, Services, ServicesBuilder, Stack, StackBuilder, eventually};

use self::{chromium::Chromium, impostor::Impostor, script::Script};

/// What a script need not be told.
const NOTHING: Value = Value::Null;

const INTERVAL: &str = "SYSMAINT_PROBE_INTERVAL_MS";
/// So seldom that pages have time for other things than numbers, and that samples to alice do not
/// push what somebody looks at out of the demo's middle.
const CALM_MS: u32 = 1500;

fn stack() -> StackBuilder {
    Stack::builder().with(INTERVAL, CALM_MS)
}

fn services() -> ServicesBuilder {
    Services::builder().with(INTERVAL, CALM_MS)
}

/// A host that is there, and one that was there yesterday.
async fn live_and_past(builder: ServicesBuilder) -> (Services, Value) {
    let mut services = builder.prepare();
    let past = past::lay_down(&services).await;
    for service in Service::ALL {
        services.launch(service);
    }
    eventually("the living host", async || {
        let status = services.web().status().await?;
        let hosts = status["hosts"].as_array()?;
        hosts.iter().any(|host| host["host"] == "diagprobe").then_some(())
    })
    .await;
    (services, past)
}

/// Its agent asks this model.
fn asking(model: &Aimock) -> StackBuilder {
    model_settings(model).into_iter().fold(stack(), |all, (name, value)| all.with(name, value))
}

fn model_settings(model: &Aimock) -> [(&'static str, String); 3] {
    [
        ("OPENAI_BASE_URL", model.base_url()),
        ("OPENAI_API_KEY", "sk-of-a-test".to_owned()),
        ("OPENAI_MODEL", "a-model".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_goes_from_all_hosts_into_the_past_of_one_and_through_its_processes() {
    let Some(chromium) = Chromium::find() else { return };
    let (services, _) = live_and_past(services()).await;
    let told = json!({ "other": past::HOST });
    Script::run(&chromium, "dashboard", &services.web(), &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_grows_shows_its_tools_can_be_stopped_and_copied_and_outlives_a_reload() {
    let Some(chromium) = Chromium::find() else { return };
    let model = Aimock::start("browser").await;
    let stack = asking(&model).start().await;
    Script::run(&chromium, "chat", &stack.web(), &NOTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_people_write_passes_the_middle_as_sealed_envelopes() {
    let Some(chromium) = Chromium::find() else { return };
    let stack = stack().start().await;
    Script::run(&chromium, "demo", &stack.web(), &NOTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_that_the_server_is_away_and_recover_by_themselves_without_losing_a_message() {
    let Some(chromium) = Chromium::find() else { return };
    let mut stack = stack().start().await;
    let mut script = Script::start(&chromium, "reconnect", &stack.web(), &NOTHING);
    while let Some(wish) = script.wish().await {
        match wish.as_str() {
            "kill the server" => stack.kill(),
            "start the server" => stack.restart().await,
            other => unreachable!("{other}"),
        }
        script.grant().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_probe_has_stopped_is_shown_as_stale_until_it_is_back() {
    let Some(chromium) = Chromium::find() else { return };
    let (mut services, _) = live_and_past(services()).await;
    let told = json!({ "other": past::HOST });
    let mut script = Script::start(&chromium, "stale", &services.web(), &told);
    while let Some(wish) = script.wish().await {
        match wish.as_str() {
            "stop the probe" => services.kill(Service::Probe),
            "start the probe" => services.launch(Service::Probe),
            other => unreachable!("{other}"),
        }
        script.grant().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_drawn_and_the_hours_without_samples_are_a_gap_in_it() {
    let Some(chromium) = Chromium::find() else { return };
    let (services, past) = live_and_past(services()).await;
    Script::run(&chromium, "gap", &services.web(), &past).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_at_once_see_the_same() {
    let Some(chromium) = Chromium::find() else { return };
    let stack = stack().start().await;
    Script::run(&chromium, "together", &stack.web(), &NOTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_names_answers_messages_and_addresses_is_text_and_runs_nowhere() {
    let Some(chromium) = Chromium::find() else { return };
    let model = Aimock::start("browser").await;
    let builder = model_settings(&model)
        .into_iter()
        .fold(services(), |all, (name, value)| all.with(name, value));
    let _impostor = Impostor::start();
    let (services, mut told) = live_and_past(builder).await;
    told["process"] = impostor::NAME.into();
    Script::run(&chromium, "hostile", &services.web(), &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody_in_light_and_dark_from_a_phone_to_a_wall() {
    let Some(chromium) = Chromium::find() else { return };
    let (services, past) = live_and_past(services()).await;
    Script::run(&chromium, "looks", &services.web(), &past).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_weighs_at_most_150_kilobytes() {
    let Some(chromium) = Chromium::find() else { return };
    let stack = stack().start().await;
    Script::run(&chromium, "weight", &stack.web(), &NOTHING).await;
}
