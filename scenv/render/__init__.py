"""Pictures of networks and of episodes. They need the `plot` extra (matplotlib), which is imported when one is drawn.

`draw_network` and `draw_episode` return a matplotlib `Figure` without touching pyplot, so they work in a notebook, in a
thread and on a machine without a screen; `save` writes it, `frame` turns it into an image array.
"""

from scenv.drawing.canvas import MissingPlotExtraError, frame, save
from scenv.render.episode_picture import draw_episode
from scenv.render.network_picture import draw_network

__all__ = ["MissingPlotExtraError", "draw_episode", "draw_network", "frame", "save"]
