#![allow(warnings)]
use std::time::{Duration, Instant};
use sysmaint_bus::conf::Durability;
use sysmaint_endpoint::{Activity, StepError};
use sysmaint_testkit::*;
fn med(v: &mut Vec<f64>) -> f64 { v.sort_by(f64::total_cmp); v[v.len()/2] }
#[tokio::main]
async fn main() {
    for d in [Durability::Process, Durability::Power] {
    let nats = Nats::start(d, &["alice","bob"]).await;
    let w = World::new();
    let alice = w.participant("alice", nats.mailbox("alice").await).await;
    let bob = w.participant("bob", nats.mailbox("bob").await).await;
    alice.meet(&bob).await;
    let mut inbox = bob.inbox();
    let mut s: Vec<Vec<f64>> = vec![vec![];6];
    for i in 0..150 {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let mut aa = alice.activity(); let mut ba = bob.activity();
        let pa = tokio::spawn(async move { loop { if aa.recv().await.unwrap()==Activity::Published { return Instant::now(); } } });
        let pb = tokio::spawn(async move { loop { if matches!(ba.recv().await.unwrap(), Activity::Opened(..)) { return Instant::now(); } } });
        let t0 = Instant::now();
        alice.prepare(bob.handle()).await.unwrap();
        let t1 = Instant::now();
        alice.say(&bob, &"x".repeat(256)).await;
        let t2 = Instant::now();
        let m = inbox.next().await;
        let t3 = Instant::now();
        let tp = pa.await.unwrap(); let tb = pb.await.unwrap();
        bob.settle(&m, |_| -> Result<(), StepError> { Ok(()) }).await.unwrap();
        if i > 10 {
            s[0].push((t1-t0).as_secs_f64()*1e6);
            s[1].push((t2-t1).as_secs_f64()*1e6);
            s[2].push(tb.saturating_duration_since(t2).as_secs_f64()*1e6);
            s[3].push((t3.saturating_duration_since(tb)).as_secs_f64()*1e6);
            s[4].push(tp.saturating_duration_since(t2).as_secs_f64()*1e6);
            s[5].push((t3-t1).as_secs_f64()*1e6);
        }
    }
    println!("{d:?} prepare {:.0} say {:.0} opened-after-say {:.0} inbox {:.0} | published-after-say {:.0} | say..inbox {:.0}", med(&mut s[0]),med(&mut s[1]),med(&mut s[2]),med(&mut s[3]),med(&mut s[4]),med(&mut s[5]));
    }
}
