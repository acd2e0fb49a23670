#!/usr/bin/env python3
"""Fails where a .ui file is not in the resource manifest, or the manifest names a file that does not exist."""
import pathlib
import sys
import xml.etree.ElementTree

root = pathlib.Path(sys.argv[1])
manifest = root / "resources" / "crosscope.gresource.xml"
named = {(manifest.parent / file.text.strip()).resolve()
         for file in xml.etree.ElementTree.parse(manifest).iter("file")}
problems = [f"{path.relative_to(root)} is not in {manifest.name}" for path in sorted((root / "ui").rglob("*.ui"))
            if path.resolve() not in named]
problems += [f"{manifest.name} names {path}, which does not exist" for path in sorted(named) if not path.is_file()]
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
