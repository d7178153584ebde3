# Sourced by scripts that start other programs. Installs what is missing where it may (Debian or Ubuntu, as root),
# and says exactly what is missing where it may not.
# shellcheck shell=bash

fail() { printf 'scripts/%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Each argument is a program and the Debian packages that bring it: need "cc gcc libc6-dev".
need() {
    local each program packages missing=()
    command -v cargo >/dev/null || fail "cargo is missing: install Rust 1.92 or later (https://rustup.rs)"
    for each; do
        read -r program packages <<<"$each"
        # Unquoted, as it may be several.
        command -v "$program" >/dev/null || missing+=($packages)
    done
    ((${#missing[@]})) || return 0
    if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
        printf 'scripts/%s: installing %s\n' "${0##*/}" "${missing[*]}" >&2
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    else
        fail "missing: ${missing[*]} (Debian package names). Install them, then run this again"
    fi
}
