#!/usr/bin/python3
"""Runs a command behind the system call filter of the systemd unit, on hosts without systemd.

    confine.py LIST COMMAND…

LIST contains the calls of `SystemCallFilter=@system-service` without `@privileged`; rules that depend on a call's
arguments are defined here: no new namespaces (`RestrictNamespaces`), four socket families (`RestrictAddressFamilies`),
no change of personality (`LockPersonality`). Every other call returns EPERM, and a call for another architecture kills
the process (`SystemCallArchitectures`). libseccomp builds the filter, as it does for systemd; without it nothing runs.
Called by the scorer's user, which cannot gain privileges, so the kernel accepts its filter.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path
from typing import NoReturn

ALLOW = 0x7FFF0000
REFUSE = 0x00050000
EQUAL = 4
MASKED_EQUAL = 7
NAMESPACES = 0x7E020000
"""CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET."""
FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""
PERSONALITIES = (0, 0xFFFFFFFF)
"""Plain Linux, and the query for the current personality."""
Rule = tuple[int, int, int, int]


class Comparison(ctypes.Structure):
    """libseccomp's `struct scmp_arg_cmp`: argument, operator, two operands."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


# By name of the call: each rule allows it if one comparison holds.
CONDITIONS: dict[str, tuple[Rule, ...]] = {
    "clone": ((0, MASKED_EQUAL, NAMESPACES, 0),),
    "socket": tuple((0, EQUAL, f, 0) for f in FAMILIES),
    "personality": tuple((0, EQUAL, p, 0) for p in PERSONALITIES),
}


def stop(words: str) -> NoReturn:
    """Ends the process before it runs the command."""
    sys.stderr.write(f"confine: {words}\n")
    sys.exit(2)


def library() -> ctypes.CDLL:
    """libseccomp; ends the process if it is not installed."""
    try:
        found = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        stop("libseccomp is not installed (Debian package libseccomp2).")
    found.seccomp_init.restype = ctypes.c_void_p
    return found


def confine(calls: list[str]) -> None:
    """Restricts this process and its children to these calls."""
    tool = library()
    context = ctypes.c_void_p(tool.seccomp_init(ctypes.c_uint32(REFUSE | errno.EPERM)))

    def add(action: int, name: str, *rules: Rule) -> None:
        number = tool.seccomp_syscall_resolve_name(name.encode())
        # Negative: a call that this architecture, or this version of libseccomp, does not have.
        if number < 0:
            return
        made = (Comparison * len(rules))(*(Comparison(*r) for r in rules))
        if tool.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(rules), made):
            stop(f"libseccomp rejects the rule for {name}.")

    for name in calls:
        add(ALLOW, name)
    for name, rules in CONDITIONS.items():
        for rule in rules:
            add(ALLOW, name, rule)
    # Its flags are in memory, where a filter cannot see them; the C library falls back to clone.
    add(REFUSE | errno.ENOSYS, "clone3")
    if tool.seccomp_load(context):
        stop("the kernel rejects the system call filter.")


def main() -> None:
    """Replaces this process with the command, behind the filter."""
    listed, *command = sys.argv[1:]
    try:
        lines = Path(listed).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        stop("the list of system calls cannot be read: run setup.sh again.")
    calls = {word for line in lines if not line.startswith("#") for word in line.split()}
    confine(sorted(calls - CONDITIONS.keys()))
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the caller's
    except OSError as error:
        stop(f"the command cannot be started ({error.strerror}).")


if __name__ == "__main__":
    main()
