"""Pack both books into one zip file that is read without a network: `python book/offline.py`.

Unpack it anywhere and open `index.html`. Needs the built book in `_build/html`.
"""

import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import tomllib

from build import BUILD, ROOT, SITE

# These speak to the web server of the published site, and to those who index it.
ONLINE_ONLY = {"404.html", "sitemap.xml"}
BEGINNING = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier time; the same files make the same zip


def version() -> str:
    """The version of the course, from its one home."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["version"]


def pack(site: Path, target: Path) -> Path:
    """Write the site as a zip file that unpacks into one folder of the same name."""
    files = (path for path in sorted(site.rglob("*")) if path.is_file())
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in files:
            name = path.relative_to(site).as_posix()
            if name not in ONLINE_ONLY:
                info = ZipInfo(f"{target.stem}/{name}", BEGINNING)
                info.external_attr = 0o644 << 16  # readable, whatever the umask was here
                archive.writestr(info, path.read_bytes(), ZIP_DEFLATED)
    return target


def main() -> int:
    """Command line; returns the exit status."""
    if not (SITE / "index.html").exists():
        print("There is no book to pack. Build it first: python book/build.py", file=sys.stderr)
        return 1
    target = pack(SITE, BUILD / f"vqlib-book-{version()}.zip")
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
