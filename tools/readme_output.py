#!/usr/bin/env python3
"""Holds the README's first screen to what ./demo prints.

readme_output.py PROGRAM            fails, with the difference, if the README shows anything else
readme_output.py PROGRAM --update   writes what PROGRAM prints into the README
"""
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).parent.parent
BLOCK = re.compile(r"(?<=^\$ \./demo\n).*?(?=\n\nrun directories:)", re.M | re.S)


def demo_output(program):
    engines = re.search(r"--engines \\\n\s*(\S+)", (root / "demo").read_text())[1]
    with tempfile.TemporaryDirectory() as scratch:
        run = subprocess.run(
            [program, "run", root / "scenarios/examples/demo.yaml", "--engines", engines,
             "--no-timeline", "--out", scratch],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return run.stdout.split("\n\nrun directories:")[0]


def main():
    readme = root / "README.md"
    text = readme.read_text()
    shown = BLOCK.search(text)
    if not shown:
        sys.exit("the README shows no output of ./demo")
    real = demo_output(pathlib.Path(sys.argv[1]).resolve())
    if sys.argv[2:] == ["--update"]:
        readme.write_text(text[:shown.start()] + real + text[shown.end():])
    elif shown[0] != real:
        print("\n".join(difflib.unified_diff(shown[0].splitlines(), real.splitlines(),
                                             "README.md", "./demo", lineterm="")))
        sys.exit("the README shows other results than ./demo gives; if they are right, run "
                 "tools/readme_output.py build/release/calvo --update and mark RESULTS in "
                 "CHANGELOG.md")


main()
