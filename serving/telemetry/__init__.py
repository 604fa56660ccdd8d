"""What operators watch of the service: counters and durations for Prometheus, traces for OpenTelemetry."""
