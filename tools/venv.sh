#!/usr/bin/env bash
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make a virtual environment that holds exactly one requirements file. Quick when it is there already.
#
#   tools/venv.sh DIRECTORY REQUIREMENTS [OLDEST_MINOR [NEWEST_MINOR]]
#
# The acceptable Python 3 minor versions are OLDEST_MINOR (default 11) to NEWEST_MINOR (default 13); the oldest found is taken. Set
# PYTHON to choose the interpreter yourself.
# Two callers at once are safe: the second waits for the first and then finds the work done.
# Exit status 0: ready. 3: no suitable Python here (the message says what to install). Anything else: pip failed.
set -euo pipefail

cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
directory=$1
requirements=$2
oldest=${3:-11}
newest=${4:-13}
stamp=$directory/.installed

say() { printf '%s\n' "venv: $*" >&2; }

# A virtual environment remembers its own path in every script, so a moved checkout needs a new one.
wanted() { { pwd; printf '%s\n' "$directory" "$oldest-$newest"; cat "$requirements"; } | sha256sum | cut -d' ' -f1; }

ready() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && "$directory/bin/python" -c '' 2>/dev/null; }

# A pyenv shim can exist and still not run; Debian's python3 can exist and still be unable to make a virtual environment.
suits() {
    "$1" - "$oldest" "$newest" 2>/dev/null <<'PY'
import sys
import ensurepip
import venv

sys.exit(not (sys.version_info[0] == 3 and int(sys.argv[1]) <= sys.version_info[1] <= int(sys.argv[2])))
PY
}

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        printf '%s\n' "$PYTHON"
        # Who needs one certain version gets it, also where the interpreter of everything else was chosen.
        [ "$oldest" = "$newest" ] || return 0
    fi
    local minor
    for ((minor = oldest; minor <= newest; minor++)); do
        printf '%s\n' "python3.$minor" "/usr/bin/python3.$minor"
        compgen -G "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor.*/bin/python3.$minor" || true
    done
    printf '%s\n' python3 /usr/bin/python3
}

find_python() {
    local candidate
    while IFS= read -r candidate; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(candidates)
    return 1
}

if ready; then
    exit 0
fi

mkdir -p .build "$(dirname "$directory")"
if command -v flock >/dev/null; then
    exec 9>".build/$(basename "$directory").lock"
    flock 9
    if ready; then
        exit 0
    fi
fi

if ! python=$(find_python); then
    # Only the oldest version is what Debian 12 itself has; a newer one can't be had from there.
    if [ "$oldest" = 11 ] && [ -z "${PYTHON:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        tools/debian_packages.sh python3 python3-venv
    fi
    if ! python=$(find_python); then
        say "no Python $([ "$oldest" = "$newest" ] || printf '3.%s to ' "$oldest")3.$newest that can make a virtual environment was found."
        if [ "$oldest" = 11 ]; then
            say "On Debian 12 install it with: apt-get install python3 python3-venv"
            say "Elsewhere install Python 3.11, or name one: PYTHON=/path/to/python3.11 make ..."
        fi
        exit 3
    fi
fi

say "making $directory from $requirements with $("$python" -V) (a minute or two the first time)"
rm -f "$stamp"
# An environment that still works is brought up to date in place, because another target may be running in it.
if ! "$directory/bin/python" -c 'import pip, sys; sys.exit(sys.prefix != sys.argv[1])' "$PWD/$directory" 2>/dev/null; then
    rm -rf "$directory"
    env -u PYTHONPATH -u PYTHONHOME "$python" -m venv "$directory"
fi
env -u PYTHONPATH -u PYTHONHOME "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" 9>&-
wanted >"$stamp"
