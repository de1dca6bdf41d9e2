"""Pictures of the stream: a header of 32 bytes and what follows it, as numpy arrays."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .errors import NeuroreelError
from .png import encode_png

Pixels = npt.NDArray[np.uint8]

HEADER_BYTES = 32
HEADER_VERSION = 1
_FIELDS = struct.Struct(">BBBBIIIHHfQ")
_KINDS = {1: "frame", 2: "sheet", 3: "strip"}
_CODECS = {1: "jpeg", 2: "webp", 3: "png", 4: "raw"}
_FLAG_REPLAY = 1


@dataclass(frozen=True)
class Frame:
    """A picture of a job: one frame of its video, or several tiled (a sheet, a strip)."""

    job: str
    #: `frame`, `sheet` or `strip`.
    kind: str
    #: `raw`, `jpeg`, `webp` or `png`.
    codec: str
    flags: int
    #: Number of the subscription.
    stream: int
    #: Iterations done when it was made.
    step: int
    #: Index of the frame in the video; None of a sheet or strip.
    index: Optional[int]
    #: Tiles in a row; 1 of a single frame.
    columns: int
    #: Size of one frame (one tile) in pixels.
    width: int
    height: int
    #: The unit's activation at that step.
    activation: float
    time: datetime
    #: The picture as it came: a file, or RGB bytes row by row.
    picture: bytes = field(repr=False)
    #: Frames of the video, if known: a sheet may have more tiles.
    frames: Optional[int] = None

    @property
    def is_replay(self) -> bool:
        """Whether it is played from what the job kept."""
        return bool(self.flags & _FLAG_REPLAY)

    @cached_property
    def pixels(self) -> Pixels:
        """RGB pixels [height, width, 3] of the whole picture.

        Raises NeuroreelError (IMAGE_UNREADABLE) when it cannot be decoded.
        """
        return _decode(self)

    @property
    def tiles(self) -> Pixels:
        """The frames of the picture one by one, [frames, height, width, 3]."""
        pixels = self.pixels
        rows, columns = pixels.shape[0] // self.height, pixels.shape[1] // self.width
        tiled = pixels[: rows * self.height, : columns * self.width].reshape(rows, self.height, columns, self.width, 3)
        tiles: Pixels = tiled.swapaxes(1, 2).reshape(rows * columns, self.height, self.width, 3)
        return tiles[: self.frames] if self.kind == "sheet" and self.frames else tiles

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> npt.NDArray[Any]:
        return np.array(self.pixels, dtype=dtype) if copy else np.asarray(self.pixels, dtype=dtype)

    def _repr_png_(self) -> bytes:
        return self.picture if self.codec == "png" else encode_png(self.pixels)


def decode_frame(job: str, message: bytes, frames: Optional[int] = None) -> Frame:
    """A binary message of the stream as a frame.

    Raises NeuroreelError (PROTOCOL_MISMATCH) when it is of another version, or no frame at all.
    """
    if len(message) < HEADER_BYTES:
        raise NeuroreelError("PROTOCOL_MISMATCH", f"A frame has {HEADER_BYTES} bytes at least, got {len(message)}.")
    version, kind, codec, flags, stream, step, number, width, height, activation, micros = _FIELDS.unpack_from(message)
    if version != HEADER_VERSION or kind not in _KINDS or codec not in _CODECS:
        raise NeuroreelError("PROTOCOL_MISMATCH", f"A frame of version {version}, kind {kind}, codec {codec} came.")
    single = _KINDS[kind] == "frame"
    return Frame(
        job=job,
        kind=_KINDS[kind],
        codec=_CODECS[codec],
        flags=flags,
        stream=stream,
        step=step,
        index=number if single else None,
        columns=1 if single else number,
        width=width,
        height=height,
        activation=activation,
        time=datetime.fromtimestamp(micros / 1e6, timezone.utc),
        picture=message[HEADER_BYTES:],
        frames=frames,
    )


def _decode(frame: Frame) -> Pixels:
    if frame.codec == "raw":
        row = frame.width * frame.columns * 3
        if row == 0 or len(frame.picture) % row != 0:
            raise NeuroreelError("IMAGE_UNREADABLE", f"A raw frame of {len(frame.picture)} bytes has no whole rows.")
        return np.frombuffer(frame.picture, np.uint8).reshape(-1, row // 3, 3)
    try:
        from PIL import Image
    except ImportError as error:
        raise NeuroreelError("IMAGE_UNREADABLE", f"Pillow is needed to decode {frame.codec}.") from error
    try:
        return np.asarray(Image.open(io.BytesIO(frame.picture)).convert("RGB"))
    except Exception as error:
        raise NeuroreelError("IMAGE_UNREADABLE", f"A frame of format {frame.codec} cannot be decoded.") from error
