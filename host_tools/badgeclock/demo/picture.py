"""Screens of the display side by side in one picture, for the documentation."""

import io
from collections.abc import Sequence

from PIL import Image

GAP_PX = 16
COLUMNS = 3
PAPER = "#10151c"


def contact_sheet(screens: Sequence[bytes]) -> bytes:
    """One PNG of `screens` (PNGs of one size), distinct ones only, COLUMNS per row."""
    images = [Image.open(io.BytesIO(png)).convert("RGB") for png in dict.fromkeys(screens)]
    width, height = images[0].size
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP_PX) + GAP_PX, rows * (height + GAP_PX) + GAP_PX), PAPER)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        sheet.paste(image, (GAP_PX + column * (width + GAP_PX), GAP_PX + row * (height + GAP_PX)))
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=True)
    return png.getvalue()
