"""Seeds of parts, drawn from one."""

import zlib


def derived_seed(seed, role):
    """The seed of one part, drawn from a seed and the part's name.

    No two parts share random numbers.

    Example:
        >>> derived_seed(0, "target") == derived_seed(0, "auxiliary")
        False
    """
    return zlib.crc32(f"{seed}/{role}".encode()) & 0x7FFFFFFF
