"""The paper of the console's PDFs: A4, with letters for every name, and at its foot what is proof and the page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from fpdf import FPDF

FONT_FILE: Final = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
PROOF: Final = "The reception number is the proof of registration; a clock's record is not."
GREY: Final = (235, 235, 235)
PINK: Final = (253, 230, 230)
_FONT: Final = "DejaVu"
_TITLE_SIZE: Final = 16
_TEXT_SIZE: Final = 9
_TABLE_SIZE: Final = 8


class Paper(FPDF):
    """An empty page with a title; `foot` stands at the foot of each page, beside its number."""

    def __init__(self, title: str, foot: str, made_ms: int, orientation: Literal["landscape", "portrait"]) -> None:
        super().__init__(orientation=orientation, format="A4")
        self._foot = foot
        self.add_font(_FONT, fname=FONT_FILE)
        self.set_auto_page_break(auto=True, margin=18)
        self.set_creation_date(datetime.fromtimestamp(made_ms / 1000, UTC))
        self.set_title(title)
        self.add_page()
        self.set_font(_FONT, size=_TITLE_SIZE)
        self.multi_cell(0, 9, title, new_x="LMARGIN", new_y="NEXT", align="L")
        self.set_font(_FONT, size=_TEXT_SIZE)

    def line_of(self, text: str) -> None:
        """A line of text, or several if it is long."""
        self.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT", align="L")

    def begin_table(self) -> None:
        """The following content is part of a table."""
        self.ln(3)
        self.set_font(_FONT, size=_TABLE_SIZE)

    def footer(self) -> None:
        """On each page."""
        self.set_y(-14)
        self.set_font(_FONT, size=7)
        self.cell(0, 5, self._foot)
        self.cell(0, 5, f"{self.page_no()}/{{nb}}", align="R")
