"""The subcommands of `scenv`, one a file; `scenv.cli` registers them."""
