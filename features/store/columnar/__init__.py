"""Feature tables written to online stores as columns: Feast's own bytes, without an object for each value."""
