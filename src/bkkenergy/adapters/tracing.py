"""Traces by OpenTelemetry, for the collector that an operator names (`bkkenergy[traces]`). Off, they cost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from bkkenergy import __version__
from bkkenergy.errors import ConfigError, Fault

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class TraceSpan:
    """A span whose outcome is noted; without a collector it does nothing."""

    def __init__(self, traced: Any = None) -> None:
        self._traced = traced

    def end(self, *, has_failed: bool) -> None:
        """Note the outcome."""
        if self._traced is not None and has_failed:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415 - the extra bkkenergy[traces]

            self._traced.set_status(StatusCode.ERROR)


class _Tracing:
    """What this process sends its traces by."""

    provider: TracerProvider | None = None


_UNTRACED = nullcontext(TraceSpan())


def trace_to(url: str, process: str) -> None:
    """Send what this process does to a collector, as OTLP over HTTP. Raises ConfigError without the library.

    url : of traces, such as http://127.0.0.1:4318/v1/traces; "" for none. process : what kind of process it is.
    """
    if not url:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise ConfigError([Fault.of("traces_no_library", "bkkenergy.toml: observe.traces")]) from None
    about = {"service.name": "bkkenergy", "service.version": __version__, "bkkenergy.process": process}
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    _Tracing.provider = provider


def end_traces() -> None:
    """Send what waits, and trace nothing more."""
    provider, _Tracing.provider = _Tracing.provider, None
    if provider is not None:
        provider.shutdown()


def span(name: str, about: Mapping[str, str | int]) -> AbstractContextManager[TraceSpan]:
    """Return a span around a piece of work. What an exception says stays in our log: it may name a person."""
    return _UNTRACED if _Tracing.provider is None else _span(_Tracing.provider, name, about)


@contextmanager
def _span(provider: TracerProvider, name: str, about: Mapping[str, str | int]) -> Iterator[TraceSpan]:
    attributes = {f"bkkenergy.{key}": value for key, value in about.items()}
    with provider.get_tracer("bkkenergy").start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as traced:
        yield TraceSpan(traced)
