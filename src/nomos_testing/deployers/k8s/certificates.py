"""The end of a certificate's validity, from its file. Python's ``ssl`` shows only the certificates of peers."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG_FORM: Final = 0x80
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


def expiry_of(file: Path) -> datetime | None:
    """Return the end of validity of the first certificate of a PEM file; None if there is no such thing."""
    try:
        _, begin, rest = file.read_text(encoding="ascii").partition(_BEGIN)
        certificate, end, _ = rest.partition(_END)
        return not_after(ssl.PEM_cert_to_DER_cert(f"{begin}{certificate}{end}"))
    except (OSError, ValueError, IndexError):
        return None


def not_after(der: bytes) -> datetime:
    """Return the end of validity of a certificate in DER (RFC 5280, section 4.1).

    Raises:
        ValueError, IndexError: it is no certificate.
    """
    _, certificate, _ = _element(der)
    _, fields, _ = _element(certificate)
    tag, _, rest = _element(fields)
    # The version is optional. Then come serial number, signature algorithm and issuer.
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _element(rest)
    tag, validity, _ = _element(rest)
    if tag != _SEQUENCE:
        raise ValueError("no validity in the certificate")
    _, _, rest = _element(validity)
    tag, end, _ = _element(rest)
    text = end.decode("ascii")
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Split the first element off: its tag, its content, and the bytes behind it."""
    tag, length, start = data[0], data[1], 2
    if length & _LONG_FORM:
        start += length & ~_LONG_FORM
        length = int.from_bytes(data[2:start], "big")
    return tag, data[start : start + length], data[start + length :]
