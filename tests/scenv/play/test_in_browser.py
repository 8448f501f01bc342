"""The game's pages in a real browser: a whole game by keyboard, a phone, light and dark, what a screen reader needs."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenv.play.browser import installed_browser, running_server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    installed_browser()
    with running_server() as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = installed_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser: Any, width: int = 1400, scheme: str = "light") -> Any:
    """A page of a browser of its own (own cookies) that collects what goes wrong in `page.problems`."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: page.problems.append(line.text) if line.type == "error" else None)
    return page


def check_page(page: Any) -> None:
    """Nothing is wider than the screen, and axe finds nothing serious."""
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="axe-core-python is not installed")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    found = axe.Axe().run(page)["violations"]
    serious = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS]
    assert not serious


SERIOUS = ("serious", "critical")


@pytest.mark.parametrize(("width", "scheme", "view"), [(1400, "light", "own"), (400, "dark", "all")])
def test_a_whole_game_alone_by_keyboard(browser: Any, address: str, width: int, scheme: str, view: str) -> None:
    page = opened(browser, width, scheme)
    page.goto(address)
    check_page(page)
    page.click("text=Play alone")
    check_page(page)
    page.select_option("[name=view]", view)
    page.select_option("[name=rounds]", "12")
    page.click("text=Begin")
    for k in range(12):
        page.wait_for_selector(f"text=Round {k + 1} of 12")
        if k == 5:
            check_page(page)
        page.locator("body").press("Escape")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.type(str(25 + k))  # digits go to the order from anywhere
        page.keyboard.press("Enter")
    page.wait_for_selector("text=The game is over")
    check_page(page)
    assert "The game is over" in page.inner_text("#said")
    assert page.problems == []
    page.context.close()


def test_slider_arrows_reload_and_theme(browser: Any, address: str) -> None:
    page = opened(browser)
    page.goto(f"{address}/alone")
    page.select_option("[name=network]", "r2")
    page.wait_for_selector("option[value=manu_3]", state="attached")
    page.select_option("[name=firm]", "manu_3")
    page.click("text=Begin")
    page.wait_for_selector("text=You are manu_3, a manufacturer")
    page.fill("#slider", "7")
    assert page.input_value("#quantity") == "7"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowUp")
    assert page.input_value("#quantity") == page.input_value("#slider") == "8"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Round 2 of 36")
    page.reload()
    page.wait_for_selector("text=Round 2 of 36")  # a reload orders nothing
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.problems == []
    page.context.close()


def test_three_play_together_and_one_reloads(browser: Any, address: str) -> None:
    host = opened(browser)
    host.goto(f"{address}/together")
    check_page(host)
    host.select_option("[name=rounds]", "12")
    host.select_option("[name=seconds]", "0")
    host.click("button:text('Open')")
    host.wait_for_selector("h1.code")
    code = host.inner_text("h1.code")
    players = []
    for name, firm in (("Ann", "ret_0"), ("Bob", "whole_0"), ("Cem", "sup_0")):
        page = opened(browser, 400, "dark" if name == "Bob" else "light")
        page.goto(f"{address}/together")
        page.fill("#code", code.lower())
        page.click("button:text('Join')")
        page.fill("#name", name)
        page.select_option("[name=firm]", firm)
        check_page(page)
        page.click("text=Take a firm")
        page.wait_for_selector(f"text=You sit at {firm}")
        players.append(page)
    host.wait_for_selector("text=Cem")
    check_page(host)
    host.click("button:text('Start')")
    for k in range(12):
        for page in players:
            page.wait_for_selector(f"text=Round {k + 1} of 12")
            if k == 3 and page is players[1]:
                page.reload()
                page.wait_for_selector("text=You are whole_0")
                check_page(page)
            page.fill("#quantity", "32")
            page.press("#quantity", "Enter")
            page.wait_for_selector("[data-busy]", state="detached")
    for page in players:
        page.wait_for_selector("text=The game is over")
        check_page(page)
        assert page.problems == []
    host.wait_for_selector("text=The game is over")
    for page in (host, *players):
        page.context.close()
