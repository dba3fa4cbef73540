"""Hooks: checkpoints and random state of a stage, progress, detection of collapsed features."""
