"""Demand files as tills and databases write them: long tables, tables across, one product of many, days into weeks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import scenv
from scenv.scenario.demand.csv_file import Layout, read_history
from scenv.scenario.fields import FieldError

#: As the Favorita data set: a line for each date, shop and family; item counts may be negative where goods came back.
FAVORITA = (
    "id,date,store_nbr,family,unit_sales\n"
    "1,2024-01-01,44,DAIRY,5\n2,2024-01-01,45,DAIRY,2\n3,2024-01-01,44,BREAD,9\n"
    "4,2024-01-02,44,DAIRY,3\n5,2024-01-02,44,DAIRY,1\n6,2024-01-03,45,DAIRY,7\n7,2024-01-03,44,DAIRY,6\n"
)
#: As the M5 data set: a line for each item and shop, a column for each day.
M5 = (
    "id,item_id,store_id,state_id,d_1,d_2,d_3\n"
    "a,HOBBIES_1,CA_1,CA,5,4,6\nb,HOBBIES_1,CA_2,CA,2,0,7\nc,FOODS_3,CA_1,CA,1,0,1\n"
)


def read(folder: Path, text: str, missing: str = "error", wanted: Any = None, **layout: Any) -> dict[str, list[float]]:
    path = folder / "sales.csv"
    path.write_text(text)
    history = read_history(path, wanted, missing=missing, layout=Layout(**layout))  # type: ignore[arg-type]
    return {name: series.tolist() for name, series in history.series.items()}


def test_a_long_table(tmp_path: Path) -> None:
    dairy = {"44": [5, 4, 6], "45": [2, 0, 7]}
    where = {"family": "DAIRY"}
    assert read(tmp_path, FAVORITA, "zero", where=where) == dairy
    assert read(tmp_path, FAVORITA, "previous", where=where) == {"44": [5, 4, 6], "45": [2, 2, 7]}
    assert read(tmp_path, FAVORITA, "zero") == {"44": [14, 4, 6], "45": [2, 0, 7]}  # families are summed
    assert read(tmp_path, FAVORITA, "zero", wanted=["45"]) == {"45": [2, 0, 7]}
    other = FAVORITA.replace("store_nbr", "Filiale").replace("unit_sales", "Stück")
    assert read(tmp_path, other, "zero", where=where, retailer_column="Filiale", quantity_column="Stück") == dairy


def test_a_table_across(tmp_path: Path) -> None:
    assert read(tmp_path, M5) == {"CA_1": [6, 4, 7], "CA_2": [2, 0, 7]}
    assert read(tmp_path, M5, where={"item_id": "HOBBIES_1"}) == {"CA_1": [5, 4, 6], "CA_2": [2, 0, 7]}
    hole = M5.replace("5,4,6", "5,,6")
    assert read(tmp_path, hole, "zero", where={"item_id": "HOBBIES_1"})["CA_1"] == [5, 0, 6]
    assert read(tmp_path, hole, "previous", where={"item_id": "HOBBIES_1"})["CA_1"] == [5, 5, 6]
    dated = M5.replace("d_1,d_2,d_3", "2024-01-03,2024-01-01,2024-01-02")
    assert read(tmp_path, dated, where={"item_id": "HOBBIES_1"})["CA_1"] == [4, 6, 5]


def test_receipts_of_a_day_are_summed_and_days_into_weeks(tmp_path: Path) -> None:
    receipts = "when,shop,qty\n2024-01-01 08:15,a,1\n2024-01-01 17:40,a,2\n2024-01-02 09:00,a,4\n"
    assert read(tmp_path, receipts) == {"a": [3, 4]}
    days = "date,a\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 17))
    (tmp_path / "days.csv").write_text(days)
    weeks = read_history(tmp_path / "days.csv", layout=Layout(sum_periods=7))
    assert (weeks.series["a"].tolist(), weeks.period) == ([28, 77], "week")


def test_goods_that_came_back_are_no_demand(tmp_path: Path) -> None:
    for text in (FAVORITA.replace("DAIRY,1\n", "DAIRY,-1\n"), "date,a\n2024-01-01,4\n2024-01-02,-1\n"):
        with pytest.raises(FieldError, match="got '-1'; say returns: zero"):
            read(tmp_path, text, "zero")
    assert read(tmp_path, FAVORITA.replace("DAIRY,1\n", "DAIRY,-1\n"), "zero", returns="zero")["44"] == [14, 3, 6]


def test_a_retailer_may_be_called_shop(tmp_path: Path) -> None:
    assert read(tmp_path, "date,shop\n2024-01-01,4\n2024-01-02,1\n") == {"shop": [4, 1]}
    plain = "shop,kiosk_1,kiosk_2,kiosk_3\n1,2,3,4\n5,6,7,8\n"
    assert read(tmp_path, plain)["kiosk_3"] == [4, 8]


def test_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    from datetime import datetime

    book = openpyxl.Workbook()
    for row in (["Datum", "shop", "units"], [datetime(2024, 1, 1), "a", 3], [datetime(2024, 1, 2), "a", 2.5]):
        book.active.append(row)
    book.save(tmp_path / "sales.xlsx")
    history = read_history(tmp_path / "sales.xlsx")
    assert ({name: units.tolist() for name, units in history.series.items()}, history.period) == (
        {"a": [3, 2.5]},
        "day",
    )


@pytest.mark.parametrize(
    ("text", "layout", "message"),
    [
        (FAVORITA, {}, "'45' has no line for 2024-01-02, which others have; say what that is with missing: zero"),
        (FAVORITA.replace("01-03", "01-05"), {"where": {"family": "DAIRY"}}, "'45' has no line for 2024-01-02"),
        (FAVORITA, {"where": {"famly": "DAIRY"}}, "has no column 'famly' (did you mean 'family'?) for where"),
        (FAVORITA, {"where": {"family": "DIARY"}}, "no line has 'DIARY' in column 'family' (did you mean 'DAIRY'?)"),
        (FAVORITA, {"retailer_column": "store"}, "has no column 'store'"),
        (FAVORITA, {"quantity_column": "units"}, "has no column 'units'"),
        (FAVORITA.replace("unit_sales", "x"), {"retailer_column": "store_nbr"}, "which column holds the quantities"),
        (FAVORITA.replace(",9\n", ",nine\n"), {}, "data line 3, column 'unit_sales': must be a finite number"),
        (FAVORITA.replace("2024-01-02,44", "soon,44"), {}, "column 'date': data line 4 is no date"),
        (M5.replace("5,4,6", "5,,6"), {}, "data line 1, column 'd_2': must be a finite number from 0"),
        ("date,a\n2024-01-01,4\n", {"where": {"a": "4"}}, "need a column of shops; name it in retailer_column"),
        ("date,a\n2024-01-01,4\n", {"sum_periods": 7}, "sum_periods is 7, more than the 1 periods of the file"),
        (
            "date,shop,qty\n2024-01-01,a,1\n2024-01-02,a,1\n2024-01-05,a,1\n",
            {},
            "2024-01-03 to 2024-01-04 are missing;",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    tmp_path: Path, text: str, layout: dict[str, Any], message: str
) -> None:
    with pytest.raises(FieldError) as caught:
        read(tmp_path, text, **layout)
    assert message in str(caught.value)
    assert "sales.csv: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_products_of_a_file_are_scenarios_of_one_network(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(M5)
    for item, first in (("HOBBIES_1", 5), ("FOODS_3", 1)):
        (tmp_path / "item.yaml").write_text(
            "network: bg\nhorizon: 6\ndemand:\n  kind: time_series\n  file: sales.csv\n  mode: replay\n"
            f"  columns: {{ret_0: CA_1}}\n  where: {{item_id: {item}}}\n"
        )
        env = scenv.vector_env(tmp_path / "item.yaml", num_envs=1)
        env.reset(seed=0)
        assert env.exogenous.demand[0, 0, 0] == first
    given = {"kind": "time_series", "file": str(tmp_path / "sales.csv"), "columns": {"ret_0": "CA_9"}}
    with pytest.raises(scenv.ScenarioError, match="has no line of 'CA_9'"):
        scenv.load_scenario("bg", demand=given)
