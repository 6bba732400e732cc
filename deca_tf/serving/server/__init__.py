"""A small server for a laptop: TensorFlow Serving's REST and gRPC on a folder of versions.

For development. Importing it requires the extra `serving`.
"""

from deca_tf._extras import require_extra

require_extra("serving", "The small server")
