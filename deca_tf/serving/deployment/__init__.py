"""Deployment: files that start a stock TensorFlow Serving on versions, and a check of them."""
