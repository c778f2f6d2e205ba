"""All checks of a scoring runner, in the order in which a maintainer mends them."""

from __future__ import annotations

from evaluator.doctor.findings import Section
from evaluator.doctor.host.accounts import check_people
from evaluator.doctor.host.description import Host
from evaluator.doctor.host.installation import check_kit
from evaluator.doctor.host.machine import check_machine, check_software


def check_host(host: Host) -> list[Section]:
    """Every finding on a runner as its root sees it."""
    return [
        Section("The kit", tuple(check_kit(host.kit, host.people, host.machine))),
        Section("Accounts and rights", tuple(check_people(host.people, host.kit))),
        Section("Programs and packages", tuple(check_software(host.software, host.kit))),
        Section("The machine", tuple(check_machine(host.machine, host.kit))),
    ]
