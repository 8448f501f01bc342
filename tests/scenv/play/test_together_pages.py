"""A game in class over HTTP: who may do what, and what strangers send."""

import pytest
from starlette.testclient import TestClient


def another(client: TestClient) -> TestClient:
    """Another browser at the same server."""
    return TestClient(client.app, base_url="http://127.0.0.1")


def opened(client: TestClient, **choices: str) -> str:
    data = {"network": "bg", "rounds": "2", "seconds": "0", **choices}
    answer = client.post("/together/open", data=data, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).split("/")[2]


def seated(client: TestClient, code: str, name: str, firm: str, team: str = "1") -> TestClient:
    browser = another(client)
    answer = browser.post(f"/together/{code}/sit", data={"name": name, "firm": firm, "team": team})
    assert "You sit at" in answer.text or "Round" in answer.text, answer.text
    return browser


def test_a_whole_game_of_two_and_its_results(client: TestClient) -> None:
    code = opened(client)
    ann, bob = seated(client, code, "Ann", "ret_0"), seated(client, code, "Bob", "sup_0")
    host = f"/together/{code}/host"
    assert "Ann" in client.get(host).text
    client.post(host, data={"do": "start"})
    for k in range(2):
        for browser in (ann, bob):
            browser.post(f"/together/{code}", data={"round": str(k), "quantity": "30"})
    for browser in (ann, bob):
        page = browser.get(f"/together/{code}").text
        assert "Where you lost most" in page
        assert "Your team" in page
    table = client.get(f"/together/{code}/game.csv").text
    assert "Ann" in table
    assert "1,Bob,0,sup_0" in table


def test_a_lost_connection_comes_back_into_its_seat(client: TestClient) -> None:
    code = opened(client)
    ann = seated(client, code, "Ann", "ret_0")
    client.post(f"/together/{code}/host", data={"do": "start"})
    token = ann.cookies.get(f"seat_{code}")
    again = another(client)
    assert "Take a firm" in again.get(f"/together/{code}").text
    again.cookies.set(f"seat_{code}", token)
    assert "You are ret_0" in again.get(f"/together/{code}").text


@pytest.mark.parametrize("quantity", ["-1", "NaN", "1e300", "", "<i>"])
def test_bad_orders_are_refused(client: TestClient, quantity: str) -> None:
    code = opened(client)
    ann = seated(client, code, "Ann", "ret_0")
    client.post(f"/together/{code}/host", data={"do": "start"})
    answer = ann.post(f"/together/{code}", data={"round": "0", "quantity": quantity})
    assert answer.status_code == 422
    assert "an order is a number" in answer.text
    assert "Round 1 of 2" in ann.get(f"/together/{code}").text


@pytest.mark.parametrize("name", ["x" * 10_000, "<script>alert(1)</script>", "", "=cmd"])
def test_bad_names_are_refused(client: TestClient, name: str) -> None:
    code = opened(client)
    answer = another(client).post(f"/together/{code}/sit", data={"name": name, "firm": "ret_0", "team": "1"})
    assert answer.status_code == 422
    assert "a name has" in answer.text
    assert "<script>alert" not in answer.text
    assert "Nobody yet" in client.get(f"/together/{code}/host").text


@pytest.mark.parametrize(
    ("firm", "team"), [("ret_0", "1"), ("ret_9", "1"), ("dist_0", "2"), ("dist_0", "-1"), ("", "")]
)
def test_seats_that_are_taken_or_none_are_refused(client: TestClient, firm: str, team: str) -> None:
    code = opened(client)
    seated(client, code, "Ann", "ret_0")
    answer = another(client).post(f"/together/{code}/sit", data={"name": "Eve", "firm": firm, "team": team})
    assert answer.status_code == 422
    assert "Eve" not in client.get(f"/together/{code}/host").text


def test_strangers_steer_and_order_nothing(client: TestClient) -> None:
    code = opened(client)
    ann, eve = seated(client, code, "Ann", "ret_0"), another(client)
    for browser in (ann, eve):
        assert browser.get(f"/together/{code}/host").status_code == 403
        assert browser.post(f"/together/{code}/host", data={"do": "start"}).status_code == 403
        assert browser.get(f"/together/{code}/game.csv").status_code == 403
    eve.cookies.set(f"seat_{code}", "guessed")
    assert eve.post(f"/together/{code}", data={"round": "0", "quantity": "5"}).status_code == 403
    for path in ("/together/NOONE", "/together/NOONE/host", "/together/NOONE/state"):
        assert eve.get(path).status_code == 404
    assert "There is no game" in eve.post("/together/find", data={"code": "<b>" * 1000}).text


def test_a_closed_game_takes_nobody(client: TestClient) -> None:
    code = opened(client, rounds="1")
    ann = seated(client, code, "Ann", "ret_0")
    client.post(f"/together/{code}/host", data={"do": "start"})
    client.post(f"/together/{code}/host", data={"do": "next", "round": "0"})
    assert "The game is over" in ann.post(f"/together/{code}", data={"round": "1", "quantity": "5"}).text
    answer = another(client).post(f"/together/{code}/sit", data={"name": "Eve", "firm": "sup_0", "team": "1"})
    assert "game is over" in answer.text
    assert client.post("/together/open", data={"teams": "41"}).status_code == 422
    assert client.post("/together/open", data={"seconds": "-5"}).status_code == 422
