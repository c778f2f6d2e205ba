#!/bin/bash
# Sets a machine up as the scoring runner, as root, from a checkout of main that root owns. Run it again after
# every change below runner/: it is idempotent and never touches references, store, models or the salt.
#
#   setup.sh                 users, folders, scripts, sudoers, salt
#   setup.sh --destdir DIR   the same files below DIR, without users and owners: to look at, and for the tests
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 0022
source=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
dest=''
if [ "${1-}" = --destdir ]; then
    dest=${2:?wanted: --destdir DIR}
elif [ $# -gt 0 ]; then
    echo 'wanted: setup.sh [--destdir DIR]' >&2
    exit 2
elif [ "$(id -u)" != 0 ]; then
    echo 'setup: this needs root.' >&2
    exit 2
fi

# folder MODE OWNER GROUP PATH
folder() {
    if [ -n "$dest" ]; then
        install -d -m "$1" "$dest$4"
    else
        install -d -m "$1" -o "$2" -g "$3" "$4"
    fi
}

# file MODE SOURCE TARGET: root's.
file() {
    if [ -n "$dest" ]; then
        install -m "$1" "$source/$2" "$dest$3"
    else
        install -m "$1" -o root -g root "$source/$2" "$3"
    fi
}

folder 0755 root root /opt/rexrank
folder 0711 root root /var/lib/rexrank
if [ -z "$dest" ]; then
    for user in rexrunner rexfetch rexscore; do
        id -u "$user" >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
    done
    # The one that keep-registered.sh logs in as; its key goes into .ssh/authorized_keys there, with a forced command.
    id -u rexrank-registrar >/dev/null 2>&1 || useradd --system --user-group --create-home --home-dir /var/lib/rexrank/registrar --shell /bin/sh --password '*' rexrank-registrar
    # The devices of a GPU; other groups, docker before all, are a hole.
    for group in video render; do
        ! getent group "$group" >/dev/null || usermod -aG "$group" rexscore
    done
fi

folder 0755 root root /opt/rexrank/bin
folder 0755 root root /opt/rexrank/hooks
folder 0755 root root /opt/rexrank/etc
folder 0755 root root /srv/rexrank
folder 0750 root rexscore /srv/rexrank/references
# Some weights come under a licence of their own; nobody else on this machine needs them.
folder 0750 root rexscore /srv/rexrank/models
folder 0700 rexscore rexscore /var/lib/rexrank/store
folder 0711 root root /var/lib/rexrank/scratch
folder 0700 root root /var/log/rexrank
folder 0755 root root /etc/sudoers.d
folder 0755 root root /etc/systemd/system

for name in isolate.sh isolated-rexrank.sh run-one-job.sh released.py confine.py; do
    file 0755 "$name" "/opt/rexrank/bin/$name"
done
for name in lib.sh system-calls; do
    file 0644 "$name" "/opt/rexrank/bin/$name"
done
file 0755 hooks/job-started.sh /opt/rexrank/hooks/job-started.sh
file 0755 hooks/job-completed.sh /opt/rexrank/hooks/job-completed.sh
file 0440 sudoers /etc/sudoers.d/rexrank
file 0644 rexrank-scorer.service /etc/systemd/system/rexrank-scorer.service
[ -e "$dest/opt/rexrank/etc/runner.conf" ] || file 0644 runner.conf.example /opt/rexrank/etc/runner.conf
[ -e "$dest/opt/rexrank/etc/judges.toml" ] || file 0644 judges.toml.example /opt/rexrank/etc/judges.toml

salt=$dest/opt/rexrank/etc/salt
if [ ! -e "$salt" ]; then
    (umask 0377 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$salt")
    echo "wrote a new salt to $salt: keep a copy; another salt gives other intervals."
fi
if [ -z "$dest" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ -z "$dest" ] && command -v visudo >/dev/null; then
    visudo -cqf /etc/sudoers.d/rexrank
fi
echo "Next: set REPOSITORY in $dest/opt/rexrank/etc/runner.conf, go on with site/maintainers/runner.md, and"
echo 'look at the whole with: sudo /opt/rexrank/venv/bin/rexrank doctor'
