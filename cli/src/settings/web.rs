//! The settings of the web server and of its login.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use secrecy::SecretString;
use sysmaint_protocol::identities;
use sysmaint_service::{config::Reader, http_server::TlsFiles};
use sysmaint_web::{LoginMode, LoginSettings, Password};

/// What the web server is told.
pub(super) fn web(
    reader: &mut Reader,
    operator_token: Option<SecretString>,
) -> sysmaint_web::Config {
    let bounds = Duration::from_millis(100)..=Duration::from_mins(10);
    let default = Duration::from_secs(25);
    let (login, is_unfit) = login(reader, operator_token);
    let config = sysmaint_web::Config {
        port: reader.value("WEB_PORT", 3000),
        bind: reader.value("WEB_BIND", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        hosts: reader.list("WEB_HOSTS", Vec::new()),
        tls: TlsFiles::from_reader(reader, "WEB_TLS_CERT_FILE", "WEB_TLS_KEY_FILE"),
        login,
        alice: reader.value("ALICE_ID", identities::alice()),
        bob: reader.value("BOB_ID", identities::bob()),
        agent: reader.value("SYSMAINT_ID", identities::agent()),
        chat_timeout: reader.duration_ms("SYSMAINT_CHAT_TIMEOUT_MS", default, bounds),
    };
    // Also said by the web server itself; here it is said together with everything else.
    if let Some(exposure) = config.lacks_password().filter(|_| !is_unfit) {
        reader.reject(exposure.setting(), exposure.advice());
    }
    config
}

/// And whether there is a password that cannot be one, which is said already.
fn login(reader: &mut Reader, operator_token: Option<SecretString>) -> (LoginSettings, bool) {
    let given = reader.secret("WEB_PASSWORD").map(Password::new);
    let unfit = given.as_ref().and_then(|password| password.as_ref().err().copied());
    if let Some(unfit) = unfit {
        reader.reject("WEB_PASSWORD", unfit.to_string());
    }
    let settings = LoginSettings {
        mode: reader.value("WEB_LOGIN", LoginMode::Auto),
        password: given.and_then(Result::ok),
        operator_token,
        ..LoginSettings::default()
    };
    (settings, unfit.is_some())
}

#[cfg(test)]
mod tests {
    use crate::settings::complaint;

    #[test]
    fn pages_for_others_take_a_password_or_a_word_that_there_is_none() {
        let text = complaint(&[("WEB_BIND", "0.0.0.0")]);
        assert!(
            text.contains("WEB_BIND=\"0.0.0.0\"") && text.contains("WEB_PASSWORD_FILE"),
            "{text}"
        );
        assert!(text.contains("WEB_LOGIN=off"), "{text}");
        let text = complaint(&[("WEB_HOSTS", "localhost:8000,monitor.example")]);
        assert!(text.contains("WEB_HOSTS") && text.contains("WEB_PASSWORD_FILE"), "{text}");
        assert_eq!(complaint(&[("WEB_BIND", "0.0.0.0"), ("WEB_LOGIN", "off")]), "");
        assert_eq!(complaint(&[("WEB_BIND", "::"), ("WEB_PASSWORD", "twelve chars")]), "");
        assert_eq!(complaint(&[("WEB_HOSTS", "localhost:8000")]), "");
    }

    #[test]
    fn a_short_password_is_refused_by_its_length_and_not_shown() {
        let text = complaint(&[("WEB_BIND", "0.0.0.0"), ("WEB_PASSWORD", "hunter2")]);
        assert!(text.contains("WEB_PASSWORD") && text.contains("at least 12 characters"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("WEB_BIND"), "{text}");
        let text = complaint(&[("WEB_LOGIN", "on"), ("WEB_HOSTS", "https://monitor.example")]);
        assert!(text.contains("use auto") && text.contains("monitor.example, 192.0.2.7"), "{text}");
    }
}
