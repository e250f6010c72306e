"""Taking the records of a site's files into the state: all of them, with the plan, adjustments and the register."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.site import Site
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.portfolio import Changed, portfolio_state, replace_all
from bkkenergy.usecases.powers import use_case


@use_case("portfolio.begin", "portfolio", "server")
def begin_records(site: Site, actor: Actor, *, why: str, now: dt.datetime) -> Changed:
    """Let the state be the source of every record that the site's files have, as the first revision.

    Raises InputError where it is the source already, ConfigError with every fault of the files.
    """
    actor.need("portfolio")
    state = portfolio_state(site.config, site.state)
    if state.newest():
        raise InputError.of("records_in_state")
    document = read_folder(site.config.folder)
    if document.faults:
        raise ConfigError(document.faults)
    return replace_all(state, actor, document.records, why=why, now=now, expected_revision=0)
