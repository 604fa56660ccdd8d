"""The one place of Prefect: one short file per flow, and the command line."""
