#!/usr/bin/python3
"""Drives crosscope-cli from outside: what each verb reads, prints, writes and returns. Speaks TAP.

    test-cli.py COMMAND        (CS_TEST_SHARED: folder with reference/, where there is one)
"""
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_exchange  # noqa: E402
import cli_models  # noqa: E402
import cli_numbers  # noqa: E402
import cli_pair  # noqa: E402
import cli_planted  # noqa: E402
import cli_report  # noqa: E402
import cli_runs  # noqa: E402
import cli_study  # noqa: E402
import cli_usage  # noqa: E402
from cli_harness import TMP, Skip  # noqa: E402

CASES = cli_models.CASES + cli_usage.CASES + cli_study.CASES + cli_numbers.CASES + cli_runs.CASES + cli_pair.CASES + cli_planted.CASES + cli_exchange.CASES + cli_report.CASES


def main():
    failed = 0
    print("TAP version 13")
    print(f"1..{len(CASES)}", flush=True)
    for number, (name, case) in enumerate(CASES, 1):
        begun = time.monotonic()
        try:
            case()
            line = f"ok {number} - {name}"
        except Skip as reason:
            line = f"ok {number} - {name} # SKIP {reason}"
        except Exception as problem:  # an assertion, or whatever broken output leads to
            failed += 1
            text = f"{type(problem).__name__}: {problem}".replace("\n", "\n# ")[:2000]
            line = f"not ok {number} - {name}\n# {text}"
        print(f"{line}\n# {time.monotonic() - begun:.2f} s", flush=True)
    shutil.rmtree(TMP, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
