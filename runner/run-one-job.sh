#!/bin/bash
# Runs one job on the scoring runner, as root: unpacks a fresh copy of the runner software, registers it with the
# just-in-time configuration read from standard input, lets the runner's user take one job, and leaves no process behind.
#
#   ssh runner sudo /opt/rexrank/bin/run-one-job.sh < jit-config
#
# The configuration is valid for one job and never appears in an argument. The machine keeps no credential that could
# register a runner: keep-registered.sh, on another machine, requests a configuration from GitHub before every job.
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 0022
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
prefix=$(dirname -- "$here")
# Read through `conf` in lib.sh.
conf=$prefix/etc/runner.conf
# shellcheck source=runner/lib.sh
. "$here/lib.sh"
[ "$(id -u)" = 0 ] || die 'this needs root.'
private_conf

user=$(conf RUNNER)
home=$(conf RUNNER_HOME /var/lib/rexrank/runner)
archive=$(conf RUNNER_ARCHIVE "$prefix/actions-runner.tar.gz")
[ -f "$archive" ] || die "the runner software is not at $archive."
IFS= read -r jit || [ -n "${jit-}" ] || die 'no just-in-time configuration on standard input.'
[[ $jit =~ ^[A-Za-z0-9+/=]{100,}$ ]] || die 'standard input does not contain a just-in-time configuration.'

# Anyone who can open the file could hold the lock.
(umask 0077 && : >>"$prefix/etc/run-one-job.lock")
exec 9>"$prefix/etc/run-one-job.lock"
flock -n 9 || die 'a job is running.'
rm -rf --one-file-system -- "$home"
mkdir -m 0750 -- "$home"
# A copy that nobody else can change between check and use.
copy=$home/.archive
install -m 0600 -- "$archive" "$copy"
[ "$(sha256sum <"$copy")" = "$(conf RUNNER_SHA256)  -" ] || die "$archive does not match RUNNER_SHA256 in runner.conf."
tar -xzf "$copy" -C "$home" --no-same-owner
rm -f -- "$copy"
if [ "$(conf DEVICE cpu)" != cpu ]; then
    # The scorer cannot create the GPU's devices, and they must exist before its limits refer to them.
    nvidia-modprobe -u -c 0 || die 'cannot create the GPU devices: nvidia-modprobe failed or is not installed.'
fi
# The runner reads its .env when it starts, before any job; the next start unpacks a new one.
cat >"$home/.env" <<ENV
ACTIONS_RUNNER_HOOK_JOB_STARTED=$prefix/hooks/job-started.sh
ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$prefix/hooks/job-completed.sh
REXRANK_VENV=$prefix/venv
REXRANK_ISOLATE=$prefix/bin/isolated-rexrank.sh
LANG=C.UTF-8
ENV
chown -R -h "$user:$user" "$home"
chown root:root "$home/.env"
chmod 0644 "$home/.env"

cd "$home"
status=0
# A PID namespace: processes left behind by a job end with it. Private mounts: whatever it writes to world-writable
# folders or schedules with cron disappears too. sudo needs its set-user-id bit, so --no-new-privs cannot be used for
# the runner; the scorer has it.
# shellcheck disable=SC2016  # expanded by the inner shell
env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$home" LANG=C.UTF-8 ACTIONS_RUNNER_INPUT_JITCONFIG="$jit" \
    unshare --pid --fork --kill-child --mount-proc /bin/bash -euc '
        for folder in /tmp /var/tmp /dev/shm; do
            mount -n -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$folder"
        done
        [ ! -d /var/spool/cron ] || mount -n -t tmpfs -o mode=0755,ro tmpfs /var/spool/cron
        exec setpriv --reuid "$1" --regid "$1" --init-groups -- ./run.sh
    ' run-one-job "$user" </dev/null 9>&- || status=$?
cd /
rm -rf --one-file-system -- "$home"
exit "$status"
