"""Demand files as spreadsheets and pandas write them: dialects, and columns that say when."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenv
from scenv.scenario.demand import read_demand
from scenv.scenario.demand.csv_file import read_history
from scenv.scenario.fields import FieldError


def series(folder: Path, text: str, **how: object) -> dict[str, list[float]]:
    path = folder / "demand.csv"
    path.write_text(text)
    return {name: column.tolist() for name, column in read_history(path, **how).series.items()}  # type: ignore[arg-type]


PLAIN = {"north": [5.5, 6.0, 7.0], "south": [1.0, 0.0, 2.0]}


@pytest.mark.parametrize(
    "text",
    [
        "north,south\n5.5,1\n6,0\n7,2\n",
        "north;south\n5,5;1\n6;0\n7,0;2\n",
        "north;south\n5.5;1\n6;0\n7;2\n",
        "north\tsouth\n5.5\t1\n6\t0\n7\t2\n",
        "north|south\n5,5|1\n6|0\n7|2\n",
        '"north";"south"\r\n"5,5";"1"\r\n"6";"0"\r\n"7";"2"\r\n',
        ",north,south\n0,5.5,1\n1,6,0\n2,7,2\n",
        ",week,north,south\n0,10,5.5,1\n1,11,6,0\n2,12,7,2\n",
        "Datum;north;south\n01.12.2023;5,5;1\n02.12.2023;6;0\n03.12.2023;7;2\n",
        "Woche;north;south\n2024-W01;5,5;1\n2024-W02;6;0\n2024-W03;7;2\n",
        "north,when,south\n5.5,2024-01-31,1\n6,2024-02-29,0\n7,2024-03-31,2\n",
        "Q,north,south\n2023-Q4,5.5,1\n2024-Q1,6,0\n2024-Q2,7,2\n",
        "ds,north,south\n2024-01-01 22:00,5.5,1\n2024-01-01 23:00:00,6,0\n2024-01-02 00:00,7,2\n",
        "ds,north,south\n12/30/2023,5.5,1\n12/31/2023,6,0\n01/01/2024,7,2\n",
        "ds,north,south\n20240228,5.5,1\n20240229,6,0\n20240301,7,2\n",
        "date,north,south\n2024-01-03,7,2\n2024-01-02,6,0\n2024-01-01,5.5,1\n",
        "north;south;\n5,5;1;\n6;0;\n7;2;\n",
        "sep=;\r\nnorth;south\r\n5,5;1\r\n6;0\r\n7;2\r\n",
        "period,north,south\n2,6,0\n3,7,2\n1,5.5,1\n",
    ],
)
def test_the_same_series_in_many_dialects(tmp_path: Path, text: str) -> None:
    assert series(tmp_path, text) == PLAIN


def test_one_column(tmp_path: Path) -> None:
    assert series(tmp_path, "demand\n5,5\n6\n") == {"demand": [5.5, 6.0]}
    assert series(tmp_path, "\ufeffdemand\n5\n\n6\n") == {"demand": [5.0, 6.0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d,n\n2024-01-01,5\n2024-01-05,6\n2024-01-06,7\n", "2024-01-02 to 2024-01-04 are missing before data line 2"),
        ("d,n\n2024-01-06,5\n2024-01-05,6\n2024-01-03,7\n", "2024-01-04 is missing before data line 2"),
        ("d,n\n2024-01-01,5\n2024-01-02,6\n2024-01-01,7\n", "2024-01-01 stands twice, in data lines 1 and 3"),
        ("d,n\n2024-01,5\n2024-02,6\n2024-04,7\n", "2024-03 is missing"),
        ("d,n\n2023-12-31,5\n2024-01-31,6\n2024-03-31,7\n", "2024-02 is missing"),
        ("d,n\n2024-01-01 00:00,5\n2024-01-01 01:00,6\n2024-01-01 03:00,7\n", "2024-01-01 02:00:00 is missing"),
        ("d,n\n2024-01-01,5\n2024-01-08,6\n2024-01-17,7\n", "2024-01-17 in data line 3 does not follow 2024-01-08"),
        ("week,n\n1,5\n2,6\n4,7\n", "3 is missing before data line 3"),
        (",n\n0,5\n0,6\n1,7\n", "0 stands twice, in data lines 1 and 2"),
        ("d,n\n01/02/2024,5\n02/02/2024,6\n", "'01/02/2024' may be day/month or month/day"),
        ("date,n\n2024-01-01,5\nlater,6\n", "column 'date': data line 2 is no date or number of a period"),
        ("date,n\n2024-01-01,5\n2024-02-30,6\n", "data line 2 is no date or number of a period"),
        (
            "date,n\n2024-01-01,5\n02.01.2024,6\n2024-01-03,7\n",
            "or not written as those above: '02.01",
        ),
        (
            "date,n\n2024-01-01,5\n2024-01-02,6\n2024-01,7\n",
            "or not written as those above: '2024-01'",
        ),
        ("year,week,n\n2024,1,5\n2024,2,6\n", "columns 'year' and 'week' say when only together"),
        ("a;b\n1,5;2.5\n1;2\n", "column 'a': must be a finite number"),
        ('n,m\n"1,234",2\n', "column 'n': must be a finite number"),
        ('n,m\n"1,2\n', "not a valid CSV file"),
        ("d;n\n2024-01-01;5\n2024-01-02;6;7\n", "data line 2 has 3 cells, expected 2"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        series(tmp_path, text)
    assert message in str(caught.value)
    assert "demand.csv: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


GAP = "date,n\n2024-01-05,4\n2024-01-08,8\n2024-01-09,\n2024-01-10,2\n"


def test_a_rule_for_what_is_missing(tmp_path: Path) -> None:
    assert series(tmp_path, GAP, missing="zero") == {"n": [4, 0, 0, 8, 0, 2]}
    assert series(tmp_path, GAP, missing="previous") == {"n": [4, 4, 4, 8, 8, 2]}
    assert series(tmp_path, GAP.replace("09,", "09,3"), missing="skip") == {"n": [4, 8, 3, 2]}
    for rule in ("error", "skip"):  # an empty cell is not a period that the file jumps over
        with pytest.raises(FieldError, match="data line 3, column 'n': must be a finite number"):
            series(tmp_path, GAP, missing=rule)
    with pytest.raises(FieldError, match="data line 3 counts anew"):
        series(tmp_path, "week,n\n51,1\n52,2\n1,3\n", missing="skip")
    with pytest.raises(FieldError, match="needs a number in the first period"):
        series(tmp_path, "n,m\n,1\n2,1\n", missing="previous")
    with pytest.raises(FieldError, match="more than 1000000 periods"):
        series(
            tmp_path, "date,n\n2024-01-01 00:00:00,1\n2024-01-01 00:00:01,1\n2034-01-01 00:00:00,1\n", missing="zero"
        )


FORMATS = ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%G-W%V-%u", "%Y-%m-%dT00:00:00+02:00"]


@given(
    demand=st.lists(st.none() | st.integers(0, 99), min_size=3, max_size=40),
    begin=st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    form=st.sampled_from(FORMATS),
    order=st.randoms(use_true_random=False),
)
def test_days_in_any_order_and_form(demand: list[int | None], begin: date, form: str, order: Random) -> None:
    """None is a day that the file does not have; the first, second and last are there, so that a period is a day."""
    demand = [1, 2, *demand, 3]
    lines = [f"{begin + timedelta(days=k):{form}};{units}" for k, units in enumerate(demand) if units is not None]
    order.shuffle(lines)
    with TemporaryDirectory() as folder:
        text = "when;n\n" + "\n".join(lines)
        assert series(Path(folder), text, missing="zero") == {"n": [units or 0 for units in demand]}
        if None in demand:
            with pytest.raises(FieldError, match=r"(is|are) missing before data line"):
                series(Path(folder), text)


def test_the_rule_and_the_column_are_fields_of_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "demand.csv").write_text("Nr,ret_0\n3,5\n1,4\n4,6\n")
    given = {"kind": "time_series", "file": str(tmp_path / "demand.csv"), "mode": "replay"}
    with pytest.raises(scenv.ScenarioError, match=r"'Nr' is no retailer .* name it in date_column"):
        scenv.load_scenario("bg", demand=given)
    with pytest.raises(scenv.ScenarioError, match="2 is missing before data line 1"):
        scenv.load_scenario("bg", demand={**given, "date_column": "Nr"})
    scenario = scenv.load_scenario("bg", demand={**given, "date_column": "Nr", "missing": "zero"}, horizon=6)
    env = scenv.vector_env(scenario, num_envs=1)
    env.reset(seed=0)
    assert env.exogenous.demand[0, :, 0].tolist() == [4, 0, 5, 6, 4, 0]
    with pytest.raises(FieldError, match="belong to a file"):
        read_demand({"kind": "time_series", "values": [1, 2], "missing": "zero"})
    with pytest.raises(scenv.ScenarioError, match="has no column 'Nrr'"):
        scenv.load_scenario("bg", demand={**given, "date_column": "Nrr"})


def test_a_chosen_column_may_have_a_name_of_time(tmp_path: Path) -> None:
    assert series(tmp_path, "week,day\n1,2\n5,9\n", wanted=["week"]) == {"week": [1, 5]}
    assert np.allclose(series(tmp_path, "label,n\na,2\nb,9\n", wanted=["n"])["n"], [2, 9])
