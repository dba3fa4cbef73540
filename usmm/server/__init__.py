"""A page and an API over `usmm.inference.Predictor`, for one machine of a hospital."""
