//! A person with two devices, by the real binary: one joins, both get each message once, and one
//! that is revoked gets nothing more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sysmaint_tests::{Elsewhere, Services, eventually, said};

/// A site whose relay other machines can reach, and so asks for codes.
async fn open_site() -> Services {
    Services::builder().with("RELAY_BIND", "0.0.0.0").start().await
}

fn person(site: &Services, handle: &str) -> Elsewhere {
    let relay = format!("http://127.0.0.1:{}", site.relay().port());
    let line = site.said(&["invite", "--handle", handle, "--relay", &relay]);
    let machine = Elsewhere::new(&[("SYSMAINT_CLI_ID", handle)]);
    said(&machine.run(&["join"], &line));
    machine
}

/// What a machine's inbox shows, once that is as many lines.
async fn inbox(machine: &Elsewhere, lines: usize) -> Vec<String> {
    let mut texts = Vec::new();
    eventually("the inbox", async || {
        let shown = said(&machine.run(&["inbox", "--json", "--wait", "2s"], ""));
        let text = |line: &str| -> String {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["text"].as_str().unwrap().to_owned()
        };
        texts.extend(shown.lines().map(text));
        (texts.len() >= lines).then_some(())
    })
    .await;
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_joins_and_gets_each_message_once_until_it_is_revoked() {
    let site = open_site().await;
    let (carol, dave) = (person(&site, "carol"), person(&site, "dave"));
    // Carol is at home on her first machine, and dave knows her there.
    assert!(inbox(&carol, 0).await.is_empty());
    said(&dave.run(&["send", "--to", "carol"], "to one device\n"));
    assert_eq!(inbox(&carol, 1).await, ["to one device"]);

    let offer = said(&carol.run(&["device", "add"], ""));
    let laptop = Elsewhere::new(&[]);
    let answer = said(&laptop.run(&["join"], &offer));
    assert_eq!(said(&laptop.run(&["join"], &offer)), answer, "the same when it is run again");
    let early = laptop.run(&["inbox", "--wait", "1s"], "");
    let complaint = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success() && complaint.contains("sysmaint device admit"), "{complaint}");
    let unasked = carol.run(&["device", "admit"], &answer);
    assert_eq!(unasked.status.code(), Some(64), "nobody was asked, and it was done");
    let admitted = said(&carol.run(&["device", "admit", "--yes"], &answer));
    assert!(admitted.contains("carol.2 is admitted"), "{admitted}");
    assert!(inbox(&laptop, 0).await.is_empty());
    let listed = site.said(&["device", "list"]);
    assert!(listed.contains("carol.1") && listed.contains("carol.2"), "{listed}");

    said(&dave.run(&["send", "--to", "carol"], "to both devices\n"));
    assert_eq!(inbox(&laptop, 1).await, ["to both devices"]);
    assert_eq!(inbox(&carol, 1).await, ["to both devices"]);
    // What the second one says is carol's.
    said(&laptop.run(&["send", "--to", "dave"], "from the laptop\n"));
    said(&carol.run(&["send", "--to", "dave"], "from the first\n"));
    let mut heard = inbox(&dave, 2).await;
    heard.sort();
    assert_eq!(heard, ["from the first", "from the laptop"]);
    // Nothing comes twice, nor to the other one later.
    for machine in [&carol, &laptop, &dave] {
        assert!(inbox(machine, 0).await.is_empty());
    }

    site.said(&["device", "revoke", "carol.2", "--yes"]);
    said(&dave.run(&["send", "--to", "carol"], "to the one that is left\n"));
    assert_eq!(inbox(&carol, 1).await, ["to the one that is left"]);
    // Whatever it still sends is not carried, and nothing comes.
    let gone = laptop.run(&["inbox", "--wait", "2s"], "");
    assert!(gone.stdout.is_empty(), "{}", String::from_utf8_lossy(&gone.stdout));
    // The number is used up, and the next device gets another one.
    let offer = said(&carol.run(&["device", "add"], ""));
    let tablet = Elsewhere::new(&[]);
    let answer = said(&tablet.run(&["join"], &offer));
    let admitted = said(&carol.run(&["device", "admit", "--yes"], &answer));
    assert!(admitted.contains("carol.3 is admitted"), "{admitted}");
    assert!(inbox(&tablet, 0).await.is_empty());
}
