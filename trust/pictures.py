"""Pictures somebody sends (a scanned paper, a photo): read by content, and only fresh pixels are kept.

Copying the pixels to a new image leaves behind everything a file may carry beside them: the place where a phone took it,
comments, a second file hidden after the end.
"""

import io
import warnings

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageOps, UnidentifiedImageError

from trust import uploads

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 24_000_000
LONGEST_SIDE = 2400  # an A4 page stays readable
QUALITY = 85
NOT_READ = "这个文件不是能看的照片，请用手机拍一张再传"


def keep_picture(file, *, by, purpose):
    """Keep an uploaded picture for good as a JPEG of fresh pixels; returns the Upload. Raises ValidationError."""
    if file.size > uploads.LIMIT:
        raise ValidationError(
            f"照片有 {file.size / 1024 / 1024:.1f} MB，最多 {uploads.LIMIT // 1024 // 1024} MB"
        )
    clean = SimpleUploadedFile("scan.jpg", fresh_pixels(file.read()), "image/jpeg")
    return uploads.keep(clean, by=by, purpose=purpose, content_type="image/jpeg", kept=None)


def fresh_pixels(content):
    """The bytes of a new JPEG with the pixels of ``content``, upright and at most ``LONGEST_SIDE`` long."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as found:
                width, height = found.size
                if width * height > MOST_PIXELS:
                    raise ValidationError(
                        f"照片太大（{width}×{height}），最多 {MOST_PIXELS // 10000} 万像素，请把相机调小一档再拍"
                    )
                upright = ImageOps.exif_transpose(found)
                upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                seen = upright.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError,
            Image.DecompressionBombWarning):  # fmt: skip
        raise ValidationError(NOT_READ) from None
    paper = Image.new("RGB", seen.size, "white")
    paper.paste(seen, mask=seen.getchannel("A"))
    kept = io.BytesIO()
    paper.save(kept, "JPEG", quality=QUALITY)
    return kept.getvalue()
