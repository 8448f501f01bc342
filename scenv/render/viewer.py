"""Watching an environment while it runs: the three render modes of PettingZoo and Gymnasium."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from scenv.drawing.canvas import frame, require_matplotlib
from scenv.evaluation.episode import EpisodeRecorder
from scenv.render.episode_picture import draw_episode
from scenv.render.text import period_table
from scenv.simulation.dynamics import LocalState
from scenv.simulation.vector_env import VectorEnv

__all__ = ["RENDER_MODES", "Viewer"]

_LOOK = 0.1
"""Seconds that a window stays responsive after each picture, and that a person has to look at it."""

RENDER_MODES: Final = ("human", "ansi", "rgb_array")


class Viewer:
    """Shows the first row of a vector environment.

    - "ansi": `render` returns a table of the period just observed.
    - "rgb_array": `render` returns the episode so far as a picture, [height, width, 3] uint8, always of one size.
    - "human": that picture in a window, renewed every period; where there is no screen, the table on standard output.
    """

    def __init__(self, batch: VectorEnv, mode: str) -> None:
        """Raises ValueError for an unknown mode, MissingPlotExtraError for "rgb_array" without matplotlib."""
        if mode not in RENDER_MODES:
            raise ValueError(f"render_mode must be None or one of {list(RENDER_MODES)}, got {mode!r}")
        if mode == "rgb_array":
            require_matplotlib()
        self._batch = batch
        self._mode = mode
        self._recorder = EpisodeRecorder(batch.scenario)
        self._window = _open_window() if mode == "human" else None

    def observe(self) -> None:
        """Take in the period just observed; call after every `reset` and every step."""
        if self._mode == "rgb_array" or self._window is not None:
            self._recorder.observe(self._batch)
        if self._mode == "human":
            self.render()

    def render(self) -> str | np.ndarray | None:
        """The present view, as the mode says; None in mode "human"."""
        if self._mode == "ansi":
            return self._table()
        if self._mode == "rgb_array":
            return frame(draw_episode(self._recorder.episode()))
        if self._window is None:
            print(self._table(), flush=True)
        else:
            self._window.show(frame(draw_episode(self._recorder.episode())))
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _table(self) -> str:
        batch = self._batch
        local = LocalState(*(column[0] for column in batch.local_state))
        return period_table(batch.period, batch.agents, local, batch.last_info["cost"][0])


class _Window:
    """A pyplot window that shows images one after the other."""

    def __init__(self, pyplot: Any) -> None:
        self._pyplot = pyplot
        self._figure: Any = None

    def show(self, image: np.ndarray) -> None:
        if self._figure is None:
            self._figure = self._pyplot.figure("scenv", figsize=(image.shape[1] / 100, image.shape[0] / 100), dpi=100)
            axes = self._figure.add_axes((0, 0, 1, 1))
            axes.axis("off")
            self._image = axes.imshow(image)
        self._image.set_data(image)
        self._figure.canvas.draw()  # now: an event loop this short may not come to it
        self._pyplot.pause(_LOOK)

    def close(self) -> None:
        if self._figure is not None:
            self._pyplot.close(self._figure)


def _open_window() -> _Window | None:
    """A window where matplotlib is installed and has a screen to draw on, else None."""
    try:
        import matplotlib
        from matplotlib import pyplot
        from matplotlib.backends.registry import BackendFilter, backend_registry
    except ImportError:
        return None
    backends = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]
    interactive = [name.lower() for name in backends]
    return _Window(pyplot) if matplotlib.get_backend().lower() in interactive else None
