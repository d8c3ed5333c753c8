#!/bin/sh
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a run came to, as an exit status for pipelines:
#   0 clean or changed, 10 failed (or interrupted, or never begun), 11 stopped, 12 refused, 13 drift,
#   14 clean or changed, and a name in an exemption matches no device (only with appban_fail_on: [unmatched_exemption]).
#   2 it was called in a wrong way, or with --help.
# Usage: run-status.sh EVIDENCE_DIR [RUN_ID [PART]]. Without an id, or with an empty one, it is the newest run there; give one
# (-e appban_run_id=...) where several runs share a directory. PART is the appban_part of a job that is one of several.

usage() {
    echo "usage: run-status.sh EVIDENCE_DIR [RUN_ID [PART]]" >&2
    exit 2
}
case $1 in
    -*)
        # 2 for help, too: 0 says that a run is clean.
        usage
        ;;
esac
if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    usage
fi
for each in "$1"/run.json "$1"/run.part-*.json; do
    if [ -f "$each" ]; then
        directory=$(cd "$1" && pwd)
        echo "$1 is the directory of one run: run-status.sh ${directory%/*} ${directory##*/}" >&2
        usage
    fi
done
file=run${3:+.part-$3}.json
if [ -n "$2" ]; then
    run=$2
else
    # Ids sort by time, and by number where several runs are of the same instant.
    run=$(for each in "$1"/[0-9]*Z*; do
        # Of parts only the runs that this one has begun.
        if [ -z "$3" ] || [ -f "$each/$file" ]; then echo "${each##*/}"; fi
    done |
        grep -E '^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$' | LC_ALL=C sort -t - -k 1,1 -k 2,2n | tail -n 1)
fi
if [ -z "$run" ] || [ ! -f "$1/$run/$file" ]; then
    echo "no $file in $1${run:+/$run}: the run never began" >&2
    exit 10
fi
# The run's own status is the first line of the file after its bracket.
status=$(sed -n '2s/^ *"status": "\([a-z]*\)",$/\1/p' "$1/$run/$file")
case $status in
    clean | changed) code=0 ;;
    failed) code=10 ;;
    stopped) code=11 ;;
    refused) code=12 ;;
    drift) code=13 ;;
    running)
        status="running, so it was interrupted or is still under way"
        code=10
        ;;
    *)
        status="unreadable"
        code=10
        ;;
esac
if [ "$code" = 0 ] && grep -q '^  "not_good": "unmatched_exemption",$' "$1/$run/$file"; then
    status="$status, and a name in an exemption matches no device"
    code=14
fi
echo "$run${3:+ $3}: $status"
exit $code
