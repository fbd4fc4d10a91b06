//! Questions as a server asks them, as nobody should, and what the answers say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};
use sysmaint_protocol::{DeviceId, subject::Mailbox};

use super::{
    answer::{self, KnownLogin},
    request::Question,
    *,
};
use crate::Credentials;

const NONCE: &str = "a nonce of the server's";

struct Scene {
    server: KeyPair,
    connection: KeyPair,
    device: KeyPair,
}

impl Scene {
    fn new() -> Self {
        Self {
            server: KeyPair::new_server(),
            connection: KeyPair::new_user(),
            device: KeyPair::new_user(),
        }
    }

    fn claims(&self) -> Value {
        let signature = self.device.sign(NONCE.as_bytes()).unwrap();
        json!({
            "aud": "nats-authorization-request",
            "iat": 1,
            "iss": self.server.public_key(),
            "jti": "x",
            "sub": "AISSUER",
            "nats": {
                "server_id": { "name": "n", "host": "h", "id": self.server.public_key() },
                "user_nkey": self.connection.public_key(),
                "client_info": { "host": "127.0.0.1", "id": 7, "nonce": NONCE },
                "connect_opts": {
                    "nkey": self.device.public_key(),
                    "sig": URL_SAFE_NO_PAD.encode(signature),
                    "protocol": 1,
                },
                "type": "authorization_request",
                "version": 2,
            },
        })
    }

    fn token(&self, claims: &Value) -> String {
        signed(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }), claims, &self.server)
    }
}

fn signed(header: &Value, claims: &Value, key: &KeyPair) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims_of(token: &str, issuer: &Issuer) -> Value {
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = KeyPair::from_public_key(issuer.public_key()).unwrap();
    key.verify(text.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(text.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], issuer.public_key());
    claims
}

#[test]
fn a_proved_key_is_found_and_an_unproved_one_is_nobodys() {
    let scene = Scene::new();
    let question = Question::read(scene.token(&scene.claims()).as_bytes()).unwrap();
    assert_eq!(question.user.unwrap().as_str(), scene.device.public_key());
    assert_eq!(question.server, scene.server.public_key());

    let stranger = KeyPair::new_user();
    let forged = URL_SAFE_NO_PAD.encode(stranger.sign(NONCE.as_bytes()).unwrap());
    let account = KeyPair::new_account();
    let by_account = URL_SAFE_NO_PAD.encode(account.sign(NONCE.as_bytes()).unwrap());
    for (nkey, signature, nonce) in [
        (scene.device.public_key(), forged.clone(), NONCE),
        (stranger.public_key(), forged.clone(), "another nonce"),
        (stranger.public_key(), String::new(), NONCE),
        (String::new(), forged.clone(), NONCE),
        (account.public_key(), by_account, NONCE),
        (stranger.public_key(), "not base64!".to_owned(), NONCE),
        (stranger.public_key(), forged, ""),
    ] {
        let mut claims = scene.claims();
        claims["nats"]["connect_opts"]["nkey"] = nkey.into();
        claims["nats"]["connect_opts"]["sig"] = signature.into();
        claims["nats"]["client_info"]["nonce"] = nonce.into();
        let question = Question::read(scene.token(&claims).as_bytes()).unwrap();
        assert_eq!(question.user, None, "{claims}");
    }
}

#[test]
fn what_no_server_asks_is_not_read() {
    let scene = Scene::new();
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = scene.claims();
    let change = |path: &str, value: Value| {
        let mut changed = claims.clone();
        *changed.pointer_mut(path).unwrap() = value;
        scene.token(&changed)
    };
    let user = KeyPair::new_user();
    let mut as_user = claims.clone();
    as_user["iss"] = user.public_key().into();
    as_user["nats"]["server_id"]["id"] = user.public_key().into();
    let genuine = scene.token(&claims);
    let (text, signature) = genuine.rsplit_once('.').unwrap();
    for (what, token) in [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("two parts", text.to_owned()),
        ("no signature", format!("{text}.")),
        ("a short signature", format!("{text}.{}", &signature[..40])),
        ("another's signature", signed(&header, &claims, &KeyPair::new_server())),
        ("no algorithm", signed(&json!({ "typ": "JWT", "alg": "none" }), &claims, &scene.server)),
        ("a user's word", signed(&header, &as_user, &user)),
        ("another server's name", change("/nats/server_id/id", "NOTHER".into())),
        ("another audience", change("/aud", "elsewhere".into())),
        ("another kind", change("/nats/type", "user".into())),
        ("no connection", change("/nats/user_nkey", "U".into())),
        ("a wrong checksum", change("/nats/user_nkey", format!("U{}", "A".repeat(55)).into())),
        ("a number for a key", change("/nats/connect_opts/nkey", 7.into())),
        ("a list", signed(&header, &json!([1, 2]), &scene.server)),
        ("deep nesting", format!("{0}.{0}.x", URL_SAFE_NO_PAD.encode("[".repeat(9000)))),
        ("too much", format!("{}.{genuine}", "A".repeat(70_000))),
    ] {
        assert_eq!(Question::read(token.as_bytes()), None, "{what}");
    }
    assert_eq!(Question::read(&[0xff, 0xfe, b'.', b'.']), None);
    // Cut anywhere, it is nothing.
    for end in (0..genuine.len()).step_by(7) {
        assert_eq!(Question::read(&genuine.as_bytes()[..end]), None);
    }
}

#[test]
fn a_yes_is_one_devices_permissions_for_one_connection_and_a_while() {
    let (scene, issuer) = (Scene::new(), Issuer::generate().unwrap());
    let question = Question::read(scene.token(&scene.claims()).as_bytes()).unwrap();
    let inbox = Credentials::generate().unwrap().login().unwrap().inbox;
    let device = Mailbox::new("carol".parse().unwrap(), DeviceId::FIRST);
    let known = KnownLogin { device: device.clone(), inbox: inbox.clone() };
    let life = Duration::from_mins(10);
    let answer = answer::yes(&question, &known, &issuer, 8, 1000, life).unwrap();
    let response = claims_of(&answer, &issuer);
    assert_eq!(response["aud"], scene.server.public_key());
    assert_eq!(response["sub"], scene.connection.public_key());
    assert_eq!(response["nats"]["type"], "authorization_response");
    let user = claims_of(response["nats"]["jwt"].as_str().unwrap(), &issuer);
    assert_eq!(user["aud"], "RELAY");
    assert_eq!(user["sub"], scene.connection.public_key());
    assert_eq!((user["iat"].as_u64(), user["exp"].as_u64()), (Some(1000), Some(1600)));
    let role = crate::Role::Service(vec![device]);
    let wanted = role.permissions(inbox.as_str(), 8);
    assert_eq!(user["nats"]["pub"], json!({ "allow": wanted.publish }));
    assert_eq!(user["nats"]["sub"], json!({ "allow": wanted.subscribe }));
}

#[test]
fn a_no_names_its_reason_and_nobody() {
    let (scene, issuer) = (Scene::new(), Issuer::generate().unwrap());
    let question = Question::read(scene.token(&scene.claims()).as_bytes()).unwrap();
    let response = claims_of(&answer::no(&question, "because", &issuer, 1).unwrap(), &issuer);
    assert_eq!(response["nats"]["error"], "because");
    assert!(response["nats"].get("jwt").is_none());
    assert!(!response.to_string().contains(&scene.device.public_key()));
}
