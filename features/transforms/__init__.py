"""Named, parameterised, pure Polars transforms."""
