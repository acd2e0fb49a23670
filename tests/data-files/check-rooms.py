#!/usr/bin/env python3
"""Fails where a room of src/ includes a header of a room, or of a library, that it may not see.

Also: every file of the tree has a name of its own (headers are included by bare name), and none is named like a
system header.
"""
import pathlib
import re
import sys

CORE = ["base", "lm", "activations", "crosscoder", "analysis", "describe", "organism", "planted", "study"]
SEES = {
    "base": [],
    "lm": ["base"],
    "activations": ["base", "lm"],
    "crosscoder": ["base", "activations"],
    "analysis": ["base", "lm", "activations", "crosscoder"],
    "describe": ["base", "lm", "activations", "crosscoder", "analysis"],
    "organism": ["base", "lm"],
    "planted": ["base", "activations", "crosscoder", "analysis"],
    "study": [room for room in CORE if room != "study"],
    "plot": [],
    "report": CORE + ["plot"],
    "app": CORE + ["plot", "report"],
    "cli": CORE + ["plot", "report"],
}
# Which rooms may include a library's headers; libraries that are not named are everybody's.
LIBRARIES = {
    r"gtk/|gdk/|gsk/|adwaita": ["app"],
    r"cairo|pango/": ["plot", "report", "app", "cli"],
    r"hdf5|H5": ["activations", "analysis", "cli"],
    r"cblas|lapack|openblas": ["base"],
    r"pcre2": ["lm"],
    r"libsoup": ["describe"],
}
RESERVED = {
    "assert", "complex", "ctype", "errno", "error", "fenv", "float", "inttypes", "limits", "locale", "malloc", "math",
    "memory", "poll", "regex", "resource", "sched", "search", "semaphore", "setjmp", "signal", "stdio", "stdlib",
    "string", "strings", "thread", "threads", "time", "types", "unistd", "values", "version", "wchar",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def main(root):
    source = pathlib.Path(root) / "src"
    problems = []
    room_of, files_of = {}, {}
    for path in sorted(source.rglob("*.[ch]")):
        room = path.relative_to(source).parts[0]
        files_of.setdefault(path.name, []).append(path)
        room_of[path.name] = room
        if path.suffix == ".h" and path.stem in RESERVED:
            problems.append(f"{path.relative_to(root)}: has the name of a system header")
    for name, paths in files_of.items():
        if len(paths) > 1 and name != "main.c":
            problems.append(f"{name}: there are {len(paths)} files of this name; headers are included by bare name")

    for path in sorted(source.rglob("*.[ch]")):
        room = path.relative_to(source).parts[0]
        if room not in SEES:
            problems.append(f"{path.relative_to(root)}: check-rooms.py does not know the room {room}")
            continue
        for kind, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            owner = room_of.get(pathlib.PurePath(name).name) if kind == '"' else None
            if owner is not None and owner != room and owner not in SEES[room]:
                problems.append(f"{path.relative_to(root)}: {room} may not see {owner} ({name})")
            for pattern, rooms in LIBRARIES.items():
                if kind == "<" and re.match(pattern, name) and room not in rooms:
                    problems.append(f"{path.relative_to(root)}: {room} may not include {name}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


sys.exit(main(sys.argv[1]))
