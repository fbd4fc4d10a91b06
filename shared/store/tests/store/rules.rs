//! SQLite keeps the rules of a device's store.

use sysmaint_store::{SqlError, Tx};
use sysmaint_store_rules::sample::Rule;

use crate::{Scratch, handle};

sysmaint_store_rules::tests!(crate::rules::keeps);

/// The second device of a file.
fn keeps(rule: Rule) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let scratch = Scratch::new();
        let step = move |tx: &Tx<'_>| -> Result<(), SqlError> {
            tx.device(&handle("neighbour"))?;
            rule(&mut tx.device(&handle("alice"))?);
            Ok(())
        };
        scratch.store.write(step).await.unwrap();
    });
}
