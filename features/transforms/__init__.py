"""Named, parameterised, pure Polars transforms, one file an idea; `features.yaml` puts them together."""

from features.transforms import calendar, crowd, history, values

__all__ = ["calendar", "crowd", "history", "values"]
