"""Column names as people write them → names that every store, database and YAML file of ours accepts."""

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 48
"""Leaves room for a suffix and for a view's name in front, within the 63 characters of a database's identifier."""

OURS = {
    "event_timestamp", "created_timestamp", "observed_timestamp", "known_timestamp", "entity_id", "row_id",
    "label", "known", "closes", "value", "feature", "entity", "probability", "score",
}  # fmt: skip
"""Columns that tables and training frames have besides the file's own."""

SQL = {
    "all", "alter", "analyze", "and", "any", "array", "as", "asc", "between", "both", "by", "case", "cast",
    "check", "collate", "column", "constraint", "create", "cross", "current", "current_date", "current_time",
    "current_timestamp", "current_user", "database", "date", "day", "default", "delete", "desc", "describe",
    "distinct", "drop", "else", "end", "escape", "except", "exclude", "exists", "explain", "false", "fetch",
    "filter", "first", "for", "foreign", "from", "full", "grant", "group", "grouping", "having", "hour", "if",
    "in", "index", "inner", "insert", "interval", "into", "is", "join", "key", "last", "lateral", "left",
    "like", "limit", "local", "minute", "month", "natural", "not", "null", "of", "offset", "on", "only", "or",
    "order", "outer", "over", "partition", "pivot", "primary", "range", "references", "right", "row", "rows",
    "sample", "second", "select", "session_user", "set", "show", "similar", "some", "summarize", "symmetric",
    "table", "then", "time", "timestamp", "to", "trailing", "true", "union", "unique", "unpivot", "update",
    "user", "using", "values", "view", "when", "where", "window", "with", "year",
}  # fmt: skip
"""Words that a query engine may trip over when they stand unquoted."""


CHINESE = {
    "性别": "sex", "年龄": "age", "婚姻": "marital_status", "婚姻状况": "marital_status", "民族": "ethnicity",
    "学历": "education", "教育程度": "education", "国籍": "nationality", "宗教": "religion", "收入": "income",
    "年收入": "annual_income", "月收入": "monthly_income", "职业": "occupation", "行业": "industry", "城市": "city",
    "省份": "province", "贷款金额": "loan_amount", "贷款期限": "loan_term", "贷款用途": "loan_purpose", "利率": "rate",
    "负债": "debt", "余额": "balance", "额度": "credit_limit", "逾期天数": "days_past_due", "客户号": "customer_no",
    "申请日期": "application_date", "违约": "defaulted", "是否违约": "defaulted", "逾期": "overdue",
}  # fmt: skip
"""Names for headers that have no letter to keep."""


def is_chinese(text: str) -> bool:
    """Whether any of it is written in Chinese characters."""
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def in_chinese(header: str) -> str | None:
    """The Chinese word for a header, where there is a common one."""
    return next((word for word, name in CHINESE.items() if name == plain(header)), None)


def normalised(names: Sequence[str]) -> list[str]:
    """One distinct name for each of `names`, in order, each of the form `[a-z][a-z0-9_]*`."""
    taken: set[str] = set()
    result = []
    for position, name in enumerate(names, start=1):
        result.append(_distinct(plain(name) or f"column_{position}", taken))
        taken.add(result[-1])
    return result


def plain(name: str) -> str:
    """`name` in lower-case ASCII with underscores; empty when nothing is left of it."""
    if name.strip() in CHINESE:
        return CHINESE[name.strip()]
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", ascii_only).lower()
    text = re.sub(r"[^a-z0-9]+", "_", spaced).strip("_")[:LONGEST].rstrip("_")
    if not re.search(r"[a-z]", text):
        # Only digits left, or nothing: a bare number says less than the position in the file.
        return f"n_{text}" if text and name.isascii() else ""
    if text[0].isdigit():
        text = f"n_{text}"
    return f"{text}_field" if text in SQL | OURS else text


def words(name: str) -> list[str]:
    """The lower-case ASCII words of a name, camel case split."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFKD", name))
    return re.findall(r"[a-z0-9]+", spaced.encode("ascii", "ignore").decode().lower())


def _distinct(name: str, taken: set[str]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
