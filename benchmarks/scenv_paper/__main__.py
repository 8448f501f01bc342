"""`python -m scenv_paper` is `pmarl-benchmark`."""

from scenv_paper.cli import main

if __name__ == "__main__":
    main()
