"""The application of `scenv play`, asked without a browser."""

import pytest

pytest.importorskip("starlette", reason='the game needs the extra: pip install "scenv[play]"')

from starlette.testclient import TestClient

from scenv.play.app import make_app
from scenv.play.setup import PlaySettings


@pytest.fixture
def client() -> TestClient:
    return TestClient(make_app(PlaySettings()), base_url="http://127.0.0.1")
