//! The safety number of alice and the agent.

use serde_json::{Value, json};
use sysmaint_web::backend::Key;

use crate::{Server, keys};

#[tokio::test]
async fn whoever_was_not_met_yet_has_no_number() {
    let server = Server::quick().await;
    let safety = server.get("/api/chat/safety").await.json();
    assert_eq!(safety, json!({"of": "alice", "with": "sysmaint", "devices": []}));
}

#[tokio::test]
async fn a_number_has_sixty_digits_and_a_square_code() {
    let server = Server::quick().await;
    server.memory.meet(Key::Pinned);
    let safety = server.get("/api/chat/safety").await.json();
    let device = &safety["devices"][0];
    assert_eq!(keys(device), ["device_id", "key", "number"]);
    assert_eq!(device["key"], "pinned");
    let texts = |value: &Value| {
        let texts = value.as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let groups = texts(&device["number"]["groups"]);
    assert_eq!((groups.len(), groups.concat().len()), (12, 60));
    let rows = texts(&device["number"]["qr"]);
    assert!(rows.iter().all(|row| row.len() == rows.len()));
    // A finder pattern stands in each corner but one.
    assert!(rows[0].starts_with("11111110") && rows[0].ends_with("01111111"), "{}", rows[0]);
    assert!(rows.last().unwrap().starts_with("11111110"));
}

#[tokio::test]
async fn a_changed_key_shows_both_numbers() {
    let server = Server::quick().await;
    server.memory.meet(Key::Changed);
    let safety = server.get("/api/chat/safety").await.json();
    let device = &safety["devices"][0];
    assert_eq!(device["key"], "changed");
    assert_ne!(device["number"]["groups"], device["changed"]["groups"]);
}
