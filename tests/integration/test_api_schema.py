"""The API keeps its own schema, whatever is asked of it: schemathesis over every operation."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.web import make_app, make_site, signed_in

EXAMPLES = 20
pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def app(site):
    return make_app(site)


@pytest.fixture(scope="module")
def client(app):
    return signed_in(app, "admin")


def test_every_operation_keeps_the_schema_whatever_is_asked(app, client):
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
            answer = case.call(cookies=dict(client.cookies))
            case.validate_response(answer)
            assert answer.status_code != 500

        try:
            holds()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - every operation is looked at
            faults.append(f"{operation.label}: {str(error)[:1500]}")
    assert count >= 13
    assert not faults, "\n\n".join(faults)
