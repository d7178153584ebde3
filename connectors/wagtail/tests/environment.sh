# Sourced by `test` and `overhead`: a Python with the pinned packages of a Wagtail version, and an Indelible to talk to.
# Both stay in the target directory, for the next run.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
workspace=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$workspace/target}

fail() { printf 'connectors/wagtail/%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Python with venv; on Debian that is a package of its own.
need_python() {
    python3 -c 'import ensurepip, venv' 2>/dev/null && return
    if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
        printf 'connectors/wagtail/%s: installing python3-venv\n' "${0##*/}" >&2
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv ca-certificates >&2
    else
        fail 'missing: python3-venv (Debian package name). Install it, then run this again'
    fi
}

# Prints the Python of a Wagtail version. It is made once for each state of the list of versions.
python_of() {
    local requirements=$here/tests/requirements-$1.txt directory
    directory=$target/wagtail/venv-$1-$(sha256sum "$requirements" | cut -c1-12)
    if [[ ! -e $directory/complete ]]; then
        rm -rf "$directory"
        mkdir -p "$target/wagtail"
        python3 -m venv "$directory" >&2
        "$directory/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
        touch "$directory/complete"
    fi
    printf '%s\n' "$directory/bin/python"
}

# Has INDELIBLE_BIN name a program that is up to date, unless it names one already.
need_indelible() {
    [[ -z ${INDELIBLE_BIN:-} ]] || return 0
    command -v cargo >/dev/null || fail 'cargo is missing: install Rust (https://rustup.rs), or set INDELIBLE_BIN'
    cargo build --quiet --locked --manifest-path "$workspace/Cargo.toml" -p indelible >&2
    export INDELIBLE_BIN=$target/debug/indelible
}

export PYTHONPATH=$here/src PYTHONDONTWRITEBYTECODE=1
