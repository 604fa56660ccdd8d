"""A CSV of applications is read cell by cell: the one that is wrong is named, by row and column, and no other."""

from pathlib import Path
from typing import Any

import pytest

from flows.cells import BadCell, read_cells


def rows(folder: Path, text: str, entity: str = "int") -> list[dict[str, Any]]:
    file = folder / "applications.csv"
    file.write_text(text)
    return read_cells(file, entity).to_dicts()


def test_each_column_is_what_requests_take(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "entity_id,amount,purpose,term_months,annual_rate,refuse_automation,other\n"
        "1,20000,1,12,0.18,true,x\n2,1e5,,,0,False,\n",
    )
    first = {"entity_id": 1, "amount": 20000.0, "purpose": "1", "term_months": 12, "annual_rate": 0.18}
    assert found[0] == {**first, "refuse_automation": True, "other": "x"}
    second = {"entity_id": 2, "amount": 100000.0, "purpose": None, "term_months": None, "annual_rate": 0.0}
    assert found[1] == {**second, "refuse_automation": False, "other": None}
    assert type(found[0]["amount"]) is float


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_columns_may_be_separated_as_spreadsheets_do(tmp_path: Path, separator: str) -> None:
    text = "entity_id,amount,other\n1,20000,a b\n2,,\n".replace(",", separator)
    assert [list(row.values()) for row in rows(tmp_path, text)] == [[1, 20000.0, "a b"], [2, None, None]]


def test_the_column_of_ids_says_what_separates(tmp_path: Path) -> None:
    assert rows(tmp_path, "entity_id,utm|src|med|x\n1,a|b|c|d\n") == [{"entity_id": 1, "utm|src|med|x": "a|b|c|d"}]


def test_ids_that_are_texts_stay_as_they_are_written(tmp_path: Path) -> None:
    assert [row["entity_id"] for row in rows(tmp_path, "entity_id\n007\nA-1\n", "string")] == ["007", "A-1"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["1,100,,", "2,100,,", "3,,,", '4,"20,000",,', "5,x,,"], r"row 4: amount: expected a number, without sep"),
        (["1,100,,", "2,100,12.5,", "3,x,,"], r"row 2: term_months: expected a whole number"),
        (["1,,,maybe"], r"row 1: refuse_automation: expected true or false"),
        (["1,,,", "01,,,"], r"row 2: entity_id: expected an integer without leading zeros"),
        (["1,,,", "9223372036854775808,,,"], r"row 2: entity_id: expected an integer"),
        (["1,1,,"] * 500 + ["Jane Doe,1,,"], r"row 501: entity_id: expected an integer"),
    ],
)
def test_the_first_cell_that_is_wrong_is_named_and_its_value_is_not(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(BadCell, match=told) as caught:
        rows(tmp_path, "\n".join(["entity_id,amount,term_months,refuse_automation", *lines]))
    assert not any(word in str(caught.value) for word in ("20,000", "12.5", "maybe", "Jane", "9223"))
