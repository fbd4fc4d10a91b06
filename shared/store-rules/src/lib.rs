//! What every store of a device must keep, whatever it is made of: a function a rule, named by its
//! sentence, which gets a new and empty store and panics where the rule is broken.
//!
//! [`tests!`] makes a test of each. The memory store runs them, on wasm32 too, SQLite runs them, and
//! so does a store that loads everything before a step and writes one difference after it.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test library: a failure here is a failed test"
)]

pub mod local;
pub mod peers;
pub mod prekeys;
pub mod queues;
pub mod repair;
pub mod sample;

/// One test for each rule. `$run` is called with the rule and gives it a store.
#[macro_export]
macro_rules! tests {
    ($run:path) => {
        $crate::tests!($run, local:
            a_device_is_there_once_it_was_put,
            a_device_that_is_put_again_replaces_the_former);
        $crate::tests!($run, peers:
            a_session_is_kept_to_the_byte_until_it_is_dropped,
            retired_sessions_are_rewritten_or_gone,
            a_peer_is_replaced_but_for_when_it_was_first_seen,
            a_key_is_turned_down_for_one_device_and_for_ever,
            a_contact_is_found_by_its_handle_and_by_its_service_id,
            messages_to_a_peer_are_counted_from_1_and_for_each_peer,
            nothing_is_counted_for_a_peer_that_is_not_known);
        $crate::tests!($run, prekeys:
            a_prekey_is_found_in_its_class_alone_until_it_is_removed,
            prekeys_come_oldest_first,
            a_prekey_that_is_put_again_replaces_the_former,
            every_prekey_is_marked_as_uploaded_at_once,
            a_last_resort_prekey_is_noted_once_for_each_base_key);
        $crate::tests!($run, queues:
            a_message_is_delivered_once_for_each_sender,
            receipts_are_due_by_time_or_by_number,
            receipts_are_due_when_the_clock_was_put_back,
            receipts_are_taken_oldest_first_up_to_the_limit,
            only_the_recipient_of_a_message_confirms_it,
            what_is_ephemeral_is_past_once_its_recipient_confirms_something_later,
            senders_of_telemetry_are_counted_once,
            held_envelopes_are_taken_in_order_and_once,
            a_letter_can_be_buried_without_a_sender);
        $crate::tests!($run, repair:
            the_2000_latest_settled_envelopes_are_remembered,
            what_waits_to_be_asked_for_is_kept_once_even_when_there_is_no_more_room,
            requests_are_due_oldest_first_and_again_at_their_time,
            no_more_is_asked_than_the_hourly_budget_of_a_peer,
            a_request_that_was_asked_in_the_future_is_due,
            what_came_again_is_taken_once,
            requests_of_a_peer_are_taken_oldest_first_within_its_budget,
            a_key_of_more_than_63_bits_names_nothing,
            the_send_log_has_the_latest_copy_and_counts_them,
            telemetry_that_was_refilled_or_confirmed_is_done_with);
    };
    ($run:path, $module:ident: $($rule:ident),* $(,)?) => {
        mod $module {
            $(
                #[test]
                fn $rule() {
                    $run($crate::$module::$rule);
                }
            )*
        }
    };
}
