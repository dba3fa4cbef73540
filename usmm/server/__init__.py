"""A page and an API over `usmm.apis.Predictor`, for one machine of a hospital."""
