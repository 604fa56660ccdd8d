"""Monthly monitoring reports: the one place of Evidently, which is imported only when a report is rendered."""

from monitoring.reports.report import render, write_report

__all__ = ["render", "write_report"]
