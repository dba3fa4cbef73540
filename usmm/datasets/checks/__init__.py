"""Checks of a data set before training: files, units, folds, manifest."""
