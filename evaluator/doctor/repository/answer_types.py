"""The parts of GitHub's answers that the doctor reads, as typed values; whatever else they hold is left aside."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel


class Part(BaseModel):
    """A part of an answer: GitHub adds fields as it likes."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BranchPolicy(Part):
    """Which branches may enter an environment."""

    protected_branches: bool = False


class ProtectionRule(Part):
    """A rule of an environment; `reviewers` are counted only."""

    type: str
    reviewers: tuple[Any, ...] = ()
    prevent_self_review: bool | None = None


class Environment(Part):
    """An environment: without a policy every branch may enter."""

    name: str
    deployment_branch_policy: BranchPolicy | None = None
    protection_rules: tuple[ProtectionRule, ...] = ()
    can_admins_bypass: bool | None = None


class Environments(Part):
    """`/environments`."""

    environments: tuple[Environment, ...] = ()


class StatusCheck(Part):
    """A check that a rule asks for, and the app that has to set it."""

    context: str
    integration_id: int | None = None


class RuleParameters(Part):
    """What a rule asks for; each kind of rule has some of these."""

    required_approving_review_count: int = 0
    require_code_owner_review: bool = False
    dismiss_stale_reviews_on_push: bool = False
    require_last_push_approval: bool = False
    allowed_merge_methods: tuple[str, ...] | None = None
    required_status_checks: tuple[StatusCheck, ...] = ()
    strict_required_status_checks_policy: bool = False


class Rule(Part):
    """An active rule of main."""

    type: str
    ruleset_id: int | None = None
    parameters: RuleParameters | None = None


class Rules(RootModel[tuple[Rule, ...]]):
    """`/rules/branches/main`."""

    model_config = ConfigDict(frozen=True)


class Actor(Part):
    """Who may go past a ruleset."""

    actor_type: str
    actor_id: int | None = None

    def __str__(self) -> str:
        words = {
            "OrganizationAdmin": "administrators",
            "DeployKey": "every deploy key",
            "RepositoryRole": "a role",
            "Team": "a team",
            "User": "a user",
        }
        kind = words.get(self.actor_type, self.actor_type)
        return f"{kind} {self.actor_id}" if self.actor_id else kind


class Ruleset(Part):
    """A ruleset; `bypass_actors` is `None` where the token may not see them."""

    bypass_actors: tuple[Actor, ...] | None = None


class OwnersError(Part):
    """A line of CODEOWNERS that GitHub cannot follow."""

    line: int
    kind: str


class OwnersErrors(Part):
    """`/codeowners/errors`."""

    errors: tuple[OwnersError, ...] = ()


class Label(Part):
    """A label of a runner."""

    name: str


class Runner(Part):
    """A registered runner."""

    name: str
    status: str
    ephemeral: bool | None = None
    labels: tuple[Label, ...] = ()


class Runners(Part):
    """`/actions/runners`."""

    runners: tuple[Runner, ...] = ()
