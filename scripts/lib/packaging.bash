# shellcheck shell=bash
# What scripts/package-deb and scripts/install have in common.

have() { command -v "$1" >/dev/null 2>&1; }

# The settings that the units read: .env.example with everything commented out, so that defaults
# hold, and under an introduction of its own.
settings() {
    cat packaging/sysmaint.env.head
    sed -e '1,/^$/d' -e 's/^[A-Z]/#&/' -e 's#=\./data#=/var/lib/sysmaint#' .env.example
}

version() { sed -n '/^\[workspace.package\]/,/^\[workspace.dep/s/^version = "\(.*\)"$/\1/p' Cargo.toml; }
