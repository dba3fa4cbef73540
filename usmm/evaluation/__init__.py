"""Evaluation: `stats` holds pure functions, `metrics` wraps them for mmengine's evaluator."""
