"""The API keeps its own schema, whatever is asked of it: schemathesis over every operation."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import users
from bkkenergy.usecases.portfolio import portfolio_state, replace_all
from tests.web import make_app, make_site

EXAMPLES = 12
pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def app(site):
    """The app, with its records in the state: what is written goes in."""
    made = make_app(site)
    opened = made.state.here.opened
    state = portfolio_state(opened.config, opened.state)
    replace_all(state, server_actor("x"), opened.portfolio.records, why="first import", now=dt.datetime.now(dt.UTC))
    made.state.here.look_now()
    return made


@pytest.fixture(scope="module")
def token(app):
    state = app.state.here.opened.state
    number = next(own["id"] for own in users(state) if own["name"] == "admin")
    return add_token(state, number, "schema", "server", dt.datetime.now(dt.UTC), days=1)


def test_every_operation_keeps_the_schema_whatever_is_asked(app, token):
    import schemathesis  # loaded by who runs this, not by who collects all tests
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    faults, count = [], 0
    for found in schema.get_all_operations():
        operation = found.ok()
        count += 1

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        def holds(case):
            answer = case.call(headers={"Authorization": f"Bearer {token}"})
            # What is asked may fit the schema and not the records: that is no fault of the schema.
            excluded = [] if case.method == "GET" else [positive_data_acceptance]
            case.validate_response(answer, excluded_checks=excluded)
            assert answer.status_code != 500

        try:
            holds()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - every operation is looked at
            faults.append(f"{operation.label}: {str(error)[:1500]}")
    assert count >= 30
    assert not faults, "\n\n".join(faults)
