"""`python -m benchmarks.paper` is `pmarl-benchmark`."""

from benchmarks.paper.cli import main

if __name__ == "__main__":
    main()
