"""What each process does: counted and timed on /metrics, and sent as traces to a collector that speaks OTLP."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from bkkenergy.adapters.tracing import _Tracing, end_traces, span, trace_to
from bkkenergy.adapters.work import REGISTRY, Task, doing
from bkkenergy.cli.jobs import running_jobs
from bkkenergy.errors import ConfigError
from bkkenergy.ingest.observe import observed
from bkkenergy.settings import ObserveSettings
from bkkenergy.site import load_configuration
from bkkenergy.web.app import create_app
from tests.integration.conftest import dealt_with, ingesting, publish, reading, wait_until
from tests.ports import free_port
from tests.sites import make_context, make_jobs
from tests.web import make_site, signed_in


def count(task: Task, outcome: str) -> float:
    return REGISTRY.get_sample_value("bkkenergy_tasks_total", {"task": task, "outcome": outcome}) or 0.0


def test_work_is_counted_by_how_it_ended():
    before = [count(Task.REPORT, outcome) for outcome in ("done", "failed")]
    with doing(Task.REPORT):
        assert REGISTRY.get_sample_value("bkkenergy_tasks_under_way", {"task": Task.REPORT}) == 1
    with doing(Task.REPORT) as work:
        work.fail()
    with pytest.raises(ZeroDivisionError), doing(Task.REPORT):
        _ = 1 / 0
    assert [count(Task.REPORT, outcome) for outcome in ("done", "failed")] == [before[0] + 1, before[1] + 2]
    assert REGISTRY.get_sample_value("bkkenergy_tasks_under_way", {"task": Task.REPORT}) == 0
    begun_s = REGISTRY.get_sample_value("bkkenergy_task_first_begin_timestamp_seconds", {"task": Task.REPORT})
    assert begun_s > 0
    with doing(Task.REPORT):
        pass
    assert REGISTRY.get_sample_value("bkkenergy_task_first_begin_timestamp_seconds", {"task": Task.REPORT}) == begun_s
    assert REGISTRY.get_sample_value("bkkenergy_task_last_failure_timestamp_seconds", {"task": Task.REPORT}) > 0


def test_without_a_collector_every_span_is_the_same_that_does_nothing():
    assert span("page", {}) is span("batch", {})


def test_what_an_exception_says_is_in_no_trace(monkeypatch):
    """It may name a person: an address that was entered, a path."""
    sent, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(sent))
    monkeypatch.setattr(_Tracing, "provider", provider)
    with pytest.raises(ValueError, match="somsri"), doing(Task.PAGE, method="GET"):
        raise ValueError("somsri@example.org")
    (failed,) = sent.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert "somsri" not in failed.to_json()


@contextmanager
def collector():
    """A receiver of OTLP over HTTP; the spans that came, by name, with their attributes."""
    spans: dict[str, list[tuple[dict, int]]] = {}

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            for part in sent.resource_spans:
                names = {item.key: item.value.string_value for item in part.resource.attributes}
                assert names["service.name"] == "bkkenergy"
                for one in (one for scope in part.scope_spans for one in scope.spans):
                    values = {item.key: item.value.string_value or item.value.int_value for item in one.attributes}
                    spans.setdefault(one.name, []).append((values, one.status.code))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.broker
@pytest.mark.slow
def test_what_a_site_does_is_on_its_metrics_and_in_its_traces(settings, portfolio, broker, tmp_path):
    home = make_site(tmp_path / "site", days=12)
    config = load_configuration(home / "config")
    jobs, context = make_jobs(config), make_context(config)
    before = {task: count(task, "done") for task in Task}
    port = free_port()
    with collector() as (url, spans):
        with observed(ObserveSettings(traces=url), port, "jobs"):
            jobs.queue.again(jobs.queue.runs(agency="health")[0], "for the trace", jobs.clock())
            with running_jobs(jobs):
                wait_until(lambda: count(Task.SCHEDULE, "done") > before[Task.SCHEDULE], within_s=60)
                wait_until(lambda: count(Task.LEDGER, "done") > before[Task.LEDGER], within_s=60)
            client = signed_in(create_app(context), "manager-health")
            assert client.get("/agencies/health").status_code == 200
            with ingesting(settings, portfolio) as ingester:
                publish(broker.port, [("bma/health/centre-1/main/readings", reading(1_763_900_000))])
                wait_until(lambda: dealt_with(ingester) >= 1)
            shown = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
            assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).json() == {"ok": True}
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }
    for task in Task:
        assert count(task, "done") > before[task], task
        assert samples["bkkenergy_task_last_success_timestamp_seconds", task] > 1_700_000_000
    assert set(spans) == set(Task)
    values, code = spans[Task.REPORT][0]
    assert (values["bkkenergy.agency"], values["bkkenergy.revision"], code) == ("health", 2, 0)
    assert any(values["bkkenergy.readings"] == 1 for values, _ in spans[Task.BATCH])


def test_a_collector_without_its_library_is_a_fault_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"bkkenergy\[traces\]"):
        trace_to("http://127.0.0.1:1/v1/traces", "jobs")
    end_traces()
