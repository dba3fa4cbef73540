"""Classifiers of the clinical table alone."""
