#!/bin/bash
# On a machine that is not the runner: keeps one just-in-time runner registered, job after job.
#
#   keep-registered.sh OWNER/REPOSITORY SSH-HOST [--once]
#
# Needs `gh`, logged in as somebody who administers the repository, and ssh to an account on the runner whose only
# sudo right is run-one-job.sh. The runner never sees the credential, only a configuration for one job.
set -euo pipefail
die() {
    printf 'keep-registered: %s\n' "$1" >&2
    exit 2
}
[ $# -ge 2 ] || die 'wanted: OWNER/REPOSITORY SSH-HOST [--once]'
repository=$1 host=$2
[[ $repository =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]] || die 'the first argument is no OWNER/REPOSITORY.'
[[ $host =~ ^[A-Za-z0-9][A-Za-z0-9.@_-]*$ ]] || die 'the second argument is no host.'
pause=${REXRANK_PAUSE:-10}

while :; do
    status=0
    # runner_group_id 1 is the default group of a repository's runners.
    jit=$(gh api -X POST "repos/$repository/actions/runners/generate-jitconfig" \
        -f "name=rexrank-$(date -u +%Y%m%dT%H%M%SZ)-$RANDOM" -F runner_group_id=1 \
        -f 'labels[]=self-hosted' -f 'labels[]=gpu' -f 'labels[]=rexrank-scoring' -f work_folder=_work \
        --jq .encoded_jit_config) || status=$?
    if [ "$status" -eq 0 ]; then
        ssh -o BatchMode=yes "$host" sudo -n /opt/rexrank/bin/run-one-job.sh <<<"$jit" || status=$?
    fi
    unset jit
    [ "$status" -eq 0 ] || printf 'keep-registered: ended with status %s, trying again in %s s\n' "$status" "$pause" >&2
    [ "${3-}" != --once ] || exit "$status"
    sleep "$pause"
done
