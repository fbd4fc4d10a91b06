//! The login: what it asks for, what it opens, and when that ends.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};
use sysmaint_web::{Config, LoginMode, LoginSettings, Password, SessionLimits};

use crate::{
    Server,
    client::{Live, Request, Response},
    config,
    memory::Agent,
};

const PASSWORD: &str = "correct horse battery";
const TOKEN: &str = "the token of an operator";

fn settings() -> LoginSettings {
    LoginSettings {
        password: Some(Password::new(PASSWORD.into()).unwrap()),
        operator_token: Some(TOKEN.into()),
        ..LoginSettings::default()
    }
}

async fn start(login: LoginSettings) -> Server {
    let config = Config { login, hosts: vec!["monitor.example".parse().unwrap()], ..config() };
    Server::with(Agent::Answers(Duration::from_millis(40)), config).await
}

fn log_in(password: &str) -> Request {
    Request::post("/api/login", &json!({ "password": password }))
}

/// The cookie of a session, as a browser sends it back.
async fn cookie(server: &Server) -> String {
    let answer = log_in(PASSWORD).send(server.address).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap();
    cookie.split_once(';').unwrap().0.to_owned()
}

async fn get_with(server: &Server, path: &str, cookie: &str) -> Response {
    Request::get(path).header("Cookie", cookie).send(server.address).await
}

async fn listen(server: &Server, cookie: &str) -> Live {
    let request = Request::get("/api/events").header("Cookie", cookie);
    request.header("Connection", "close").stream(server.address).await
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap()
}

#[tokio::test]
async fn nothing_but_the_login_the_source_and_health_is_served_without_a_session() {
    let server = start(settings()).await;
    for path in [
        "/api/about",
        "/api/alerts",
        "/api/chat/history",
        "/api/events",
        "/api/demo/wire",
        "/api/status/current",
        "/api/status/prometheus",
        "/api/nothing",
        "/metrics",
        "/openapi.json",
    ] {
        let answer = server.get(path).await;
        assert_eq!(kind(&answer.problem(401)), "urn:sysmaint:unauthenticated", "{path}");
        assert!(answer.header("www-authenticate").is_some(), "{path}");
    }
    for path in ["/api/chat", "/api/e2ee/send", "/api/status/usage/reset"] {
        server.post(path, json!({})).await.problem(401);
    }
    for path in [
        "/source",
        "/licenses.txt",
        "/favicon.svg",
        "/first-paint.js",
        "/login",
        "/livez",
        "/health",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let page = server.get("/login").await;
    let text = String::from_utf8_lossy(&page.body);
    assert!(text.contains("<title>Log in"), "{text}");
    for asset in text.split('"').filter(|part| part.starts_with("/assets/")) {
        assert_eq!(server.get(asset).await.status, 200, "{asset}");
    }
}

#[tokio::test]
async fn pages_lead_to_the_login_and_back_to_where_one_was_but_never_elsewhere() {
    let server = start(settings()).await;
    for (path, location) in [
        ("/", "/login"),
        ("/chat", "/login?next=/chat"),
        ("/nothing", "/login?next=/nothing"),
        ("/?host=a&range=24h", "/login?next=/%3Fhost%3Da%26range%3D24h"),
        ("//evil.example/x", "/login"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    let cookie = cookie(&server).await;
    for (path, location) in [
        ("/login", "/"),
        ("/login?next=/%3Fhost%3Da%26range%3D24h", "/?host=a&range=24h"),
        ("/login?next=//evil.example", "/"),
        ("/login?next=https://evil.example", "/"),
        ("/login?next=/%5Cevil.example", "/"),
        ("/login?next=/%09/evil.example", "/"),
        ("/login?next=/login", "/"),
    ] {
        let answer = get_with(&server, path, &cookie).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{path}");
    }
}

#[tokio::test]
async fn the_password_opens_a_session_and_a_logout_ends_it_with_its_streams() {
    let server = start(settings()).await;
    let answer = log_in(PASSWORD).send(server.address).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("sysmaint=") && !set.contains("Secure"), "{set}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=604800"] {
        assert!(set.contains(attribute), "{set}");
    }
    let (cookie, other) = (cookie(&server).await, cookie(&server).await);
    let standing = get_with(&server, "/api/login", &cookie).await.json();
    assert_eq!(standing, json!({"login": "required", "session": true}));
    for path in ["/", "/chat", "/api/about", "/api/status/current", "/metrics"] {
        assert_eq!(get_with(&server, path, &cookie).await.status, 200, "{path}");
    }
    let asked = Request::post("/api/chat", &json!({"prompt": "x"})).header("Cookie", &cookie);
    assert_eq!(asked.send(server.address).await.status, 200);

    let mut events = listen(&server, &cookie).await;
    events.until("event: hello").await;
    let mut others = listen(&server, &other).await;
    others.until("event: hello").await;
    let leave = Request::post("/api/logout", &json!({})).header("Cookie", &cookie);
    let left = leave.send(server.address).await;
    assert_eq!(left.status, 204);
    assert!(left.header("set-cookie").unwrap().starts_with("sysmaint=; Path=/; Max-Age=0"));
    events.rest().await;
    get_with(&server, "/api/about", &cookie).await.problem(401);
    assert_eq!(get_with(&server, "/api/about", &other).await.status, 200);
    server.memory.set_link(sysmaint_web::backend::LinkState::default());
    others.until("event: link").await;
}

#[tokio::test]
async fn a_wrong_password_opens_nothing_and_is_not_repeated() {
    let server = start(settings()).await;
    for wrong in ["", "correct horse", "Correct horse battery", "correct horse battery "] {
        let answer = log_in(wrong).send(server.address).await;
        let problem = answer.problem(401);
        assert_eq!(kind(&problem), "urn:sysmaint:wrong-password");
        assert!(answer.header("set-cookie").is_none());
        assert!(wrong.is_empty() || !problem.to_string().contains(wrong), "{problem}");
    }
    for token in ["", "0", &"0".repeat(64)] {
        let cookie = format!("sysmaint={token}");
        get_with(&server, "/api/about", &cookie).await.problem(401);
    }
}

#[tokio::test]
async fn a_flood_from_one_address_is_slowed_and_another_address_gets_in() {
    let server = start(settings()).await;
    let (flood, owner) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let guesses = (0..40).map(|number| {
        tokio::spawn(
            log_in(&format!("guess number {number}")).sent_from(flood).send(server.address),
        )
    });
    let (mut judged, mut refused) = (0, 0);
    for guess in guesses.collect::<Vec<_>>() {
        let answer = guess.await.unwrap();
        if answer.status == 401 {
            judged += 1;
        } else {
            assert_eq!(kind(&answer.problem(429)), "urn:sysmaint:rate-limited");
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
            refused += 1;
        }
    }
    assert!(judged >= 5 && refused >= 30, "{judged} were judged, {refused} refused");
    assert_eq!(log_in(PASSWORD).sent_from(owner).send(server.address).await.status, 204);
}

#[tokio::test]
async fn another_site_can_neither_log_in_nor_out() {
    let server = start(settings()).await;
    let cookie = cookie(&server).await;
    for (name, value) in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "same-site")] {
        log_in(PASSWORD).header(name, value).send(server.address).await.problem(403);
        let leave = Request::post("/api/logout", &json!({})).header("Cookie", &cookie);
        leave.header(name, value).send(server.address).await.problem(403);
    }
    let form = Request::post_raw("/api/login", format!("password={PASSWORD}"));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    form.send(server.address).await.problem(415);
    let leave = Request::post_raw("/api/logout", "{}").header("Content-Type", "text/plain");
    leave.header("Cookie", &cookie).send(server.address).await.problem(415);
    // Cookies of neighbouring ports and names come along; a session alone lets nobody write.
    let write = Request::post("/api/chat", &json!({"prompt": "x"})).header("Cookie", &cookie);
    write.header("Origin", "http://127.0.0.1:1").send(server.address).await.problem(403);
    assert_eq!(get_with(&server, "/api/about", &cookie).await.status, 200);
}

#[tokio::test]
async fn a_session_that_is_over_ends_its_streams_and_opens_nothing() {
    let sessions = SessionLimits { whole: Duration::from_secs(1), ..SessionLimits::default() };
    let server = start(LoginSettings { sessions, ..settings() }).await;
    let cookie = cookie(&server).await;
    listen(&server, &cookie).await.rest().await;
    get_with(&server, "/api/about", &cookie).await.problem(401);
    let page = get_with(&server, "/chat", &cookie).await;
    assert_eq!(page.header("location"), Some("/login?next=/chat"));
}

#[tokio::test]
async fn the_operators_token_opens_the_numbers_and_nothing_else() {
    let server = start(settings()).await;
    let ask = |path: &str, token: &str| {
        Request::get(path).header("Authorization", &format!("Bearer {token}")).send(server.address)
    };
    for path in ["/metrics", "/api/status/prometheus"] {
        assert_eq!(ask(path, TOKEN).await.status, 200, "{path}");
        ask(path, "another").await.problem(401);
    }
    ask("/api/about", TOKEN).await.problem(401);
    assert_eq!(ask("/chat", TOKEN).await.status, 303);
    let mut guessed = ask("/metrics", "another").await;
    while guessed.status == 401 {
        guessed = ask("/metrics", "another").await;
    }
    guessed.problem(429);
}

#[tokio::test]
async fn behind_a_proxy_with_https_the_cookie_is_for_https_only() {
    let server = start(settings()).await;
    let from_proxy = |request: Request| {
        request.header("Host", "monitor.example").header("Origin", "https://monitor.example")
    };
    let answer = from_proxy(log_in(PASSWORD)).send(server.address).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-sysmaint=") && set.ends_with("; Secure"), "{set}");
    let cookie = set.split_once(';').unwrap().0;
    let ask = Request::post("/api/chat", &json!({"prompt": "x"})).header("Cookie", cookie);
    assert_eq!(from_proxy(ask).send(server.address).await.status, 200);
}

#[tokio::test]
async fn no_login_is_asked_for_where_it_is_off_or_nobody_else_can_ask() {
    let login = LoginSettings { mode: LoginMode::Off, ..LoginSettings::default() };
    let open = Config { bind: Ipv4Addr::UNSPECIFIED.into(), login, ..config() };
    let mut server = Server::with(Agent::Silent, open).await;
    server.address.set_ip(Ipv4Addr::LOCALHOST.into());
    assert_eq!(server.get("/").await.status, 200);
    assert_eq!(server.get("/api/login").await.json(), json!({"login": "off", "session": false}));
    let port = server.address.port();
    for host in [format!("0.0.0.0:{port}"), "monitor.example".to_owned()] {
        let answer = Request::get("/").header("Host", &host).send(server.address).await;
        let problem = answer.problem(421);
        assert!(problem["detail"].as_str().unwrap().contains("WEB_HOSTS"), "{problem}");
    }

    let server = Server::quick().await;
    assert_eq!(server.get("/api/login").await.json(), json!({"login": "none", "session": false}));
    log_in(PASSWORD).send(server.address).await.problem(404);
    let page = server.get("/login").await;
    assert_eq!((page.status, page.header("location")), (303, Some("/")));
}
