"""The register of use cases: what each needs of the actor.

Every function that changes something for a person is entered here with the power it needs and the scope of that power.
A test performs each of them as every role of every scope, and looks at each row of the state that it changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from bkkenergy.access import Actor, Power
from bkkenergy.errors import NotAllowed

Scope = Literal["server", "agency", "own"]
"""server: everything, so that all agencies are needed; agency: things of agencies that the actor has, all of them; own:
the actor's own account."""
P = ParamSpec("P")
WhereT = TypeVar("WhereT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class UseCase:
    """What a person can ask for. power : that is needed; None for one's own account."""

    name: str
    power: Power | None
    scope: Scope
    run: Callable[..., Any]


USE_CASES: dict[str, UseCase] = {}
"""By name."""


def use_case(
    name: str, power: Power | None, scope: Scope
) -> Callable[[Callable[Concatenate[WhereT, Actor, P], ResultT]], Callable[Concatenate[WhereT, Actor, P], ResultT]]:
    """Register a function. It takes where it works, and then the actor.

    What needs the whole server is refused here. What is an agency's checks that agency itself, where it learns of it
    (`actor.need`), and raises NotThere or NotAllowed.
    """

    def entered(
        function: Callable[Concatenate[WhereT, Actor, P], ResultT],
    ) -> Callable[Concatenate[WhereT, Actor, P], ResultT]:
        @wraps(function)
        def checked(where: WhereT, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
            if scope == "server" and not (actor.sees_all and power is not None and actor.may(power)):
                raise NotAllowed
            if scope == "own" and actor.user_id is None:
                raise NotAllowed.of("users_alone")
            return function(where, actor, *args, **kwargs)

        if name in USE_CASES:
            raise ValueError(f"use case {name!r} is entered twice")
        USE_CASES[name] = UseCase(name, power, scope, checked)
        return checked

    return entered
