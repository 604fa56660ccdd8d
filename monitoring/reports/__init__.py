"""The one place of Evidently: reports for people."""
