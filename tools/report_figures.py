#!/usr/bin/env python3
"""Saves plots of a report as SVG and PNG, through Chromium.

usage: report_figures.py PAGE.html OUTDIR [FIGURE...]   (default: all; names are those of saved files)
"""
import base64
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "browser"))
import browser  # noqa: E402


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    if browser.missing():
        sys.exit(f"needs {browser.missing()}: apt-get install chromium chromium-driver python3-selenium")
    page, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    chromium = browser.Browser()
    try:
        chromium.media()
        chromium.open(page)
        drawn = chromium.js("return [...calvo.figures.values()].filter((f) => f.chart).map((f) => f.id)")
        for name in sys.argv[3:] or drawn:
            if name not in drawn:
                sys.exit(f'{page}: no plot "{name}"; it has {", ".join(drawn)}')
            (out / f"{name}.svg").write_text(
                chromium.js("return calvo.figures.get(arguments[0]).svg()", name))
            png = chromium.js("return calvo.figures.get(arguments[0]).png()", name)
            (out / f"{name}.png").write_bytes(base64.b64decode(png.split(",")[1]))
            print(out / f"{name}.svg", out / f"{name}.png")
    finally:
        chromium.close()


main()
