"""Counts the test cases of a meson test log: one for each TAP line, one for a program without any."""
import json
import re
import sys

passed = failed = skipped = 0
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    oks = re.findall(r"^(not ok|ok)\b(.*)$", test.get("stdout") or "", re.M)
    good = sum(1 for word, rest in oks if word == "ok" and "# SKIP" not in rest)
    skip = sum(1 for word, rest in oks if word == "ok" and "# SKIP" in rest)
    bad = sum(1 for word, _ in oks if word == "not ok")
    if test["result"] == "SKIP" and not oks:
        skip = 1
    elif test["result"] in ("OK", "EXPECTEDFAIL") and not oks:
        good = 1
    elif test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and bad == 0:
        bad = 1  # it crashed, timed out or stopped early
    passed, failed, skipped = passed + good, failed + bad, skipped + skip
if skipped:
    print(f"{skipped} skipped (each says why in the log)")
print(f"{passed} passed, {failed} failed")
