"""Addresses as bytes, for formats that know nothing else."""

import ipaddress
from functools import lru_cache


@lru_cache(4_096)
def packed_pair(source: str, target: str) -> tuple[bytes, bytes]:
    """Two addresses of one family.

    A name, which stands where a message goes over a stream that is there, becomes the unspecified
    address; so does an address of another family than the first.
    """
    found = [_address(source), _address(target)]
    version = next((one.version for one in found if one is not None), 4)
    nobody = bytes(4 if version == 4 else 16)
    left, right = (
        one.packed if one is not None and one.version == version else nobody for one in found
    )
    return left, right


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
