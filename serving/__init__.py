"""Policy, reasons, decisions, releases, the decision log and the API."""
