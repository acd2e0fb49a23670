"""Cases: what can be asked of a run that is there: filters of latents, examples, validation; folders that are not a run's."""
import json
import os
import shutil

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

import cli_study
from cli_harness import call, call_json, need_h5py, same, tmp

from cli_study import latent_rows, make_analysis, make_run, make_store


def ids(*words):
    return sorted(row["latent"] for row in latent_rows("batchtopk", *words))


def filters():
    rows = latent_rows("batchtopk")

    def where(test):
        return sorted(row["latent"] for row in rows if test(row))

    middle = sorted(row["delta_norm"] for row in rows)[24]
    same(ids("--min-delta", middle), where(lambda r: r["delta_norm"] >= middle), "--min-delta")
    same(ids("--max-delta", middle), where(lambda r: r["delta_norm"] <= middle), "--max-delta")
    same(ids("--min", "count_active=10", "--max", "density=0.05"),
         where(lambda r: r["count_active"] >= 10 and r["density"] <= 0.05), "--min and --max")
    same(ids("--min", "nu_error=-1000"), where(lambda r: r["nu_error"] is not None and r["nu_error"] >= -1000), "numbers only")
    same(ids("--alive"), where(lambda r: not r["dead"]), "--alive")
    same(ids("--tested"), where(lambda r: r["tested"]), "--tested")
    same(ids("--chat-specific"), where(lambda r: r["chat_specific"]), "--chat-specific")
    same(ids("--class", "shared,other"), where(lambda r: r["tag"] in ("shared", "other")), "two classes")
    same(ids("--tag", "shared"), ids("--class", "shared"), "--tag")
    same(ids("--search", "17"), where(lambda r: "17" in str(r["latent"])), "--search by number")
    for wrong in (["--min", "colour=1"], ["--max", "density"], ["--min", "density=x"], ["--min-delta", "2"],
                  ["--class", "shared,odd"], ["--class", ""]):
        call("latents", make_run("batchtopk"), *wrong, expect=2)


def labels():
    """Names, notes and lists of a study's labels.json narrow the list and are shown."""
    make_analysis("batchtopk")
    study = tmp("labelled")
    os.makedirs(os.path.join(study, "runs"))
    shutil.copytree(make_run("batchtopk"), os.path.join(study, "runs", "one"))
    run = os.path.join(study, "runs", "one")

    def listed(*words):
        return [json.loads(line) for line in call("latents", run, *words, "--json").decode().splitlines()]

    with open(os.path.join(study, "study.json"), "w", encoding="utf-8") as file:
        json.dump({"format_version": 1, "title": "x"}, file)
    with open(os.path.join(study, "labels.json"), "w", encoding="utf-8") as file:
        json.dump({"one": {"3": {"name": "Größe", "bookmarked": True, "lists": ["mine"]}, "5": {"note": "of grösse"}}}, file)
    same(sorted(row["latent"] for row in listed("--search", "GRÖSSE")), [3, 5], "--search by name and note")
    same([row["latent"] for row in listed("--bookmarked")], [3], "--bookmarked")
    same([(row["latent"], row["name"], row["lists"]) for row in listed("--list", "mine")], [(3, "Größe", ["mine"])], "--list")
    assert "Größe" in call("latents", run, "--bookmarked").decode()
    with open(os.path.join(study, "study.json"), "w", encoding="utf-8") as file:
        json.dump({"format_version": 99}, file)
    call("latents", run, "--bookmarked", expect=1)
    call("report", study, expect=1)
    same(len(listed()), 48, "rows where labels cannot be read")


def examples():
    make_analysis("batchtopk")
    need_h5py()
    best = latent_rows("batchtopk", "--sort", "-count_active", "--limit", 1)[0]
    words = ["examples", make_run("batchtopk"), "--latent", best["latent"], "--chat", tmp("chat"), "--activations", make_store()]
    found = [json.loads(line) for line in call(*words, "--context", 5, "--json").decode().splitlines()]
    same(sorted({e["group"] for e in found}), [e for e in range(5) if any(f["group"] == e for f in found)], "groups")
    assert len({e["group"] for e in found}) > 1, "a latent that fires often has one group only"
    floors, tops = [0.95, 0.75, 0.5, 0.25, 0], [1.001, 0.95, 0.75, 0.5, 0.25]
    with h5py.File(make_store()) as file:
        stored, first = file["token_ids"][:], file["documents"][:]
    for e in found:
        share = e["activation"] / best["max_act"]
        assert floors[e["group"]] - 1e-5 <= share <= tops[e["group"]] + 1e-5, (e["group"], share)
        same(e["ids"], stored[e["first"]:e["first"] + len(e["ids"])].tolist(), "ids of an example")
        assert abs(e["values"][e["token"] - e["first"]] - e["activation"]) < 1e-3 * e["activation"], e
        same(len(e["tokens"]), len(e["values"]), "tokens and values")
        assert (first[np.searchsorted(first, e["first"], "right") - 1] == first[np.searchsorted(first, e["token"], "right") - 1])
    text = call(*words, "--per-group", 2).decode()
    assert "<<" in text and "of the maximum" in text, text[:200]
    call(*words[:3], 48, *words[4:], expect=1)
    call("examples", make_run("batchtopk"), expect=2)
    call(*words[:4], "--activations", make_store(), expect=1)   # a run outside of a study has no tokenizer


def validate():
    need_h5py()
    run, store = make_run("l1"), make_store()
    answer = call_json("validate", run, "--activations", store)
    with h5py.File(store) as file:
        same(answer["tokens"], file["token_ids"].shape[0], "tokens")
    for key in ("fve_base", "fve_chat", "fve", "l0", "dead", "latents", "mse_base", "mse_chat"):
        assert answer[key] is not None, answer
    same(call_json("validate", run, "--activations", store, "--tokens", 1000)["tokens"], 1000, "--tokens")
    call("validate", run, expect=2)
    call("validate", run, "--activations", tmp("nothing.h5"), expect=1)
    call("validate", make_run("batchtopk"), "--activations", store, "--calibrate", expect=1)
    call("export", make_run("batchtopk"), "--format", "hub", "--out", tmp("to-calibrate"))
    call("import", tmp("to-calibrate"), "--out", tmp("calibrated"))
    before = call_json("validate", tmp("calibrated"), "--activations", store)
    same(before["l0"], call_json("validate", make_run("batchtopk"), "--activations", store)["l0"], "L0 of the imported run")
    after = call_json("validate", tmp("calibrated"), "--activations", store, "--calibrate")
    assert abs(after["l0"] - 6) < 0.3 and after["threshold"] != before["threshold"], (before, after)


def foreign_folders():
    """What is in a model's folder stays as it is."""
    make_run("l1")
    model = tmp("precious")
    shutil.copytree(tmp("base"), model)
    kept = {name: open(os.path.join(model, name), "rb").read() for name in os.listdir(model)}
    words = cli_study.train_words("l1", model)
    call(*words, expect=1)
    call("export", make_run("l1"), "--format", "hub", "--out", model, expect=1)
    call("import", make_run("l1"), "--out", model, expect=1)
    os.remove(os.path.join(model, "config.json"))
    call(*words, expect=1)
    with open(os.path.join(model, "config.json"), "wb") as file:
        file.write(kept["config.json"])
    same({name: open(os.path.join(model, name), "rb").read() for name in os.listdir(model)}, kept, "files of the model")
    call("export", make_run("l1"), "--format", "hub", "--out", tmp("hub-twice"))
    call("export", make_run("l1"), "--format", "hub", "--out", tmp("hub-twice"))


def nothing_held_out():
    words = cli_study.train_words("l1", tmp("all-of-it"), 20) + ["--held-out", 0]
    answer = call_json(*words)
    same((answer["validation_tokens"], answer["fve"], answer["l0"]), (0, None, None), "numbers of no tokens")


CASES = [
    ("latents: filters", filters),
    ("latents: labels of the study", labels),
    ("examples by strength", examples),
    ("validate, and calibrate an imported run", validate),
    ("folders of models are left alone", foreign_folders),
    ("nothing held out", nothing_held_out),
]
