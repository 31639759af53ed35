"""Says which sources of a target may be compiled together: prints a line "GROUP PATH" for each.

unity_groups.py LARGEST PATH...

Sources compiled together share their unnamed namespaces, so two that name something alike there go
into different groups. What a file names is read from its lines that start in the first column, where
.clang-format puts whatever is declared in a namespace. A clash that this misses is a compile error,
mended by another name.
"""
import pathlib
import re
import sys

ATTRIBUTES = re.compile(r"(\[\[.*?\]\] *)+")
TYPE = re.compile(r"(?:enum class|enum struct|enum|struct|class|union|concept) +(\w+)"
                  r"|using +(\w+) *=")
NAME = re.compile(r"[^(={;\[]*?(?:(?<=[\s*&])|^)(\w+)\s*[(={;\[]")
NO_NAMES = re.compile(r"[#}/\s]|(namespace|template|extern|friend|using \w+::|TEST|INSTANTIATE)")


def names_in(text):
    found = set()
    for line in text.splitlines():
        line = ATTRIBUTES.sub("", line, count=1) if line.startswith("[[") else line
        declared = TYPE.match(line) or (not NO_NAMES.match(line) and NAME.match(line))
        if declared:
            found.add(declared[declared.lastindex])
    return found


def groups_of(texts, largest):
    """Puts each text into the first group that has room and none of its names."""
    groups = []
    chosen = []
    for text in texts:
        names = names_in(text)
        for index, (taken, count) in enumerate(groups):
            if count < largest and not taken & names:
                groups[index] = (taken | names, count + 1)
                break
        else:
            index = len(groups)
            groups.append((names, 1))
        chosen.append(index)
    return chosen


if __name__ == "__main__":
    paths = sys.argv[2:]
    texts = [pathlib.Path(path).read_text(encoding="utf-8") for path in paths]
    for index, path in zip(groups_of(texts, int(sys.argv[1])), paths):
        print(index, path)
