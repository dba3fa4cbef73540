"""Cross-validation, single folds, out-of-fold scores and studies of several configurations."""
