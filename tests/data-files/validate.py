#!/usr/bin/env python3
"""Runs a validator: TOOL ARGUMENT… . Exits 77, which meson counts as skipped, where the tool is not installed.

With --silent before the tool, anything on standard error is a failure, too: for tools that warn and succeed.
"""
import shutil
import subprocess
import sys

arguments = sys.argv[1:]
silent = arguments[0] == "--silent"
if silent:
    arguments = arguments[1:]
if shutil.which(arguments[0]) is None:
    print(f"{arguments[0]} is not installed")
    sys.exit(77)
result = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
sys.stderr.write(result.stderr.decode(errors="replace"))
if result.returncode != 0:
    sys.stdout.write(result.stdout.decode(errors="replace"))
    sys.exit(1)
sys.exit(1 if silent and result.stderr.strip() else 0)
