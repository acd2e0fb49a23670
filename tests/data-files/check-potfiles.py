#!/usr/bin/env python3
"""Fails where po/POTFILES lacks a file that holds translatable text, or names one that does not exist.

    check-potfiles.py SOURCE_ROOT           checks
    check-potfiles.py SOURCE_ROOT --write   writes the list anew
"""
import pathlib
import re
import sys

ROOMS = ["app", "cli", "analysis", "study", "plot", "report"]
C_MARK = re.compile(r'(?<![A-Za-z0-9_])(?:N?C?_|Q_|n?gettext|dn?gettext|g_dgettext|g_dngettext|g_dpgettext2)\s*\(\s*[^)]*"')
UI_MARK = re.compile(r'translatable="(?:yes|true|1)"')


def translatable(root):
    found = sorted(str(p.relative_to(root)) for p in (root / "data").glob("*.in"))
    found += sorted(str(p.relative_to(root)) for p in (root / "data").glob("*.gschema.xml"))
    for room in ROOMS:
        found += sorted(str(p.relative_to(root)) for p in (root / "src" / room).rglob("*.c")
                        if C_MARK.search(p.read_text(encoding="utf-8")))
    for folder in ["ui", "resources"]:
        found += sorted(str(p.relative_to(root)) for p in (root / folder).rglob("*.ui")
                        if UI_MARK.search(p.read_text(encoding="utf-8")))
    return found


def main(root, write):
    listing = root / "po" / "POTFILES"
    wanted = translatable(root)
    if write:
        listing.write_text("".join(f"{name}\n" for name in wanted), encoding="utf-8")
        return 0
    lines = [line.strip() for line in listing.read_text(encoding="utf-8").splitlines()]
    listed = [line for line in lines if line and not line.startswith("#")]
    problems = [f"po/POTFILES lacks {name}" for name in wanted if name not in listed]
    problems += [f"po/POTFILES names {name}, which does not exist" for name in listed if not (root / name).is_file()]
    problems += [f"po/POTFILES names {name} twice" for name in sorted(set(listed)) if listed.count(name) > 1]
    for problem in problems:
        print(problem)
    if problems:
        print("write it anew with: python3 tests/data-files/check-potfiles.py . --write")
    return 1 if problems else 0


sys.exit(main(pathlib.Path(sys.argv[1]), "--write" in sys.argv[2:]))
