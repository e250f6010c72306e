"""Settings of the web app, and of signing in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bkkenergy.recipients import Port
from bkkenergy.tomlfiles import Frozen

GroupGrant = Annotated[str, Field(pattern=r"^[^:]+: (viewer|manager|engineer|admin)( [a-z0-9]+(-[a-z0-9]+)*)+$")]
"""A group of the provider, a role, and agencies' ids or "all": "energy-health: manager health"."""


AuthenticationValue = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
"""What a provider calls a level or a way of signing in: no spaces, which would be several."""


class OidcSettings(Frozen):
    """Sign-in by the organisation's own accounts (OpenID Connect). The provider's number of a person is what counts.

    claim : names a user of ours the first time. groups : what each of the provider's groups may do here; with one or
    more, role and agencies come from them at each sign-in. acr_values : asked of the provider; a sign-in has to have
    one of them. amr_values : a sign-in has to have each ("mfa", RFC 8176). Without both any sign-in there counts.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_file: Path | None = None
    claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: tuple[GroupGrant, ...] = ()
    acr_values: tuple[AuthenticationValue, ...] = ()
    amr_values: tuple[AuthenticationValue, ...] = ()
    redirect_url: Annotated[str, Field(pattern=r"^https?://")]


class WebSettings(Frozen):
    """The web app. `behind_proxy`: a proxy ends TLS and gives the client's address (X-Forwarded-For, -Proto).

    local_sign_in : whether users sign in with a password here too; without, the provider alone says who a person is.
    session_h, idle_h : how long a user stays signed in, and how long without a request. second_factor : who has to sign
    in with a code too, of those who sign in with a password here. public_address : by which others reach it, as
    https://energy.example.org; where it is set mails have a link that ends them, and links to set a password are sent.
    requests_per_min : of each user, by pages and tokens; 0 for no bound. virus_scanner : ClamAV's daemon, which looks
    at each file that is uploaded; "" for none.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    behind_proxy: bool = False
    secure_cookies: bool = True
    session_h: Annotated[float, Field(gt=0)] = 12.0
    idle_h: Annotated[float, Field(gt=0)] = 2.0
    second_factor: Literal["offered", "admins", "everyone"] = "admins"
    refresh_s: Annotated[float, Field(gt=0)] = 60.0
    requests_per_min: Annotated[int, Field(ge=0, le=1_000_000)] = 1200
    virus_scanner: Annotated[str, Field(pattern=r"^(unix:/\S+|tcp:\S+:\d{1,5})?$")] = ""
    local_sign_in: bool = True
    public_address: Annotated[str, Field(pattern=r"^(https://[^/\s]+)?$")] = ""
    oidc: OidcSettings | None = None

    @model_validator(mode="after")
    def _has_a_way_in(self) -> WebSettings:
        if not self.local_sign_in and self.oidc is None:
            raise ValueError("web.local_sign_in = false needs [web.oidc]: else no user could sign in.")
        return self
