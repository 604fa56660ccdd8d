"""The one place of Feast: registry, offline and online store."""
