"""Text that is meant as a number: thousands separators, decimal commas, currency signs, percent."""

from dataclasses import dataclass

import polars as pl

ENOUGH = 0.98
"""Share of the texts that must be numbers; the rest becomes missing, and the note says how many."""

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
COMMA_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
POINT_THOUSANDS = r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"
DECIMAL_COMMA = r"^[+-]?\d+,\d+$"
DECORATION = r"[$€£¥￥₹\s'’]|^(USD|EUR|GBP|CNY|RMB|TWD|NTD?)|(USD|EUR|GBP|CNY|RMB|TWD|元|%)$"


@dataclass(frozen=True)
class Numbers:
    """Numbers (null where the text is none), whether all are whole, and how the text was written if not plainly."""

    values: pl.Series
    whole: bool
    written: str

    @property
    def share(self) -> float:
        """Share of the given values that are numbers."""
        return 1 - self.values.null_count() / max(len(self.values), 1)


def read_numbers(text: pl.Series) -> Numbers:
    """The numbers in `text`, which must have no nulls."""
    quick = text.cast(pl.Float64, strict=False)
    if quick.null_count() == 0 and bool(quick.is_finite().all()):
        return _numbers(quick, "")
    plain = _cast(text, PLAIN)
    if plain.null_count() == 0:
        return _numbers(plain, "")
    bare = text.str.replace_all(DECORATION, "")
    plain = _cast(bare, PLAIN)
    if plain.null_count() == 0:
        return _numbers(plain, _decoration(text, bare, plain))
    comma = _filled(_cast(bare, COMMA_THOUSANDS, drop=","), plain)
    decimals = _filled(_cast(bare, DECIMAL_COMMA, decimal=","), plain)
    point = _filled(_cast(bare, POINT_THOUSANDS, drop=".", decimal=","), decimals)
    by_comma = comma.count() >= point.count()
    best, written = (comma, "thousands separated by commas") if by_comma else (point, "decimal commas")
    ways = [written] if best.count() > plain.count() else []
    return _numbers(best, ", ".join(filter(None, [*ways, _decoration(text, bare, best)])))


def _decoration(text: pl.Series, bare: pl.Series, values: pl.Series) -> str:
    return "currency or percent signs" if ((text != bare) & values.is_not_null()).any() else ""


def _numbers(values: pl.Series, written: str) -> Numbers:
    whole = bool((values.drop_nulls() % 1 == 0).all()) and bool((values.drop_nulls().abs() < 2**53).all())
    return Numbers(values, whole, written)


def _cast(text: pl.Series, shape: str, drop: str = "", decimal: str = ".") -> pl.Series:
    fits = pl.select(pl.when(text.str.contains(shape)).then(text)).to_series()
    if drop:
        fits = fits.str.replace_all(drop, "", literal=True)
    values = fits.str.replace(decimal, ".", literal=True).cast(pl.Float64, strict=False)
    return pl.select(pl.when(values.is_finite()).then(values)).to_series()


def _filled(first: pl.Series, second: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(first, second)).to_series()
