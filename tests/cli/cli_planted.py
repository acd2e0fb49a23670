"""Cases: planted worlds from outside."""
import json
import os
import signal

from cli_harness import WORLD, call, call_json, need_h5py, same, start, tmp, wait_for

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

SMALL = ["--d-model", 16, "--shared", 12, "--groups", 2, "--group-size", 2, "--base-only", 3, "--chat-only", 3, "--weak", 5,
         "--split", 3, "--noise", 0.05, "--tokens", 4000, "--latents", 40, "--steps", 300, "--batch", 128, "--threads", 2]
KEYS = ["recall", "precision_bins", "precision_scaling", "precision_both", "false_chat_only", "false_from_shrinkage",
        "false_from_decoupling", "flagged_nu_error", "flagged_nu_reconstruction", "l0", "fve"]


def plant_lines():
    if "planted" not in WORLD:
        text = call("plant", "--out", tmp("planted"), "--seeds", 2, *SMALL, "--json").decode()
        WORLD["planted"] = [json.loads(line) for line in text.splitlines()]
    return WORLD["planted"]


def plant():
    lines = plant_lines()
    same([(line["variant"], line["seed"]) for line in lines],
         [("l1", 1), ("batchtopk", 1), ("l1", 2), ("batchtopk", 2)], "lines of plant")
    for line in lines:
        assert all(key in line for key in KEYS), sorted(line)
        same(line["false_chat_only"], line["false_from_shrinkage"] + line["false_from_decoupling"], "false latents")
        assert 0 < line["fve"] < 1 and line["l0"] > 0, line
    saved = json.load(open(tmp("planted", "summary.json"), encoding="utf-8"))
    of_l1 = [s for s in saved["summary"] if s["variant"] == "l1"][0]
    for key in ("recall", "l0"):
        values = [line[key] for line in lines if line["variant"] == "l1"]
        assert abs(of_l1[key]["mean"] - sum(values) / 2) < 1e-6 and of_l1[key]["n"] == 2, of_l1[key]
        assert of_l1[key]["low"] <= of_l1[key]["mean"] <= of_l1[key]["high"], of_l1[key]
    same([(r["variant"], r["seed"]) for r in saved["results"]], [("l1", 1), ("batchtopk", 1), ("l1", 2), ("batchtopk", 2)],
         "results in summary.json")
    assert b"recall" in call("plant", "--out", tmp("planted"), "--seeds", 2, *SMALL), "no table for people"


def truth_agrees_with_store():
    plant_lines()
    need_h5py()
    truth = json.load(open(tmp("planted", "seed-1", "truth.json"), encoding="utf-8"))
    features = truth["features"]
    same(len(features), 26, "features")
    with h5py.File(tmp("planted", "seed-1", "activations.h5")) as file:
        same(file["activations"].shape, (4000, 2, 16), "/activations")
        mean = file["activations"][:].astype("float64").mean(0)
    for model, name in enumerate(("base", "chat")):
        expected = np.zeros(16)
        for f in features:
            if f["direction"][name] is not None:
                expected += np.array(f["direction"][name]) * f["strength"][name] * f["frequency"][name]
        assert np.abs(expected - mean[model]).max() < 0.02, f"{name}: the mean is not that of the features"
    for f in features:
        same(f["nu"] is None, f["class"] == "base-only", "ν* of " + f["class"])


def score():
    lines = plant_lines()
    for number, variant in enumerate(("l1", "batchtopk")):
        run = tmp("planted", "seed-2", variant)
        same(call_json("score", run, "--planted", tmp("planted", "seed-2"), "--threads", 2), lines[2 + number], "score of " + run)
    assert b"recall" in call("score", tmp("planted", "seed-2", "l1"), "--planted", tmp("planted", "seed-2"))


def plant_interrupted():
    words = ["plant", "--out", tmp("stopped"), "--seeds", 2, *SMALL]
    process = start(*words)
    wait_for(tmp("stopped", "seed-1", "truth.json"), process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    if process.returncode != 0:   # it may have ended before the signal came
        same(process.returncode, 130, "status after Ctrl-C")
    text = call(*words, "--json").decode()
    same([json.loads(line) for line in text.splitlines()], plant_lines(), "lines after going on")


def plant_refusals():
    plant_lines()
    truth = tmp("planted", "seed-1", "truth.json")
    before = open(truth, "rb").read()
    call("plant", "--out", tmp("planted"), *SMALL, "--noise", 0.1, expect=1)
    call("plant", "--out", tmp("planted"), *SMALL, "--steps", 299, "--mu", 0.2, expect=1)
    same(open(truth, "rb").read(), before, "truth.json after a refusal")
    call("plant", "--out", os.path.join(truth, "below"), *SMALL, expect=1)
    run = tmp("planted", "seed-1", "l1")
    call("score", run, "--planted", tmp("nothing"), expect=1)
    call("score", tmp("nothing"), "--planted", tmp("planted", "seed-1"), expect=1)
    os.makedirs(tmp("damaged-world"))
    for damaged in (before[:len(before) // 2], b"", b"{}", before.replace(b'"weak"', b'"odd"')):
        open(tmp("damaged-world", "truth.json"), "wb").write(damaged)
        call("score", run, "--planted", tmp("damaged-world"), expect=1)


CASES = [
    ("plant", plant),
    ("truth.json agrees with the store", truth_agrees_with_store),
    ("score", score),
    ("plant interrupted and gone on with", plant_interrupted),
    ("plant and score refuse", plant_refusals),
]
