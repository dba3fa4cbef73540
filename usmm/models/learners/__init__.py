"""Learners of representations: contrastive and multi-task pre-training."""
