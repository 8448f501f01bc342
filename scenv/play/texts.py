"""Everything that the pages say, in one place; a template writes `t.NAME`, with numbers by `.format`."""

from __future__ import annotations

TITLE = "Supply chain game"
SKIP = "Skip to the page"
THEME = "Light or dark"
ERROR_TITLE = "That did not work"
NOT_FOUND = "There is no such page or game. Games are forgotten when the program ends, or after many newer ones."
TOO_LARGE = "That was too large to read."
FOREIGN = "This came from another site, and is refused."
BACK = "Back"
BACK_HOME = "Back to the start"

START_TITLE = "Run a firm in a supply chain"
START_INTRO = (
    "Each round you see what your customers ordered, serve them from stock, and decide what to order from your "
    "supplier. Too much stock costs; what you owe costs more. Everybody else does the same, and orders swing."
)
ALONE = "Alone"
ALONE_INTRO = "Take one firm of a network; policies play all the others. At the end, see what they would have paid."
ALONE_GO = "Play alone"

TOGETHER = "Together"
TOGETHER_INTRO = "For a class: players join from their phones with a code, and policies play the firms that are free."
TOGETHER_GO = "Open or join a game"
JOIN_TITLE = "Join a game"
CODE = "Code"
JOIN = "Join"
NO_CODE = "There is no game with this code."
OPEN_TITLE = "Open a game"
OPEN = "Open"
TEAMS = "Teams"
TEAMS_NOTE = "Each team has a network of its own; all meet the same demand."
TEAMS_SHOWN = "{teams} in all"
SECONDS = "Time for a round"
SECONDS_SHOWN = "{seconds} seconds"
NO_LIMIT = "until all have ordered"
NAME = "Your name"
TEAM = "Team {team}"
TAKE_SEAT = "Take a firm"
NO_SEATS = "Every firm is taken."
YOUR_TEAM = "Your team"
WAIT_START = "You sit at {firm}. The game begins when the facilitator starts it."
ORDER_WAIT = "You ordered {units}. Waiting for the others; you can still change it."
LEAVE = "Leave"
LEFT = "{seconds} seconds left"
NOT_YOURS = "You have no seat in this game; join it first."
NOT_HOST = "This screen is the facilitator's, in the browser that opened the game."
HOST_TITLE = "Game {code}"
HOST_JOIN = "Players open this address, choose Together and enter the code {code}."
HOST_START = "Start"
HOST_NEXT = "End the round now"
PLAYERS_TITLE = "Players"
NOBODY = "Nobody yet."
TEAMS_TITLE = "Teams: cost of all firms"
COLUMN_NAME = "name"
COLUMN_TEAM = "team"
COLUMN_DOING = "now"
THERE, THINKING, ORDERED, AWAY = "there", "thinking", "ordered", "away, a policy plays"

SETUP_TITLE = "A game alone"
NETWORK = "Network"
FIRM = "Your firm"
LEAD_TIME = "Shipment lead time"
LEAD_TIME_NOTE = "Rounds from shipping to receipt; an order takes one more round to reach the supplier."
LEAD_TIME_OWN = "as the network says"
COSTS = "Costs"
COSTS_OF = {
    "own": "as the network says",
    "uniform": "0.50 a unit in stock, 1.00 a unit owed, everywhere",
    "cs2000": "beer game of Chen and Samroengraja: only retailers pay for what they owe",
}
VIEW = "What you see"
VIEW_OF = {"own": "your firm only, as in the paper", "all": "every firm"}
OTHERS = "The other firms are"
DEMAND = "Customers' demand"
DEMAND_OF = {"own": "as the network says", "step": "one and a half times as much from round 5 on"}
ROUNDS = "Rounds"
ROUNDS_SHOWN = "{rounds} rounds"
BEGIN = "Begin"

POLICY_NAMES = {
    "base-stock": "Base stock (95 % service)",
    "optimised-base-stock": "Best constant levels",
    "decomposition-aggregation": "Decomposition-aggregation",
    "echelon-base-stock": "Echelon base stock",
    "reorder-point": "Reorder point (s, S)",
    "sterman": "People, as Sterman saw them",
    "anchor-and-adjust": "People, Sterman's own form",
    "pass-through": "Order what was ordered",
    "pretrained": "Pretrained network",
}
YOU = "You"

ROUND_OF = "Round {round} of {rounds}"
YOU_ARE = "You are {firm}, {role}"
ROLES = {
    "Ret": "a retailer",
    "Whole": "a wholesaler",
    "Dist": "a distributor",
    "Manu": "a manufacturer",
    "Sup": "a supplier",
}
ROLE_OF_STAGE = "{stage} stages from the customers"
YOUR_FIRM = "Your firm"
STOCK = "In stock"
OWED = "You owe"
ON_ORDER = "On order"
DEMANDED = "Ordered from you"
RECEIVED = "Arrived"
COST_NOW = "Cost of the round"
COST_TOTAL = "Cost so far"
UNIT_COSTS = "A unit in stock costs {holding:.2f} a round, a unit owed {backorder:.2f}."
ARRIVES = "What you order now arrives in {periods} rounds, if your supplier has it."
YOUR_ORDER = "Your order"
ORDER_SLIDER = "Your order, as a slider"
ORDER_BUTTON = "Order"
ORDER_KEYS = "Keys: digits or ↑ ↓ for the number, Enter to order."
NETWORK_PICTURE = "The network"
PICTURE_OWN = "Goods flow from the left (from above) to the customers; your firm is framed."
PICTURE_ALL = (
    "In each firm: stock, and what it owes after a minus sign. The wider a link, the more goods are under way on it."
)
PICTURE_LABEL = "Network of {firms} firms; yours is {firm}"
YOUR_HISTORY = "Your firm so far"
HISTORY_STOCK = "Stock and what you owe"
HISTORY_ORDERS = "Orders"
SERIES_STOCK = "stock"
SERIES_OWED = "owed"
SERIES_DEMAND = "ordered from you"
SERIES_ORDERS = "your orders"
SERIES_BEST = "{policy} in your place"
AXIS_ROUND = "round"
ALL_FIRMS = "All firms"
COLUMN_FIRM = "firm"
COLUMN_STOCK = "stock"
COLUMN_OWED = "owes"
COLUMN_ON_ORDER = "on order"
COLUMN_DEMAND = "ordered from it"
COLUMN_COST = "cost"
NUMBERS = "The same as numbers"
ANNOUNCE = "Round {round}. {demand} ordered from you, {stock} in stock, {owed} owed. Cost {cost}."

OVER_TITLE = "The game is over"
OVER_OWN = "{firm} paid {cost}. {policy} in your place, on the same demand: {best}."
OVER_BETTER = "You beat every policy."
STANDINGS = "Your cost beside every policy's"
STANDINGS_NOTE = (
    "The same demand and the same other firms ({others}); only the seat at {firm} is played by somebody else. "
    "Everybody: the cost of all firms."
)
STANDINGS_WHO = "in your seat"
STANDINGS_OWN = "your firm"
STANDINGS_ALL = "everybody"
BULLWHIP = "Orders of all firms"
BULLWHIP_NOTE = (
    "One picture a stage, all on one scale, customers first. The dark line is yours, the dashed one the stage's end "
    "demand where one firm serves it all. "
    "× is the bullwhip ratio: how much more a stage's orders vary than end demand does."
)
BULLWHIP_RATIO = "×{ratio:.1f}"
LESSONS = "Where you lost most"
LESSONS_NOTE = (
    "Each line: your order, what {policy} would have ordered having seen what you had seen, and what the difference "
    "cost your firm over the rest of the game."
)
LESSON_ROUND = "round"
LESSON_ORDERED = "you ordered"
LESSON_ADVISED = "better"
LESSON_LOSS = "it cost you"
NO_LESSONS = "No order of yours cost more than {policy}'s would have."
AGAIN = "Play again"
AGAIN_SAME = "Again, on the same demand"
CSV = "Download the game (CSV)"
SEED_NOTE = "Demand number {seed}."
