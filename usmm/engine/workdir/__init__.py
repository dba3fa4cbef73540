"""The work directory of a run: its files, their contents, progress, and how results are gathered."""
