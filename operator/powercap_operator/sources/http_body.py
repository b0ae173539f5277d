"""Bodies of HTTP answers, decompressed piece by piece and never beyond a limit.

httpx decompresses whole network chunks, so that a few kilobytes can become gigabytes before anyone can look
at them. Here every step may produce at most what is still allowed.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]  # ships no types; wrapped by _Brotli

ACCEPT_ENCODING: Final = "gzip, br"
"""What ``decoded`` understands."""


_MOST_PIECES: Final = 10_000
"""An answer comes in some hundreds; each takes processor time, however small it is."""


class BodyError(ValueError):
    """The body is broken or in an encoding that was not asked for."""


class BodyTooLarge(BodyError):  # noqa: N818 - says what it is
    """The decompressed body is larger than allowed."""


class _Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Decompress, giving at most about ``room`` bytes more than asked for."""
        ...

    @property
    def whole(self) -> bool:
        """The body has come to its end."""
        ...


class _Identity:
    whole = True

    def feed(self, data: bytes, room: int) -> bytes:
        del room
        return data


class _Zlib:
    """gzip and zlib, which zlib tells apart by itself."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._empty = True

    def feed(self, data: bytes, room: int) -> bytes:
        """Decompress; what does not fit into ``room`` is dropped, for it is too much anyway."""
        self._empty = self._empty and not data
        return self._inner.decompress(data, room)

    @property
    def whole(self) -> bool:
        """Whether the end mark was seen; an empty body needs none."""
        return self._inner.eof or self._empty


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._empty = True

    def feed(self, data: bytes, room: int) -> bytes:
        """Decompress; what does not fit into ``room`` is dropped, for it is too much anyway."""
        self._empty = self._empty and not data
        parts = []
        while True:
            part: bytes = self._inner.process(data, output_buffer_limit=room)
            parts.append(part)
            room -= len(part)
            if room <= 0 or self._inner.can_accept_more_data() or self._inner.is_finished():
                return b"".join(parts)
            data = b""

    @property
    def whole(self) -> bool:
        """Whether the end mark was seen; an empty body needs none."""
        return bool(self._inner.is_finished()) or self._empty


_DECODERS: Final[dict[str, type[_Decoder]]] = {
    "": _Identity,
    "identity": _Identity,
    "gzip": _Zlib,
    "x-gzip": _Zlib,
    "deflate": _Zlib,
    "br": _Brotli,
}


async def decoded(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """Put a body together.

    Raises:
        BodyTooLarge: more than ``limit`` bytes once decompressed; reading stops there.
        BodyError: an unknown encoding, broken data, an end before the end, or too many pieces.
    """
    make = _DECODERS.get(encoding.strip().lower())
    if make is None:
        raise BodyError(f"the answer is encoded as {encoding[:40]!r}, {ACCEPT_ENCODING} was asked for")
    decoder = make()
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks:
            part = decoder.feed(chunk, limit + 1 - size)
            parts.append(part)
            size += len(part)
            if len(parts) > _MOST_PIECES:
                raise BodyError(f"the answer comes in more than {_MOST_PIECES} pieces")
            if size > limit:
                raise BodyTooLarge(f"the answer has more than {limit / 1e6:.1f} MB")
    except (zlib.error, brotli.error) as error:
        raise BodyError(f"the answer's {encoding} data is broken") from error
    if not decoder.whole:
        raise BodyError("the answer ended before its end")
    return b"".join(parts)
