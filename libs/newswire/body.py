"""Read an answer's body within bounds, and decode it as the text it is.

Both the bytes that arrive and the bytes they unpack to are bounded: a bomb of a thousand to one is stopped after the
first unpacked bytes too many.
"""

import re
import zlib
from collections.abc import Iterable, Mapping

from libs.newswire.errors import ContentRefused, FetchFailed

LARGEST_BODY = 2 * 1024 * 1024
_STEP = 65_536
_ENCODED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb18030": "gb18030",
    "gb_2312-80": "gb18030",
    "big5": "big5",
}
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE)


def read_body(chunks: Iterable[bytes], headers: Mapping[str, str], limit: int = LARGEST_BODY) -> bytes:
    """The whole body, unpacked; raises `ContentRefused` above `limit` and `FetchFailed` where it ends too early."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise ContentRefused(f"the body has {declared} bytes, more than {limit}")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return _bounded(chunks, limit)
    if encoding not in _ENCODED:
        raise ContentRefused(f"content encoding {encoding[:40]!r} was not asked for")
    return _unpacked(_bounded(chunks, limit), _ENCODED[encoding], limit)


def _bounded(chunks: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise ContentRefused(f"the body has more than {limit} bytes")
    return bytes(body)


def _unpacked(packed: bytes, window: int, limit: int) -> bytes:
    body = bytearray()
    rest = packed
    try:
        while rest:
            unpacker = zlib.decompressobj(window)
            while not unpacker.eof:
                piece = unpacker.decompress(rest, _STEP)
                rest = unpacker.unconsumed_tail
                body += piece
                if len(body) > limit:
                    raise ContentRefused(f"the body unpacks to more than {limit} bytes")
                if not rest and not piece and not unpacker.eof:
                    raise FetchFailed("the compressed body ends too early")
            rest = unpacker.unused_data
    except zlib.error as e:
        raise FetchFailed(f"the compressed body is damaged: {e}") from e
    return bytes(body)


def charset_of(content_type: str) -> str | None:
    """The charset a Content-Type header names."""
    found = re.search(r"charset\s*=\s*\"?\s*([A-Za-z0-9_-]{2,20})", content_type, re.IGNORECASE)
    return found[1].lower() if found else None


def decode(body: bytes, charset: str | None = None) -> str:
    """The text of a page: by byte-order mark, as UTF-8 where it is valid UTF-8, then as declared, then as GB18030.

    UTF-8 comes before what the page says of itself: Chinese text in GBK is practically never valid UTF-8, while
    UTF-8 read as GBK gives nonsense without any error. Nothing is replaced: undecodable bytes raise `ContentRefused`.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(body, "utf-16")
    meta = _META.search(body[:4096])
    declared = charset or (meta[1].decode("ascii").lower() if meta else None)
    if declared is not None and declared not in _CHARSETS:
        raise ContentRefused(f"charset {declared!r} is not known here")
    for candidate in dict.fromkeys(("utf-8-sig", _CHARSETS[declared] if declared else "gb18030", "gb18030")):
        try:
            return body.decode(candidate)
        except UnicodeDecodeError:
            continue
    raise ContentRefused("the bytes are no text in UTF-8, in GB18030 or in the charset declared")


def _strictly(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as e:
        raise ContentRefused(f"the bytes are no {encoding}") from e
