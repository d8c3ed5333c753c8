#!/bin/sh
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a run came to, as an exit status for pipelines:
#   0 clean or changed, 10 failed (or interrupted, or never begun), 11 stopped, 12 refused, 13 drift.
# Usage: run-status.sh EVIDENCE_DIR [RUN_ID]. Without an id it is the newest run there; give one (-e appban_run_id=...) where several
# runs share a directory.

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: run-status.sh EVIDENCE_DIR [RUN_ID]" >&2
    exit 2
fi
if [ $# -eq 2 ]; then
    run=$2
else
    # Ids sort by time, and by number where several runs are of the same instant.
    run=$(for each in "$1"/[0-9]*Z*; do echo "${each##*/}"; done |
        grep -E '^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$' | LC_ALL=C sort -t - -k 1,1 -k 2,2n | tail -n 1)
fi
if [ -z "$run" ] || [ ! -f "$1/$run/run.json" ]; then
    echo "no run.json in $1${run:+/$run}: the run never began" >&2
    exit 10
fi
# The run's own status is the first line of the file after its bracket.
status=$(sed -n '2s/^ *"status": "\([a-z]*\)",$/\1/p' "$1/$run/run.json")
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
echo "$run: $status"
exit $code
