"""A small server for a laptop: TensorFlow Serving's REST and gRPC on a folder of versions.

For development.
"""
