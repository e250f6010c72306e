"""Who may do what: roles, the agencies they reach, and passwords that are good enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "manager", "engineer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
Action = Literal["see", "dismiss", "plan", "design", "operate", "administer"]

MAY: dict[Role, frozenset[Action]] = {
    "viewer": frozenset({"see"}),
    "manager": frozenset({"see", "dismiss", "plan"}),
    "engineer": frozenset({"see", "dismiss", "plan", "design"}),
    "admin": frozenset({"see", "dismiss", "plan", "design", "operate", "administer"}),
}
"""see: everything of one's agencies; dismiss: hide findings until they grow; plan: change projects; design: size solar;
operate: jobs, quarantine, unknown meters, settings; administer: users, tokens, the audit log."""

EVERY_AGENCY = "all"
LEAST_PASSWORD = 12
MOST_PASSWORD = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user as the rest of the service sees one. agencies : ids, or "all"."""

    id: int
    name: str
    display: str
    role: Role
    agencies: tuple[str, ...]
    language: str = "th"
    must_change: bool = False
    scope: Literal["read", "write"] = "write"

    @property
    def sees_all(self) -> bool:
        """Whether every agency is this user's, and with them the city."""
        return EVERY_AGENCY in self.agencies

    def reaches(self, agency: str) -> bool:
        """Whether an agency (or the city) is this user's."""
        return self.sees_all or agency in self.agencies

    def may(self, action: Action, agency: str | None = None) -> bool:
        """Whether the user may do something, of an agency where it is one's matter. A token for reading only sees."""
        if self.scope == "read" and action != "see":
            return False
        return action in MAY[self.role] and (agency is None or self.reaches(agency))

    def own(self, agencies: Iterable[str]) -> list[str]:
        """Those of some agencies that are this user's."""
        return [agency for agency in agencies if self.reaches(agency)]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as the audit log names one. address : where the request came from, empty on this machine."""

    name: str
    address: str = ""


def password_fault(password: str, name: str) -> str | None:
    """What is wrong with a password, as a key of the texts; None where it is good enough.

    Length rather than rules of composition: NIST SP 800-63B, section 5.1.1.
    """
    if len(password) < LEAST_PASSWORD:
        return "web.password_short"
    if len(password) > MOST_PASSWORD:
        return "web.password_long"
    if name.lower() in password.lower() or len(set(password)) < LEAST_PASSWORD // 3:
        return "web.password_guessed"
    return None
