"""Traces in OpenTelemetry's protocol: a span for each request and for each step of it; no attribute names a person."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def open_tracer(url: str, share: float) -> "tuple[Tracer, Callable[[], None]]":
    """A tracer that sends to the collector at `url` (OTLP over HTTP), and how to end it.

    `share` of the requests are traced, from 0 to 1; a caller's own `traceparent` decides for its request. What the
    collector does not take is dropped: a decision never waits for it.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource({"service.name": "lendloop"}), sampler=ParentBased(TraceIdRatioBased(share)),
        shutdown_on_exit=False,
    )  # fmt: skip
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=2)))
    return provider.get_tracer("lendloop"), provider.shutdown
