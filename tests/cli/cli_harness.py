"""Calling crosscope-cli and saying what was wrong with its answer."""
import json
import os
import subprocess
import sys
import tempfile
import time

import model_maker

try:
    import h5py
except ImportError:
    h5py = None

COMMAND = os.path.abspath(sys.argv[1])
REFERENCE = os.path.join(os.environ.get("CS_TEST_SHARED", ""), "reference")
LLAMA = os.path.join(REFERENCE, "lm", "llama3-tiny")
QWEN = os.path.join(REFERENCE, "tokenizers", "qwen2.5-pruned")
DEMO_CHAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "demo", "chat")
TMP = tempfile.mkdtemp(prefix="crosscope-cli-")
WORLD = {}   # what earlier cases made for later ones


class Skip(Exception):
    pass


def tmp(*names):
    return os.path.join(TMP, *names)


def environment():
    env = dict(os.environ, OPENBLAS_NUM_THREADS="2")
    env.pop("G_DEBUG", None)
    return env


def call(*words, stdin=None, expect=0):
    """Standard output of a call that has to end with the status `expect`."""
    done = subprocess.run([COMMAND, *map(str, words)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(), timeout=300, check=False)
    assert done.returncode == expect, f"status {done.returncode} of {words}: {done.stderr.decode()[-400:]}"
    if expect == 1:
        lines = done.stderr.decode().strip().split("\n")
        assert len(lines) == 1 and lines[0].startswith("crosscope-cli: ") and len(lines[0]) > 20, f"{words}: {lines}"
    return done.stdout


def call_json(*words, stdin=None):
    lines = call(*words, "--json", stdin=stdin).decode().splitlines()
    return json.loads(lines[-1])


def json_lines(*words, values):
    text = "".join(json.dumps(value) + "\n" for value in values)
    answers = [json.loads(line) for line in call(*words, stdin=text.encode()).decode().splitlines()]
    assert len(answers) == len(values), f"{len(answers)} answers to {len(values)} lines"
    return answers


def need(path):
    if not os.path.exists(path):
        raise Skip(f"{os.path.basename(path)} is not here")
    return path


def need_h5py():
    if h5py is None:
        raise Skip("python3-h5py is not installed")


def same(got, expected, what):
    assert got == expected, f"{what}: {got!r} is not {expected!r}"


def start(*words):
    return subprocess.Popen([COMMAND, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env=environment())


def wait_for(path, process, at_most=60):
    end = time.monotonic() + at_most
    while not os.path.exists(path):
        assert process.poll() is None, f"ended before {path} was there: {process.stderr.read().decode()[-300:]}"
        assert time.monotonic() < end, f"{path} does not appear"
        time.sleep(0.002)


def make_pair():
    if "pair" not in WORLD:
        model_maker.write_model(tmp("base"))
        model_maker.write_model(tmp("chat"), noise=0.05, chat=True)
        WORLD["pair"] = ["--base", tmp("base"), "--chat", tmp("chat")]
    return WORLD["pair"]
