"""Cases: wrong usage, odd words, broken files."""
import json
import os
import shutil
import struct
import subprocess

import model_maker
from cli_harness import COMMAND, Skip, TMP, call, call_json, environment, make_pair, same, tmp


def wrong_usage():
    make_pair()
    base = tmp("base")
    pair = ["--base", base, "--chat", tmp("chat")]
    train = ["train", "--activations", "x", "--latents", "8", "--out", "y"]
    for words in ([], ["frobnicate"], ["causality", "x"], ["plant"], ["plant", "--out", "x", "--seeds", "0"],
                  ["plant", "--out", "x", "--noise", "-1"], ["plant", "--out", "x", "--groups", "99"], ["score", "x"], ["score"],
                  ["model"], ["--json"], ["model", "info"],
                  ["model", "info", base, base], ["model", "info", base, "--frob"], ["model", "forward", base],
                  ["model", "forward", base, "--ids", "1"], ["model", "forward", base, "--ids", "a", "--out", "x"],
                  ["model", "forward", base, "--ids", "", "--out", "x"], ["model", "generate", base],
                  ["model", "generate", base, "--prompt", "a", "--ids", "1"],
                  ["model", "generate", base, "--prompt", "a", "--max-tokens", "0"],
                  ["model", "generate", base, "--prompt", "a", "--temperature", "-1"],
                  ["model", "generate", base, "--prompt", "a", "--temperature", "nan"],
                  ["model", "generate", base, "--prompt", "a", "--max-tokens", "x"],
                  ["tokenize"], ["chat-template"], ["harvest", *pair, "--out", "x"],
                  ["harvest", "--corpus", "x", "--out", "y"], ["harvest", *pair, "--corpus", "x", "--out", "y", "--layer", "-3"],
                  ["harvest", *pair, "--corpus", "x", "--out", "y", "--dtype", "f8"],
                  train, [*train, "--variant", "relu"], [*train, "--variant", "l1", "--k", "-4"],
                  [*train, "--variant", "l1", "--mu", "nan"], [*train, "--variant", "l1", "--held-out", "1"],
                  ["analyze", "x"], ["analyze", "x", "--activations", "y", "--base", base], ["latents"],
                  ["latents", "x", "--class", "odd"], ["latents", "x", "--sort", "colour"], ["latents", "x", "--limit", "-1"],
                  ["steer", "x"], ["steer", "x", *pair, "--prompt", "p", "--latent", "a=1"],
                  ["steer", "x", *pair, "--prompt", "p", "--latent", "1=inf"],
                  ["steer", "x", *pair, "--prompt", "p", "--latent", "1=1", "--mode", "double"],
                  ["organism"], ["organism", "make"], ["bench", "nothing"], ["bench", "train", "--steps", "0"],
                  ["bench", "prefill"]):
        same(call(*words, expect=2), b"", f"standard output of {words}")


def help_and_version():
    for words in (["--help"], ["--version"], ["train", "--help"], ["model", "forward", "--help"], ["steer", "-h"]):
        assert call(*words), f"{words} prints nothing"


def broken_files():
    make_pair()
    base, broken = tmp("base"), tmp("broken")
    call("model", "info", tmp("nothing"), expect=1)
    same(call("model", "info", base + "/config.json"), call("model", "info", base), "a file of the folder")
    call("model", "generate", base, "--ids", "99999", expect=1)
    call("model", "forward", base, "--ids", "1", "--out", tmp("nothing", "f.h5"), expect=1)
    call("model", "forward", base, "--ids", "@" + tmp("nothing"), "--out", tmp("f.h5"), expect=1)
    model_maker.write_model(broken, model_type="gpt5")
    call("model", "info", broken, expect=1)
    weights = open(base + "/model.safetensors", "rb").read()
    model_maker.write_json(broken + "/config.json", model_maker.config())
    for damaged in (weights[:len(weights) // 2], weights[:4], b"", struct.pack("<Q", 2 ** 62) + weights[8:],
                    weights[:20] + b"\xff" * 40 + weights[60:]):
        open(broken + "/model.safetensors", "wb").write(damaged)
        call("model", "info", broken, expect=1)
    open(broken + "/tokenizer.json", "w", encoding="utf-8").write("{}")
    call("tokenize", broken, stdin=b"", expect=1)


def broken_edits():
    make_pair()
    open(tmp("short.f32"), "wb").write(b"\0" * 12)
    for edit in ({"op": "add", "at": 0, "vector": "short.f32"}, {"op": "add", "at": 99, "vector": "short.f32"},
                 {"op": "add", "at": 0, "vector": "none.f32"}, {"op": "scale", "at": 0}, 3):
        model_maker.write_json(tmp("bad-edit.json"), edit)
        call("model", "generate", tmp("base"), "--ids", "1", "--edit", tmp("bad-edit.json"), expect=1)


def output_is_full():
    if not os.path.exists("/dev/full"):
        raise Skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False)
    same(done.returncode, 1, "status with a full disk")


def words_anywhere():
    make_pair()
    same(call("model", "info", "--json", "--", tmp("base")), call("model", "info", tmp("base"), "--json"), "options first")
    shutil.copytree(tmp("base"), tmp("-odd name"))
    done = subprocess.run([COMMAND, "model", "info", "--json", "--", "-odd name"], cwd=TMP, stdout=subprocess.PIPE,
                          env=environment(), check=False)
    same(done.returncode, 0, "a folder that begins with a dash")
    plain = dict(environment(), LC_ALL="C")
    done = subprocess.run([COMMAND, "model", "generate", tmp("base"), "--prompt", "日本", "--json", "--max-tokens", "2"],
                          stdout=subprocess.PIPE, env=plain, check=False)
    same(done.returncode, 0, "a Japanese prompt where the locale is C")
    done = subprocess.run([COMMAND, "model", "generate", tmp("base"), "--prompt", b"a\xffb", "--json"],
                          stdout=subprocess.PIPE, env=plain, check=False)
    same(sorted(json.loads(done.stdout)), ["ids", "text"], "a prompt that is not UTF-8")


def bench_latents():
    answer = call_json("bench", "latents", "--latents", 2000)
    assert all(answer[key] >= 0 for key in ("open_seconds", "sort_seconds", "filter_seconds")), answer


def bench_import():
    answer = call_json("bench", "import", "--d-model", 24, "--latents", 500)
    assert answer["shared"] is True and answer["bytes"] > 4 * 24 * 500 * 4, answer
    assert all(answer[key] >= 0 for key in ("import_seconds", "table_seconds", "weights_seconds")), answer


CASES = [
    ("options, words and bytes", words_anywhere),
    ("wrong usage", wrong_usage),
    ("help and version", help_and_version),
    ("broken model files", broken_files),
    ("broken edits", broken_edits),
    ("standard output on a full disk", output_is_full),
    ("bench latents", bench_latents),
    ("bench import", bench_import),
]
