"""The grid's processes on a Ray cluster. Ray is an optional extra: `pip install "scenv[ray]"`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scenv_paper.grid import run_process


def statuses(
    address: str, processes: Sequence[tuple[list[str], str]], environment: Mapping[str, str]
) -> Iterator[tuple[int, int]]:
    """Run every (command, log file), one CPU each; yields (index, exit status) as they end.

    Args:
        address: of a cluster, as `ray.init` takes it; "local" starts one on this machine for as long as this takes.
        processes: what to run; every machine must see the same files.
        environment: variables that each process gets.

    A task that Ray loses (a machine that went away) ends with status 1: the cell is left as it was, and can be resumed.
    """
    import ray

    ray.init(address=address, log_to_driver=False)
    try:
        # As many tries as one: a cell that failed once is reported, and tried again by the next call of the grid.
        task = ray.remote(num_cpus=1, max_retries=0)(run_process)
        index_of = {task.remote(command, log, dict(environment)): i for i, (command, log) in enumerate(processes)}
        waiting = list(index_of)
        while waiting:
            (done,), waiting = ray.wait(waiting, num_returns=1)
            try:
                yield index_of[done], ray.get(done)
            except ray.exceptions.RayError:
                yield index_of[done], 1
    finally:
        ray.shutdown()
