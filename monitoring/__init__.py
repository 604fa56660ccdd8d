"""Drift, fairness over time, performance, indicators and alerts."""
