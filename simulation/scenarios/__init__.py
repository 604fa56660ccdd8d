"""Scenarios: what kind of world it is. YAML files beside this one, read into frozen models."""
