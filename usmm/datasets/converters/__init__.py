"""Converters of public data sets, one module per data set."""
