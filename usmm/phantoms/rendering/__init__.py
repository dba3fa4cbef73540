"""Rendering of synthetic images and clips."""
