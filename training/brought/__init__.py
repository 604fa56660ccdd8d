"""Models that a lender brings: a `.cbm` of its own, or a points scorecard as CSV."""
