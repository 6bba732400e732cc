"""Deployment: the files that start a stock TensorFlow Serving on a folder of versions, and a check of all of it."""
