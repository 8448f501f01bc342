"""The beer game in the browser, on any network and against any policy: `scenv play`. It needs the `play` extra.

The game itself (`game`, `replay`, `outcome`) is the package's own simulator and policies and knows no web; `app` shows
it. No page holds an equation: the browser sends orders and shows what comes back.
"""

from scenv.play.game import Game, Seat
from scenv.play.outcome import Lesson, Standing, lessons, standings

__all__ = ["Game", "Lesson", "Seat", "Standing", "lessons", "standings"]
