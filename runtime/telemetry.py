"""Logs and traces. Phone numbers and speech go under keys that begin with `pii.` and are masked here."""

import logging
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from runtime.masking import masked_for_log

PII: Final = "pii."


def mask_pii(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values under `pii.*` are masked, also in dictionaries."""
    for key, value in event.items():
        if key.startswith(PII):
            event[key] = masked_for_log(value)
        elif isinstance(value, dict):
            event[key] = mask_pii(_logger, _method, dict(value))
    return event


def set_up_logs(service: str, log_format: str) -> None:
    """Write every line, ours and the libraries', as one JSON object (or coloured text) to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_pii,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # These log every fetch and every commit, and httpx the whole address, which may hold a provider's key.
    for chatty in ("aiokafka", "botocore", "boto3", "urllib3", "uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def set_up_traces(service: str, version: str, otlp_endpoint: str) -> None:
    """Export spans if there is an address for them; without one, making them costs nothing either."""
    if not otlp_endpoint:
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"ringback-{service}", "service.version": version})
    )
    _export(provider, otlp_endpoint)
    trace.set_tracer_provider(provider)


def _export(provider: TracerProvider, endpoint: str) -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found, unused-ignore]
            OTLPSpanExporter,
        )
    except ImportError:
        structlog.get_logger().warning(
            "traces go nowhere: opentelemetry-exporter-otlp-proto-http is missing", endpoint=endpoint
        )
        return
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
