//! What cannot be done or known, in words.

use super::question::Question;

/// The answer to an order.
pub(super) fn action(question: &Question) -> String {
    let verb = question.action.as_deref().unwrap_or("change");
    format!(
        "I can only read telemetry: I cannot {verb} anything, and nothing here can. Somebody with access to the host \
         has to do that. I can tell what it is doing, for instance \"Is everything ok?\" or \"Which process uses the most \
         memory?\""
    )
}

/// The answer to a question about what samples do not hold.
pub(super) fn absent(question: &Question) -> String {
    let what = question.absent.unwrap_or("that");
    format!(
        "Nothing is known here of {what}: samples hold CPU, load, memory, swap, disks, network, temperatures, uptime and \
         the largest processes."
    )
}
