"""What the user of `pmarl-benchmark` can mend."""


class UsageError(Exception):
    """One line that says what to mend; exit code 2."""
