"""Named, parameterised, pure Polars transforms, one file an idea; `features.yaml` puts them together."""

from features.transforms import calendar, crowd, days, history, mixture, movement, values

__all__ = ["calendar", "crowd", "days", "history", "mixture", "movement", "values"]
