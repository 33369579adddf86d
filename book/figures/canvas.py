"""A white card to draw on: boxes, arrows, words. Gives SVG text, the same on every machine."""

from dataclasses import dataclass, field
from html import escape

LIGHT = "#eef2f6"
# Words in each of these have a contrast of 4.5 or more on white. Blue is for compressing, green for
# sharpening, orange for generating, as are the parts of the book (book/_static/course.css).
INK = "#1f2d3d"
GREY = "#5b6776"
BLUE = "#2f6db5"
ORANGE = "#b4541a"
GREEN = "#2f7d4c"
FONTS = "'Noto Sans','Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif"


@dataclass
class Canvas:
    """Shapes are added in the order they are painted; lengths are pixels of a 1× screen."""

    width: int
    height: int
    shapes: list[str] = field(default_factory=list)

    def box(self, x, y, width, height, *, fill=LIGHT, stroke=INK, radius=8, line=1.5) -> None:
        """A rounded rectangle with its top left corner at (x, y)."""
        self.shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{line:g}"/>'
        )

    def text(self, x, y, words, *, size=15, fill=INK, anchor="middle", weight="normal") -> None:
        """One line of words; (x, y) is on its baseline."""
        self.shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{escape(str(words))}</text>'
        )

    def arrow(self, x1, y1, x2, y2, *, stroke=INK, line=1.8, dashed=False) -> None:
        """A straight arrow that ends in a head at (x2, y2)."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.shapes.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" '
            f'stroke-width="{line:g}"{dash} marker-end="url(#head-{stroke[1:]})"/>'
        )

    def line(self, x1, y1, x2, y2, *, stroke=GREY, line=1.2, dashed=False) -> None:
        """A straight line."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.shapes.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" '
            f'stroke-width="{line:g}"{dash}/>'
        )

    def circle(self, x, y, radius, *, fill=INK, stroke="none", line=1.5) -> None:
        """A disc around (x, y)."""
        self.shapes.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="{line:g}"/>'
        )

    def path(self, d, *, stroke=INK, fill="none", line=1.8, dashed=False, head=False) -> None:
        """Any SVG path, with an arrow head at its end if asked."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        marker = f' marker-end="url(#head-{stroke[1:]})"' if head else ""
        self.shapes.append(
            f'<path d="{d}" stroke="{stroke}" fill="{fill}" stroke-width="{line:g}"{dash}{marker}/>'
        )

    def grid(self, x, y, cell, values, *, colour, labels=True, size=13) -> None:
        """A table of numbers; `colour(value)` gives each cell's fill."""
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                left, top = x + j * cell, y + i * cell
                self.box(left, top, cell, cell, fill=colour(value), stroke="#ffffff", radius=0)
                if labels:
                    centre = left + cell / 2, top + cell / 2 + size / 3
                    self.text(*centre, value, size=size)

    def svg(self) -> str:
        """The finished picture."""
        heads = "".join(
            f'<marker id="head-{c[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            f'markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0L10 5L0 10z" fill="{c}"/></marker>'
            for c in (INK, GREY, BLUE, ORANGE, GREEN)
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="{FONTS}">\n'
            f"<defs>{heads}</defs>\n"
            f'<rect width="{self.width}" height="{self.height}" rx="10" fill="#ffffff"/>\n'
            + "\n".join(self.shapes)
            + "\n</svg>\n"
        )
