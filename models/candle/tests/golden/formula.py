"""The weights of the small models in decoders.json.

They are multiples of a power of two with few digits, which f16 and bf16 hold exactly.
"""

import numpy as np


def values(name, shape, is_less_one):
    """The numbers of a tensor: bytes of a generator that counts from a hash of the name."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        x = np.uint64(seed) + np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    byte = (x >> np.uint64(56)).astype(np.int64) - 128
    if "norm" in name:
        # From 1/2 to 3/2, in sixteen steps.
        return ((byte >> 4) / 16 + (0 if is_less_one else 1)).reshape(shape)
    return (byte / 512).reshape(shape)
