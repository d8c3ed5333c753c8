#!/usr/bin/env bash
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the MDM servers that the tests talk to, NanoMDM, KMFDDM and NanoHUB, into .build/go/bin. Quick when they are there already.
#
#   tools/nano_servers.sh [--optional] [NAME...]
#   --optional   not being able to build them is not an error: say what is missing and exit 0
#   NAME         nanomdm, kmfddm or nanohub; all of them where none is named
#
# Everything Go keeps stays below .build/go. NanoMDM's database schema is read from its source there.
# Two callers at once are safe: the second waits for the first and then finds the work done.
# Exit status 0: ready. 3: no suitable Go here (the message says what to install). Anything else: the build failed.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

modules=(
    github.com/micromdm/nanomdm/cmd/nanomdm@v0.9.0
    github.com/jessepeterson/kmfddm/cmd/kmfddm@v0.8.3
    github.com/micromdm/nanohub/cmd/nanohub@v0.2.0
)
oldest=19  # what the newest of them asks for, and what Debian 12 has
folder=$PWD/.build/go
optional=false
wanted=()  # of the modules
missing=() # of those that are wanted

say() { printf '%s\n' "nano servers: $*" >&2; }

name_of() {
    local path=${1%@*}
    printf '%s\n' "${path##*/}"
}

choose() {
    local module name known=" "
    for module in "${modules[@]}"; do
        name=$(name_of "$module")
        known+="$name "
        [[ $# -gt 0 && " $* " != *" $name "* ]] || wanted+=("$module")
    done
    for name in "$@"; do
        [[ $known == *" $name "* ]] || { say "unknown server $name; known:$known"; return 2; }
    done
}

look() {
    local module name
    missing=()
    for module in "${wanted[@]}"; do
        name=$(name_of "$module")
        [[ -x $folder/bin/$name && $(cat "$folder/.installed-$name" 2>/dev/null) = "$module" ]] || missing+=("$module")
    done
    [ "${#missing[@]}" = 0 ]
}

candidates() {
    [ -z "${GO:-}" ] || { printf '%s\n' "$GO"; return; }
    command -v go || true
    printf '%s\n' /usr/local/go/bin/go
    compgen -G '/usr/lib/go-1.*/bin/go' | sort -rV || true
}

suits() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$oldest" ]
}

find_go() {
    local candidate
    while IFS= read -r candidate; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(candidates)
    return 1
}

build() {
    local go=$1 module stamp
    # What the user's Go is told otherwise must not reach the build. Without cgo no C compiler is needed.
    for module in "${missing[@]}"; do
        stamp=$folder/.installed-$(name_of "$module")
        rm -f "$stamp"
        env -u GOROOT -u GOWORK -u GOOS -u GOARCH -u GO111MODULE GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS='-modcacherw -trimpath' \
            GOPATH="$folder/path" GOMODCACHE="$folder/mod" GOCACHE="$folder/cache" GOBIN="$folder/bin" \
            "$go" install "$module" 9>&- || return
        printf '%s' "$module" >"$stamp"
    done
}

main() {
    if look; then
        return 0
    fi
    mkdir -p "$folder"
    if command -v flock >/dev/null; then
        exec 9>"$folder/.lock"
        flock 9
        if look; then
            return 0
        fi
    fi
    local go
    if ! go=$(find_go); then
        # On a developer's machine nobody asked for a compiler; CI has to have one.
        if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            tools/debian_packages.sh ca-certificates golang-go
        fi
        if ! go=$(find_go); then
            say "no Go 1.$oldest or later was found. On Debian 12 install it with: apt-get install golang-go"
            say "Elsewhere install Go, or name it: GO=/path/to/go make ..."
            return 3
        fi
    fi
    say "building ${missing[*]} with $(GOTOOLCHAIN=local "$go" env GOVERSION) (half a minute the first time)"
    if ! build "$go"; then
        say "the build failed (see above); it needs a Go module proxy, as GOPROXY names it"
        return 1
    fi
}

if [ "${1:-}" = --optional ]; then
    optional=true
    shift
fi
choose "$@" || exit
status=0
main || status=$?
[ "$optional" = false ] || [ "$status" = 0 ] || { say "the tests against real servers will skip"; status=0; }
exit "$status"
