#!/usr/bin/env python3
"""Fails where the command knows a verb or an option that its man page does not name.

    check-man-page.py COMMAND MAN_PAGE
"""
import re
import subprocess
import sys


def output(*arguments):
    result = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.stdout.decode(errors="replace")


command, page = sys.argv[1:]
text = open(page, encoding="utf-8").read()
text = re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-")
verbs = re.findall(r"^  ([a-z][a-z-]*(?: [a-z]+)?)  ", output(command, "--help"), re.M)
problems = [] if verbs else ["the command lists no verbs"]
for verb in verbs:
    if not re.search(re.escape(verb) + r"\b", text):
        problems.append(f"the man page does not name the verb {verb}")
    usage = output(command, *verb.split(), "--help").splitlines()
    for option in sorted(set(re.findall(r"--[a-z][a-z-]*", usage[0] if usage else ""))):
        if option not in text:
            problems.append(f"the man page does not name {option} of {verb}")
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
