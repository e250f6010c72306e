"""Pictures of telephones: read within bounds and written again, so that what is stored is a picture and nothing else.

Where it was taken, by which telephone, and whatever else a file carries stays out.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from bkkenergy.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_FILE_BYTES = 12_000_000
MAX_PIXELS = 60_000_000
MIN_SIDE, MAX_SIDE = 32, 1_600
JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it is stored: a JPEG, upright, no side longer than MAX_SIDE."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The hash of what is stored."""
        return hashlib.sha256(self.content).hexdigest()


def read_photo(content: bytes) -> Photo:
    """Return a picture written again. Raises InputError for what is no picture, too large, too small, or damaged."""
    if len(content) > MAX_FILE_BYTES:
        raise InputError.of("photo_large", max=MAX_FILE_BYTES // 1_000_000)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise InputError.of("photo_large", max=MAX_FILE_BYTES // 1_000_000)
                picture.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a JPEG is decoded at the size that is wanted
                upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError.of("photo_unread") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # a file that ends early, or is damaged
        raise InputError.of("photo_unread") from error
    if min(upright.size) < MIN_SIDE:
        raise InputError.of("photo_unread")
    upright.thumbnail((MAX_SIDE, MAX_SIDE))
    upright.info.clear()  # comments, profiles of colour: Pillow would write them again
    written = io.BytesIO()
    upright.save(written, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return Photo(written.getvalue(), *upright.size)
