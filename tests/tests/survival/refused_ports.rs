//! A port that somebody else has.

use std::{fs, net::TcpListener};

use crate::attempt::Place;

#[test]
fn a_taken_port_is_named_with_its_variable_and_nothing_is_left_running() {
    for name in ["WEB_PORT", "RELAY_PORT", "NATS_PORT"] {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let place = Place::new().with(name, &port.to_string());
        place.up().check(69, &[name, &port.to_string(), "taken"]);
        place.check_nothing_runs();
        drop(holder);
        // Nothing is in the way of a start with the port free.
        assert!(!place.data().join("nats/server.json").exists());
    }
}

#[test]
fn a_service_names_its_taken_port_too() {
    for (service, name) in [("web", "WEB_PORT"), ("relay", "RELAY_PORT")] {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let place = Place::new().with(name, &port.to_string());
        let ending = crate::attempt::end(place.command(service));
        ending.check(69, &[name, &port.to_string(), "taken"]);
        assert!(fs::read_dir(place.data()).is_err(), "{service} made files before it had its port");
    }
}
