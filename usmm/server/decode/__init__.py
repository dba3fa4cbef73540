"""Decoding of uploaded files in confined processes."""
