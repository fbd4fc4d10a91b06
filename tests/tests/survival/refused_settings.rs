//! Settings that make no sense: all of them at once, and no secret in the words about them.

use crate::attempt::{Place, end};

#[test]
fn every_bad_setting_is_named_at_once_and_no_secret_is_printed() {
    let bad = [
        ("WEB_PORT", "high"),
        ("ALICE_ID", "Alice!"),
        ("SYSMAINT_PROBE_INTERVAL_MS", "0"),
        ("RELAY_BIND", "nowhere"),
    ];
    let secrets = [
        ("MEGA_PASSPHRASE", "correct horse battery"),
        ("SYSMAINT_OPERATOR_TOKEN", "staple of an operator"),
        ("OPENAI_API_KEY", "sk-not-for-your-eyes"),
    ];
    for subcommand in ["up", "relay", "agent", "probe", "web", "nats-conf"] {
        let mut place = Place::new().with("MEGA_PASSPHRASE_FILE", "/etc/hostname");
        for (name, value) in bad.into_iter().chain(secrets) {
            place = place.with(name, value);
        }
        let ending = end(place.command(subcommand));
        let both = "MEGA_PASSPHRASE and MEGA_PASSPHRASE_FILE are both set";
        let wanted: Vec<_> = bad.map(|(name, _)| name).into_iter().chain([both]).collect();
        ending.check(78, &wanted);
        for (name, secret) in secrets {
            assert!(!ending.said.contains(secret), "{name} was printed: {}", ending.said);
        }
        assert!(!place.data().exists(), "{subcommand} made files under a bad configuration");
        place.check_nothing_runs();
    }
}

#[test]
fn pages_for_others_need_a_password_and_a_short_one_is_none() {
    Place::new().with("WEB_BIND", "0.0.0.0").up().check(78, &["WEB_BIND", "WEB_PASSWORD_FILE"]);
    let place = Place::new().with("WEB_BIND", "0.0.0.0").with("WEB_PASSWORD", "hunter2");
    let ending = end(place.command("up"));
    ending.check(78, &["WEB_PASSWORD", "at least 12 characters"]);
    assert!(!ending.said.contains("hunter2"), "{}", ending.said);
}

#[test]
fn a_setting_that_contradicts_another_is_named() {
    let place =
        Place::new().with("BOB_ID", "alice").with("WEB_PORT", "7777").with("NATS_PORT", "7777");
    place.up().check(78, &["BOB_ID", "NATS_PORT", "7777"]);
}
