"""The command line: one importable module per command, listed in `usmm.cli.main`."""
