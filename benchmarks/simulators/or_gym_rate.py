"""Node-steps per CPU second of or-gym's two inventory environments with backlog, at their default sizes.

A node counts if it holds stock and orders: 3 in the serial chain (InvManagement), 6 in the network (NetInvMgmt). Each
stage orders its customers' mean demand of 20 from each supplier. Resets are not counted.
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
from or_gym.envs.supply_chain.inventory_management import InvManagementBacklogEnv  # noqa: E402
from or_gym.envs.supply_chain.network_management import NetInvMgmtBacklogEnv  # noqa: E402


def rate(env, nodes, seconds):
    """Node-steps per CPU second."""
    action = np.full(env.action_space.shape[0], 20)
    done, used = 0, 0.0
    while used < seconds:
        env.reset()
        over = False
        start = time.process_time()
        while not over:
            over = env.step(action)[2]
            done += nodes
        used += time.process_time() - start
    return done / used


request = json.load(sys.stdin)
serial, network = InvManagementBacklogEnv(), NetInvMgmtBacklogEnv()
rates = {
    "serial (InvManagement, 3 nodes)": rate(serial, serial.num_stages - 1, request["seconds"]),
    "network (NetInvMgmt, 6 nodes)": rate(network, len(network.main_nodes), request["seconds"]),
}
print(json.dumps(rates))
