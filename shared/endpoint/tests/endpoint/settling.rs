//! A message's effect and its mark are one.

use std::sync::Arc;

use sysmaint_endpoint::StepError;
use sysmaint_store::WriteError;
use sysmaint_testkit::{Faults, Link, World};

use crate::conversation::{kept, texts};

#[derive(Debug)]
enum Failure {
    OnPurpose,
    Step,
}

impl From<StepError> for Failure {
    fn from(_: StepError) -> Self {
        Self::Step
    }
}

#[tokio::test]
async fn a_message_whose_effect_failed_is_handed_out_again() {
    let link = Link::new(1, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    let sent = alice.say(&bob, "hello").await;
    let message = bob.inbox().next().await;
    assert_eq!(message.content_id, sent);

    let (own, row) = (bob.handle().clone(), message.clone());
    let failing = bob.settle(&message, move |step| -> Result<(), Failure> {
        let now = step.now();
        let added = step.direct_messages().add(&own, row.content_id, &row.sender_handle, "x", now);
        added.map_err(StepError::from)?;
        Err(Failure::OnPurpose)
    });
    assert!(matches!(failing.await, Err(WriteError::Step(Failure::OnPurpose))));
    assert!(texts(&bob).await.is_empty());

    // To a new inbox, as after a crash.
    assert_eq!(bob.inbox().next().await, message);
    let reading = tokio::spawn(crate::conversation::keep(bob.clone()));
    assert_eq!(kept(&bob, 1).await, ["hello"]);
    reading.abort();
    let again = bob.settle(&message, |_| -> Result<(), StepError> { Ok(()) }).await.unwrap();
    assert_eq!(again, None);
}
