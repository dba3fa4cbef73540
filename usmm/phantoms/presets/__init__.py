"""Presets of synthetic patients, one module per preset."""
