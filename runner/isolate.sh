#!/bin/bash -p
# The isolated scorer: the only way from a job into the process that can read the references and has no network.
#
#   isolate.sh score NUMBER SHA    scores a pull request at a commit; writes a tar of `output` to standard output
#   isolate.sh refresh             scores what main lacks and ranks; writes a tar of `bundle/` to standard output
#   isolate.sh fill UNIT…          scores units of main's own submissions into the store; outputs nothing
#   isolate.sh doctor [OPTION…]    runs `rexrank doctor --role scorer` inside; refused to the user who runs the jobs
#
# Called through sudo, with an empty environment, by the user who runs the jobs. That user passes nothing but a
# number and a commit id, or names of files on main. A pull request is not touched before GitHub itself confirms that
# a reviewer approved it at that commit (released.py). A third user fetches both the code, which is main as GitHub
# serves it, and the pull request; the code is moved out of that user's reach before a stranger's bytes arrive. Then
# the scorer's user runs main's `rexrank` without a network, able to write only to the store and the job's folder: as
# rexrank-scorer.service, whose limits are checked first, or, if systemd is not process 1, in namespaces created by this
# script. Its output goes to a private log.
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 0022
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
prefix=$(dirname -- "$here")
caller=${SUDO_UID-}
unit=rexrank-scorer.service
# shellcheck disable=SC2089,SC2090  # one argument of Python, never split by the shell
REXRANK_ENTRY='import sys; from evaluator.cli import main; sys.argv[0] = "rexrank"; main()'

# inside: process 1 of the namespaces, still root. Everything it needs is in the environment prepared by `outside`.
inside() {
    local as
    umask 0077
    ip link set lo up
    bounds
    devices
    mounts
    as=(setpriv --reuid "$REXRANK_SCORER" --regid "$REXRANK_SCORER" --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all --
        "$REXRANK_PYTHON" -I "$here/confine.py" "$here/system-calls")
    work timeout --foreground 24h "$REXRANK_PYTHON" -P -c "$REXRANK_ENTRY" "$@"
}

# work COMMAND…: runs the scorer's command through `as`, next to the judges if there are any.
work() {
    cd "$PYTHONPATH"
    if [ -n "${REXRANK_JUDGES-}" ]; then
        judges
    fi
    # Not exec: process 1 has to stay, because every process in here ends with it.
    "${as[@]}" "$@"
}

# from_unit: what the unit starts, already as the scorer's user and inside its limits.
from_unit() {
    local as=(env) words
    # The unit's own umask, which this script's first lines changed.
    umask 0077
    read -ra words <<<"${REXRANK_CALL:?}"
    # The doctor's output goes to whoever called it, all other output to the private log.
    [ "${words[0]}" != doctor ] || exec >"$REXRANK_JOB/doctor" 2>&1
    work "$REXRANK_PYTHON" -P -c "$REXRANK_ENTRY" "${words[@]}"
}

# by_unit WORD…: has systemd run the scorer and returns its status. This is the only way on a host with systemd.
by_unit() {
    local file=$scratch/scorer.env name status=0
    check_unit
    (
        umask 0077
        while read -r name; do
            [ "$name" = REXRANK_ENTRY ] || printf '%s="%s"\n' "$name" "${!name}"
        done < <(compgen -e) >"$file"
        printf 'REXRANK_CALL="%s"\n' "$*" >>"$file"
    )
    systemctl reset-failed "$unit" 2>/dev/null || true
    systemctl start "$unit" || status=2
    # Not with --wait, which needs a message bus.
    while [[ $(systemctl show "$unit" -p ActiveState --value) =~ ^(active|activating|deactivating|reloading)$ ]]; do
        sleep 1
    done
    rm -f -- "$file"
    # 1 means that the scorer itself reported that nothing was scored; everything else is an internal failure.
    case $(systemctl show "$unit" -p Result --value):$(systemctl show "$unit" -p ExecMainStatus --value) in
    success:0) ;;
    exit-code:1) status=1 ;;
    *) status=2 ;;
    esac
    return "$status"
}

# check_unit: refuses unless what systemd has loaded includes every limit.
check_unit() {
    local name wanted found
    while IFS='|' read -r name wanted; do
        found=$(systemctl show "$unit" -p "$name" --value) || die "systemd does not know $unit: run setup.sh again."
        # shellcheck disable=SC2053  # a pattern
        [[ $found == $wanted ]] || die "systemd has loaded $unit with $name=$found, wanted $wanted: run setup.sh again, or change the paths in runner.conf to the unit's."
    done <<LIMITS
User|$REXRANK_SCORER
PrivateNetwork|yes
PrivateTmp|yes
ProtectSystem|strict
ProtectHome|yes
ReadWritePaths|$REXRANK_STORE $job
InaccessiblePaths|*$prefix/etc/salt*
NoNewPrivileges|yes
CapabilityBoundingSet|
SystemCallFilter|[a-z_]*
MemoryMax|[0-9]*
TasksMax|[0-9]*
RuntimeMaxUSec|[0-9]*
DevicePolicy|closed
DeviceAllow|*char-nvidia*
LIMITS
}

# bounds: the unit's MemoryMax and TasksMax, through a control group if its controllers are available; otherwise as
# limits per process and per user.
bounds() {
    local group=$REXRANK_CGROUP/rexrank-scorer most tasks=4096
    most=$(awk '/^MemTotal:/ { printf "%d", $2 * 0.9 }' /proc/meminfo)
    ulimit -u "$tasks"
    if grep -qsw memory "$REXRANK_CGROUP/cgroup.controllers" && mkdir -p -- "$group" 2>/dev/null &&
        { echo '+memory +pids' >"$REXRANK_CGROUP/cgroup.subtree_control"; } 2>/dev/null && [ -w "$group/memory.max" ]; then
        echo "$((most * 1024))" >"$group/memory.max"
        echo "$tasks" >"$group/pids.max"
        [ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
        # This shell, and what it starts.
        echo 0 >"$group/cgroup.procs"
    else
        ulimit -d "$most"
    fi
}

# devices: a /dev with the standard devices and the GPU's, like the unit's DevicePolicy and DeviceAllow.
devices() {
    local staging=$REXRANK_JOB/dev node
    umask 0022
    mkdir -- "$staging"
    mount -n -t tmpfs -o size=1m,mode=0755,nosuid,noexec tmpfs "$staging"
    for node in /dev/{null,zero,full,random,urandom} /dev/nvidia* /dev/nvidia-caps/* /dev/dri/*; do
        [ -c "$node" ] || continue
        mkdir -p -- "$(dirname -- "$staging${node#/dev}")"
        : >"$staging${node#/dev}"
        mount -n --bind "$node" "$staging${node#/dev}"
    done
    ln -s /proc/self/fd "$staging/fd"
    ln -s fd/0 "$staging/stdin"
    ln -s fd/1 "$staging/stdout"
    ln -s fd/2 "$staging/stderr"
    mkdir "$staging/shm"
    # Including everything mounted under it, which would otherwise stay reachable under its old name.
    ! mountpoint -q /dev || umount -n -R -l /dev
    mount -n --move "$staging" /dev
    rmdir -- "$staging"
    umask 0077
}

# mounts: hides what the scorer does not need and leaves it two writable folders. Shared memory and every other
# world-writable place would be a channel to the other users of this machine.
mounts() {
    local folder folders
    IFS=: read -ra folders <<<"$REXRANK_HIDE"
    for folder in "${folders[@]}"; do
        [ ! -d "$folder" ] || mount -n -t tmpfs -o size=16m,mode=0755,nosuid,nodev,ro tmpfs "$folder"
    done
    for folder in "$REXRANK_STORE" "$REXRANK_JOB"; do
        mount -n --bind "$folder" "$folder"
        mount -n -o remount,bind,nosuid,nodev "$folder"
    done
    while read -r folder; do
        # Spaces appear as \040 in this list.
        printf -v folder %b "$folder"
        # A mount under a hidden folder is already out of reach.
        mountpoint -q "$folder" || continue
        case "$folder" in
        "$REXRANK_STORE" | "$REXRANK_JOB" | /proc | /proc/* | /sys | /sys/*) ;;
        *) mount -n -o remount,bind,ro "$folder" ;;
        esac
    done < <(cut -d' ' -f5 /proc/self/mountinfo)
    # Engines use shared memory between their own processes.
    mount -n -t tmpfs -o size=50%,mode=1777,nosuid,nodev,noexec tmpfs /dev/shm
}

# judges: starts the engines in here, where loopback is the only network, and waits until all of them respond.
judges() {
    local log=$HOME/judges.log waited=0
    "${as[@]}" "$REXRANK_PYTHON" -P -c "$REXRANK_ENTRY" judge serve --judges "$REXRANK_JUDGES" >"$log" 2>&1 &
    # `rexrank judge serve` prints this once every engine responds, and gives up by itself if one does not.
    until grep -q '^serving ' "$log"; do
        kill -0 $! 2>/dev/null && [ "$waited" -lt 2000 ] || {
            cat "$log" >&2
            exit 2
        }
        sleep 1
        waited=$((waited + 1))
    done
}

# outside: reads the configuration, fetches, starts `inside`, outputs what may leave.
outside() {
    local conf=$prefix/etc/runner.conf mode=${1-} scratch job log status=0 name fetcher api
    # shellcheck source=runner/lib.sh
    . "$here/lib.sh"
    [ "$(id -u)" = 0 ] || die 'this needs root: call it through sudo.'
    private_conf
    check_call "$@"
    environment
    scratch=$(conf SCRATCH)
    fetcher=$(conf FETCHER)
    api=$(conf API_URL "$(api_of "$GITHUB_SERVER_URL")")
    # A lock for this machine only, on its own disk: it keeps two scorers from sharing memory and GPU. The store, which
    # several machines share, needs none. The file is private because anyone who can open it could hold the lock.
    (umask 0077 && : >>"$scratch/lock")
    exec 9>"$scratch/lock"
    flock -n 9 || die 'another scoring is running.'
    # Left over from a run that was killed together with its job; holding the lock means nobody is using it.
    rm -rf --one-file-system -- "$scratch"/job "$scratch"/job.* "$scratch/scorer.env"
    job=$scratch/job
    mkdir -m 0700 -- "$job"
    # shellcheck disable=SC2064  # the path as it is now
    trap "rm -rf --one-file-system -- '$job'" EXIT
    log=$(conf LOGS)/isolate.log
    printf -- '--- %s %s\n' "$(date -u +%FT%TZ)" "$*" >>"$log"
    mkdir -m 0700 "$job/fetch"
    chown "$fetcher:$fetcher" "$job/fetch"
    # The fetching user may enter the job's folder, and read nothing in it but its own and main's code.
    chmod 0711 "$job"
    [ "$mode" != score ] || released "$2" "$3" || die 'no reviewer approved this, so nothing is scored.'
    fetch_all "$@" >>"$log" 2>&1 || die 'main or the pull request could not be fetched; the private log says why.'
    secrets "$@"
    mkdir -m 0700 "$job/home" "$job/tmp"
    : >"$job/output"
    chown -R -h "$REXRANK_SCORER:$REXRANK_SCORER" "$job"
    export HOME=$job/home TMPDIR=$job/tmp PYTHONPATH=$job/code GITHUB_OUTPUT=$job/output REXRANK_JOB=$job
    # A core file would hold references.
    ulimit -c 0
    name=(unshare --net --mount --pid --ipc --fork --kill-child --mount-proc /bin/bash -p "$here/isolate.sh" inside)
    if [ -d /run/systemd/system ]; then
        # Only fixed words and the job's path, without spaces.
        case $mode in
        doctor)
            by_unit doctor --role scorer "${@:2}" 9>&- || status=$?
            cat -- "$job/doctor"
            ;;
        score) by_unit pr score "$job/pull" >>"$log" 2>&1 9>&- || status=$? ;;
        refresh) by_unit pr refresh "$job/bundle" >>"$log" 2>&1 9>&- || status=$? ;;
        fill) by_unit pr fill >>"$log" 2>&1 9>&- || status=$? ;;
        esac
        mode_done
        return "$status"
    fi
    # The scorer must not inherit the lock's descriptor: a process left behind would keep the lock.
    case $mode in
    doctor)
        # What the scorer must not be able to reach; it tries.
        REXRANK_SHUT=$prefix/etc/salt:$(conf LOGS):$(conf RUNNER_HOME /var/lib/rexrank/runner)
        export REXRANK_SHUT
        "${name[@]}" doctor --role scorer "${@:2}" 9>&- || status=$?
        ;;
    score) "${name[@]}" pr score "$job/pull" >>"$log" 2>&1 9>&- </dev/null || status=$? ;;
    refresh) "${name[@]}" pr refresh "$job/bundle" >>"$log" 2>&1 9>&- </dev/null || status=$? ;;
    fill) "${name[@]}" pr fill >>"$log" 2>&1 9>&- </dev/null || status=$? ;;
    esac
    mode_done
    return "$status"
}

# mode_done: outputs what may leave after this kind of call.
mode_done() {
    case $mode in
    score) hand_out output ;;
    refresh) [ "$status" -ne 0 ] || hand_out bundle ;;
    esac
}

# check_call: accepts exactly the calls above; anything else ends here.
check_call() {
    local slug='[a-z0-9][a-z0-9.-]{0,39}' option unit_of_work
    case "${1-}" in
    score)
        [ $# -eq 3 ] && [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] && [[ $3 =~ ^[0-9a-f]{40}$ ]] || die 'wanted: score NUMBER SHA'
        ;;
    refresh) [ $# -eq 1 ] || die 'wanted: refresh' ;;
    fill)
        [ $# -ge 2 ] && [ $# -le 17 ] || die 'wanted: fill UNIT…, 16 at most'
        for unit_of_work in "${@:2}"; do
            [[ $unit_of_work =~ ^(baseline|$slug/$slug):$slug:[a-z][a-z0-9_]{0,39}$ ]] || die 'wanted: fill TEAM/MODEL:DATASET:GROUP…'
        done
        ;;
    doctor)
        [ -z "$caller" ] || [ "$caller" != "$(id -u -- "$(conf RUNNER)")" ] || die 'the user who runs the jobs may not call this.'
        for option in "${@:2}"; do
            [[ $option =~ ^--(json|strict)$ ]] || die 'wanted: doctor [--json] [--strict]'
        done
        ;;
    *) die 'wanted: score NUMBER SHA, refresh, fill UNIT…, or doctor' ;;
    esac
}

# api_of SERVER: where GitHub's REST API is.
api_of() {
    case $1 in
    https://github.com) printf 'https://api.github.com' ;;
    *) printf '%s/api/v3' "$1" ;;
    esac
}

# environment: nothing from the caller, everything from runner.conf; the salt never appears in an argument.
environment() {
    local name
    while read -r name; do
        unset "$name"
    done < <(compgen -e)
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
    export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 GIT_CONFIG_NOSYSTEM=1
    REXRANK_REFERENCES=$(conf REFERENCES)
    REXRANK_MODELS=$(conf MODELS)
    REXRANK_STORE=$(conf STORE)
    REXRANK_DEVICE=$(conf DEVICE cpu)
    REXRANK_SCORER=$(conf SCORER)
    REXRANK_HIDE=$(conf HIDE /home:/root:/run:/tmp:/var/tmp)
    REXRANK_PYTHON=$(conf PYTHON "$prefix/venv/bin/python")
    GITHUB_SERVER_URL=$(conf SERVER_URL https://github.com)
    GITHUB_REPOSITORY=$(conf REPOSITORY)
    REXRANK_JUDGES=$(conf JUDGES '')
    REXRANK_CGROUP=$(conf CGROUP /sys/fs/cgroup)
    # shellcheck disable=SC2090
    export REXRANK_REFERENCES REXRANK_MODELS REXRANK_STORE REXRANK_DEVICE REXRANK_SCORER REXRANK_HIDE REXRANK_PYTHON \
        REXRANK_ENTRY GITHUB_SERVER_URL GITHUB_REPOSITORY REXRANK_JUDGES REXRANK_CGROUP
}

# by_fetcher COMMAND…: runs a command as the user who has the network and nothing else.
by_fetcher() {
    # A PID namespace: whatever git or a stranger's bytes start in it ends before its folder is taken away.
    unshare --pid --fork --kill-child --mount-proc setpriv --reuid "$fetcher" --regid "$fetcher" --clear-groups \
        --no-new-privs --inh-caps=-all --bounding-set=-all -- env "HOME=$job/fetch" timeout 900 "$@"
}

# released NUMBER SHA: whether GitHub's record of approvals contains this pull request at this commit.
released() {
    cd "$job/fetch" || return
    by_fetcher "$REXRANK_PYTHON" -I "$here/released.py" "$api" "$GITHUB_REPOSITORY" "$1" "$2" </dev/null
}

# fetch_all: main, and for `score` the pull request.
fetch_all() {
    # Called in a condition, where `set -e` has no effect: every step handles its own failure.
    cd "$job/fetch" || return
    by_fetcher git -c core.symlinks=false clone -q --depth=1 --single-branch --no-tags --branch main \
        "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY" code || return
    take code || return
    if [ "$1" = score ]; then
        PR=$2 SHA=$3 GITHUB_API_URL=$api PYTHONPATH=$job/code PYTHONDONTWRITEBYTECODE=1 by_fetcher "$REXRANK_PYTHON" -P -c "$REXRANK_ENTRY" \
            pr fetch "$job/fetch/pull" || return
        take pull || return
    fi
    cd / || return
    rm -rf --one-file-system -- "$job/fetch" || return
    chmod 0700 "$job" || return
}

# take NAME: moves a fetched folder into the job's folder, owned by root; a link in its place is refused.
take() {
    [ -d "$job/fetch/$1" ] && [ ! -L "$job/fetch/$1" ] || return
    chown -R -h root:root "$job/fetch/$1" || return
    mv -T -- "$job/fetch/$1" "$job/$1" || return
}

# secrets: exports what only the scorer may have; called after the last process with network access.
secrets() {
    case $1 in
    score) export PR=$2 SHA=$3 ;;
    fill) export UNITS="${*:2}" ;;
    esac
    if [ -s "$prefix/etc/salt" ]; then
        REXRANK_SALT=$(cat -- "$prefix/etc/salt")
        export REXRANK_SALT
    fi
}

# hand_out NAME: outputs one entry of the job's folder as a tar, written by the scorer's user.
hand_out() {
    setpriv --reuid "$REXRANK_SCORER" --regid "$REXRANK_SCORER" --clear-groups --no-new-privs -- tar -C "$job" -cf - "$1"
}

if [ "${1-}" = inside ] && [ "$$" = 1 ]; then
    inside "${@:2}"
elif [ "${1-}" = unit ] && [ $# = 1 ] && [ "$(id -u)" != 0 ]; then
    from_unit
else
    outside "$@"
fi
