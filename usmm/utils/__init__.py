"""Utilities without a domain: files, names, the console, places of an installation."""
