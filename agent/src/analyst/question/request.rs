//! What is asked for that cannot be given.

/// What a person wants done; the agent only reads.
const ACTIONS: [&str; 27] = [
    "restart",
    "reboot",
    "kill",
    "stop",
    "start",
    "delete",
    "remove",
    "clean",
    "clear",
    "install",
    "uninstall",
    "update",
    "upgrade",
    "patch",
    "fix",
    "repair",
    "run",
    "execute",
    "shutdown",
    "shut",
    "change",
    "set",
    "free",
    "resize",
    "format",
    "disable",
    "enable",
];

/// What nothing is known of, and what it is called.
const ABSENT: [(&[&str], &str); 13] = [
    (&["gpu", "gpus", "vram", "nvidia", "cuda"], "graphics processors"),
    (&["log", "logs", "syslog", "journal", "journald", "dmesg"], "logs"),
    (&["container", "containers", "docker", "kubernetes", "pod", "pods"], "containers"),
    (&["service", "services", "systemd", "daemon", "daemons", "unit", "units"], "services"),
    (
        &["port", "ports", "firewall", "connection", "connections", "socket", "sockets"],
        "ports and connections",
    ),
    (&["user", "users", "login", "logins", "account", "accounts"], "users and logins"),
    (
        &["password", "passwords", "secret", "secrets", "key", "keys", "token", "tokens"],
        "passwords and keys",
    ),
    (
        &["package", "packages", "patches", "updates", "vulnerability", "vulnerabilities", "cve"],
        "packages and updates",
    ),
    (&["battery", "power", "watt", "watts"], "power and batteries"),
    (&["fan", "fans", "rpm"], "fans"),
    (&["file", "files", "folder", "folders", "directory", "directories"], "single files"),
    (&["latency", "ping", "website", "url", "http", "dns"], "reachability from outside"),
    (&["weather", "news", "joke"], "anything but hosts"),
];

/// The verb, where somebody is told to act: at the beginning, or after what asks for it.
pub(super) fn action(words: &[&str]) -> Option<String> {
    const ASKING: [&str; 10] =
        ["please", "you", "to", "just", "now", "and", "then", "must", "should", "let"];
    let polite =
        |word: &str| matches!(word, "please" | "hey" | "hi" | "hello" | "ok" | "just" | "now");
    let first = words.iter().position(|word| !polite(word))?;
    let told = |index: usize| {
        index == first || index > 0 && ASKING.contains(&words[index - 1]) && asks_you(words, index)
    };
    let at = (0..words.len()).find(|index| ACTIONS.contains(&words[*index]) && told(*index))?;
    Some((*words.get(at)?).to_owned())
}

/// `can you restart`, and not `is it safe to restart`.
fn asks_you(words: &[&str], index: usize) -> bool {
    words[..index].iter().any(|word| matches!(*word, "you" | "please" | "want" | "need" | "let"))
}

/// What is asked for and not known.
pub(super) fn absent(words: &[&str]) -> Option<&'static str> {
    // A file system is no file.
    let is_system = |index: usize| {
        matches!(words[index], "file" | "files")
            && words.get(index + 1).is_some_and(|next| next.starts_with("system"))
    };
    let named = |(names, _): &&(&[&str], &str)| {
        (0..words.len()).any(|index| names.contains(&words[index]) && !is_system(index))
    };
    ABSENT.iter().find(named).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn orders_are_told_from_questions() {
        for (text, verb) in [
            ("restart nginx", Some("restart")),
            ("please reboot web1", Some("reboot")),
            ("can you kill the process 310", Some("kill")),
            ("i want you to delete old files", Some("delete")),
            ("when did web1 reboot", None),
            ("did anything restart", None),
            ("what changed", None),
            ("how do i free memory", None),
            ("which process should i look at", None),
        ] {
            assert_eq!(action(&words(text)).as_deref(), verb, "{text}");
        }
    }

    #[test]
    fn what_samples_do_not_hold_is_known() {
        assert_eq!(absent(&words("show me the logs")), Some("logs"));
        assert_eq!(absent(&words("how full is the disk")), None);
        assert_eq!(absent(&words("which file is the largest")), Some("single files"));
        assert_eq!(absent(&words("which file system is the fullest")), None);
        assert_eq!(absent(&words("are any file systems full")), None);
    }
}
