"""The one place of Feast: registry, offline and online store. Nothing is imported here, as Feast takes seconds."""
