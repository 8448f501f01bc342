"""A game alone over HTTP: pages, refusals, and what strangers send."""

import csv
import io
import re

import pytest
from starlette.testclient import TestClient

from scenv.play.app import make_app
from scenv.play.setup import PlaySettings


def begun(client: TestClient, **choices: str) -> str:
    answer = client.post(
        "/alone", data={"network": "bg", "rounds": "5", "seed": "7", **choices}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def ordered(client: TestClient, path: str, round_: int, quantity: str):  # type: ignore[no-untyped-def]
    return client.post(path, data={"round": str(round_), "quantity": quantity})


def test_a_whole_game_and_its_end(client: TestClient) -> None:
    path = begun(client)
    assert "Round 1 of 5" in client.get(path).text
    for k in range(5):
        answer = ordered(client, path, k, str(20 + k))
        assert answer.status_code == 200
    assert "The game is over" in answer.text
    for text in ("Where you lost most", "Best constant levels", "Orders of all firms", "Demand number 7"):
        assert text in answer.text
    rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/game.csv").text)))
    mine = [row["ordered"] for row in rows if row["firm"] == "ret_0"]
    assert [round(float(units)) for units in mine[:-1]] == [20, 21, 22, 23, 24]
    assert len(rows) == 6 * 4


def test_the_same_order_sent_twice_counts_once(client: TestClient) -> None:
    path = begun(client)
    ordered(client, path, 0, "20")
    answer = ordered(client, path, 0, "20")
    assert "Round 2 of 5" in answer.text


@pytest.mark.parametrize(
    "quantity", ["-1", "NaN", "1e300", "inf", "", "many", "1" * 10_000, "<script>alert(1)</script>"]
)
def test_bad_orders_are_refused_in_words_and_change_nothing(client: TestClient, quantity: str) -> None:
    path = begun(client)
    answer = ordered(client, path, 0, quantity)
    assert answer.status_code == 422
    assert "an order is a number from 0 to 3,200 units" in answer.text
    assert "<script>alert" not in answer.text
    assert len(answer.text) < 40_000
    assert "Round 1 of 5" in client.get(path).text


def test_a_finished_game_takes_no_order(client: TestClient) -> None:
    path = begun(client, rounds="1")
    ordered(client, path, 0, "3")
    assert "The game is over" in ordered(client, path, 1, "3").text
    assert "The game is over" in client.get(path).text


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("network", "/etc/passwd", "network: expected one of bg, r1, r2, r3"),
        ("network", "x" * 10_000, "network: expected one of"),
        ("firm", "ret_9", "firm: expected one of"),
        ("others", "os:getcwd", "others: expected one of"),
        ("others", "random", "others: expected one of"),
        ("rounds", "0", "rounds: expected a whole number from 1 to 200"),
        ("rounds", "1e9", "rounds: expected a whole number"),
        ("rounds", "9" * 5000, "rounds: expected a whole number"),
        ("lead_time", "-3", "lead_time: expected a whole number from 1 to 6"),
        ("costs", "<b>", "costs: expected one of"),
        ("view", "", "view: expected one of"),
        ("demand", "nan", "demand: expected one of"),
        ("seed", "-1", "seed: expected a whole number"),
    ],
)
def test_choices_that_were_not_offered_are_refused(client: TestClient, field: str, value: str, expected: str) -> None:
    answer = client.post("/alone", data={"network": "bg", field: value})
    assert answer.status_code == 422
    assert expected in answer.text
    assert "<b>" not in re.sub(r"<b>×", "", answer.text)
    assert len(answer.text) < 40_000


def test_a_policy_that_does_not_suit_is_refused_in_the_packages_own_words(client: TestClient) -> None:
    answer = client.post("/alone", data={"network": "bg", "costs": "uniform", "others": "optimised-base-stock"})
    assert answer.status_code == 422
    assert "a search would take minutes" in answer.text


def test_the_choices_follow_the_network(client: TestClient) -> None:
    page = client.get("/alone?network=r2&costs=uniform").text
    assert '<option value="manu_3">' in page
    assert '<option value="uniform" selected>' in page
    assert '<option value="sup_0">' in client.get("/alone").text


@pytest.mark.parametrize("view", ["own", "all"])
def test_a_player_sees_what_was_agreed(client: TestClient, view: str) -> None:
    page = client.get(begun(client, view=view, firm="whole_0")).text
    assert ("All firms" in page) == (view == "all")
    assert page.count('class="note"') == (2 if view == "own" else 8)  # firms with numbers, in two pictures


def test_demand_that_steps_up_is_what_the_customers_order(client: TestClient) -> None:
    path = begun(client, demand="step", rounds="30")
    for k in range(30):
        ordered(client, path, k, "40")
    rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/game.csv").text)))
    demand = [float(row["demand"]) for row in rows if row["firm"] == "ret_0"]
    assert sum(demand[5:]) / 26 > 1.3 * sum(demand[:5]) / 5


def test_what_is_not_there_and_what_is_not_ours(client: TestClient) -> None:
    for path in ("/alone/nobody", "/alone/nobody/game.csv", "/nowhere", "/static/../app.py"):
        assert client.get(path).status_code == 404
    assert client.post("/alone/nobody", data={"quantity": "1"}).status_code == 404
    foreign = client.post("/alone", data={"network": "bg"}, headers={"origin": "http://elsewhere.example"})
    assert foreign.status_code == 403
    assert client.post("/alone", data={"network": "b" * 100_000}).status_code == 413
    assert client.post("/alone", content=iter([b"network=bg"])).status_code == 413  # of unknown length
    assert client.get("/").status_code == 200


def test_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get(begun(client, view="all"))
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="(?!/|#)', answer.text)
    assert "style=" not in answer.text
    for path in ("play.css", "play.js", "icon.svg"):
        text = client.get(f"/static/{path}").text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_on_loopback_only_its_own_names_are_answered() -> None:
    app = make_app(PlaySettings(), ("localhost", "127.0.0.1"))
    assert TestClient(app, base_url="http://localhost").get("/").status_code == 200
    assert TestClient(app, base_url="http://evil.example").get("/").status_code == 400
