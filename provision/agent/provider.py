"""The contract of a provider: observe → diff → steps; the executor then observes again."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from provision.agent.host import Reader
from provision.plan.model import Diff
from provision.resources.base import Resource

if TYPE_CHECKING:
    from provision.agent.steps import Step
    from provision.errors import NotConvergedError

R = TypeVar("R", bound=Resource, contravariant=True)  # noqa: PLC0105 - one letter, as in the contract
H = TypeVar("H")


class Pending:
    """What a plan says will have changed before this resource's turn; empty while applying."""

    def __init__(self) -> None:
        self._claims: set[str] = set()

    def add(self, resource: Resource) -> None:
        """Note that `resource` will change."""
        self._claims.update(resource.claims)
        self._claims.add(resource.key)

    def has(self, claim: str) -> bool:
        """Whether something that claims `claim` (`path:/etc/x`, `user:me`, `package:curl`) will change."""
        return claim in self._claims

    def kind(self, kind: str) -> bool:
        """Whether any resource of `kind` will change."""
        return any(claim.startswith(f"{kind}:") for claim in self._claims)


NOTHING_PENDING = Pending()


class Provider(Protocol[R, H]):
    """Observes resources of one kind and knows the steps to reach them."""

    def observe(self, want: R, host: Reader) -> H:
        """Return what is there now, as a frozen value."""

    def diff(self, want: R, have: H, pending: Pending) -> Diff:
        """Return how `have` differs; every `ok` says why. Pure."""

    def steps(self, want: R, have: H) -> Iterator[Step]:
        """Yield the steps from `have` to `want`. Pure."""


class BatchProvider(Provider[R, H], Protocol[R, H]):
    """A provider whose adjacent resources are changed in one go (apt)."""

    def batch_steps(self, pairs: Sequence[tuple[R, H]]) -> Iterator[Step]:
        """Yield the steps that change all of `pairs` together."""


class ExplainingProvider(Provider[R, H], Protocol[R, H]):
    """A provider that knows what to say of a resource that did not converge."""

    def stuck(self, want: R, have: H) -> NotConvergedError:
        """Return the error for `have`, the second observation: what is missing, the evidence, what to type next."""


class SolvingProvider(Provider[R, H], Protocol[R, H]):
    """A provider of environments, which can also solve anew what one is to hold and leave the environment as it is."""

    def solve(self, want: R, have: H, scratch: str) -> Iterator[Step]:
        """Yield the steps that solve `want` in `scratch`, an empty directory of its owner's."""

    def solved(self, want: R, host: Reader, scratch: str) -> dict[str, str]:
        """Return what those steps found, by the name under which a run reports it (`lock`, `conda-lock`)."""


def provider_of(kind: str) -> Provider[Any, Any]:
    """Return the provider of `kind`, importing only its module."""
    return cast("Provider[Any, Any]", importlib.import_module(f"provision.agent.providers.{kind}").provider)
