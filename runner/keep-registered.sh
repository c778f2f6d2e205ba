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
runners=repos/$repository/actions/runners
shortest=${REXRANK_PAUSE:-10}
pause=$shortest

while :; do
    status=0
    # runner_group_id 1 is the default group of a repository's runners.
    answer=$(gh api -X POST "$runners/generate-jitconfig" \
        -f "name=rexrank-$(date -u +%Y%m%dT%H%M%SZ)-$RANDOM" -F runner_group_id=1 \
        -f 'labels[]=self-hosted' -f 'labels[]=gpu' -f 'labels[]=rexrank-scoring' -f work_folder=_work \
        --jq '"\(.runner.id) \(.encoded_jit_config)"') || status=$?
    if [ "$status" -eq 0 ]; then
        ssh -o BatchMode=yes -o ServerAliveInterval=60 "$host" \
            sudo -n /opt/rexrank/bin/run-one-job.sh <<<"${answer#* }" || status=$?
        # A runner that had its job is gone; one that never came up would stay in GitHub's list for a day.
        gh api -X DELETE "$runners/${answer%% *}" >/dev/null 2>&1 || true
    fi
    unset answer
    if [ "$status" -eq 0 ]; then
        pause=$shortest
    else
        printf 'keep-registered: ended with status %s, trying again in %s s\n' "$status" "$pause" >&2
    fi
    [ "${3-}" != --once ] || exit "$status"
    sleep "$pause"
    # Each try registers a runner: one that keeps failing must not fill GitHub's list.
    [ "$status" -eq 0 ] || pause=$((pause * 2 < 600 ? pause * 2 : 600))
done
