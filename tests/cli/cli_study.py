"""Cases: from two models to a steered latent, with what can interrupt it."""
import json
import math
import os
import signal
import struct
import time

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

import model_maker
from cli_harness import TMP, WORLD, call, call_json, make_pair, need_h5py, same, start, tmp, wait_for


def harvest_words(out):
    web, chat = WORLD.get("corpora") or WORLD.setdefault("corpora", model_maker.write_corpora(TMP, 1500))
    return ["harvest", *make_pair(), "--layer", 0, "--corpus", web, chat, "--out", out, "--threads", 2]


def make_store():
    if "store" not in WORLD:
        WORLD["answer"] = call_json(*harvest_words(tmp("activations.h5")))
        WORLD["store"] = tmp("activations.h5")
    return WORLD["store"]


def harvest():
    make_store()
    answer = WORLD["answer"]
    same((answer["layer"], answer["d_model"], answer["documents"]), (0, model_maker.D, 3000), "answer of harvest")
    same(call_json(*harvest_words(WORLD["store"])), answer, "a finished harvest, run again")


def store_layout():
    make_store()
    need_h5py()
    n, d = WORLD["answer"]["tokens"], model_maker.D
    with h5py.File(WORLD["store"]) as file:
        for name, shape, dtype in (("activations", (n, 2, d), "float16"), ("token_ids", (n,), "int32"),
                                   ("documents", (3001,), "int64"), ("position", (n,), "int32"), ("corpus", (n,), "int8"),
                                   ("mean", (2, d), "float64"), ("std", (2, d), "float64")):
            same((file[name].shape, file[name].dtype), (shape, np.dtype(dtype)), "/" + name)
        assert file["activations"].chunks is not None, "/activations is not chunked"
        for name in ("format_version", "layer", "base_model", "chat_model", "tokenizer_hash", "n_tokens_complete"):
            assert name in file.attrs, f"no attribute {name}"
        same(int(file.attrs["n_tokens_complete"]), n, "n_tokens_complete")
        rows = file["activations"][:].astype("float64")
        assert np.allclose(rows.mean(0), file["mean"][:], atol=1e-2) and np.allclose(rows.std(0), file["std"][:], atol=1e-2)
        same(sorted(set(file["corpus"][:])), [0, 1], "corpora")
        first = file["documents"][:]
        assert (file["position"][:][first[:-1]] == 0).all() and first[0] == 0 and first[-1] == n


def store_agrees_with_forward():
    make_store()
    need_h5py()
    with h5py.File(WORLD["store"]) as file:
        begin, end = file["documents"][5:7]
        ids, rows = file["token_ids"][begin:end], file["activations"][begin:end].astype("float32")
    for model, name in enumerate(("base", "chat")):
        call("model", "forward", tmp(name), "--ids", ",".join(map(str, ids)), "--out", tmp("check.h5"))
        with h5py.File(tmp("check.h5")) as file:
            off = np.abs(file["residual"][1] - rows[:, model]).max() / np.abs(rows).max()
        assert off < 2e-3, f"{name}: residual[layer + 1] is off by {off}"


def harvest_interrupted():
    make_store()
    out = tmp("interrupted.h5")
    process = start(*harvest_words(out))
    wait_for(out, process)
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1].decode()
    same(process.returncode, 130, "status after Ctrl-C: " + errors)
    same(call_json(*harvest_words(out))["tokens"], WORLD["answer"]["tokens"], "tokens after going on")
    if h5py is not None:
        with h5py.File(out) as a, h5py.File(WORLD["store"]) as b:
            for name in ("activations", "token_ids", "documents", "position", "corpus"):
                assert (a[name][:] == b[name][:]).all(), f"/{name} differs from an uninterrupted harvest's"
            assert np.allclose(a["mean"][:], b["mean"][:]) and np.allclose(a["std"][:], b["std"][:])


def harvest_refusals():
    make_store()
    web = WORLD["corpora"][0]

    def swap(tokens):
        vocab = tokens["model"]["vocab"]
        vocab["a"], vocab["b"] = vocab["b"], vocab["a"]

    model_maker.write_model(tmp("other"), chat=True, edit_tokenizer=swap)
    call("harvest", "--base", tmp("base"), "--chat", tmp("other"), "--corpus", web, "--out", tmp("no.h5"), expect=1)
    assert not os.path.exists(tmp("no.h5")), "a refused harvest left a file"
    before = open(WORLD["store"], "rb").read()
    call("harvest", *make_pair(), "--layer", 1, "--corpus", web, "--out", WORLD["store"], expect=1)
    assert open(WORLD["store"], "rb").read() == before, "a refused harvest changed the store"
    call("harvest", *make_pair(), "--corpus", tmp("none.txt"), "--out", tmp("no.h5"), expect=1)
    call("harvest", *make_pair(), "--corpus", web, "--layer", 2, "--out", tmp("no.h5"), expect=1)


def broken_store():
    data = open(make_store(), "rb").read()
    for damaged in (data[:len(data) // 2], data[:100], b"", b"\0" * 4096):
        open(tmp("damaged.h5"), "wb").write(damaged)
        call("train", "--activations", tmp("damaged.h5"), "--variant", "l1", "--latents", 8, "--out", tmp("no"), expect=1)
    call("analyze", tmp("no"), "--activations", WORLD["store"], expect=1)
    call("latents", tmp("no"), expect=1)


def train_words(variant, run, steps=300):
    return ["train", "--activations", make_store(), "--variant", variant, "--latents", 48, "--k", 6, "--mu", 0.01,
            "--steps", steps, "--batch", 128, "--lr", 1e-3, "--seed", 5, "--threads", 2, "--checkpoint-steps", 20,
            "--out", run]


def make_run(variant):
    if variant not in WORLD:
        WORLD[variant + " answer"] = call_json(*train_words(variant, tmp(variant)))
        WORLD[variant] = tmp(variant)
    return WORLD[variant]


def train(variant):
    run = make_run(variant)
    answer = WORLD[variant + " answer"]
    same((answer["variant"], answer["latents"], answer["steps"]), (variant, 48, 300), "answer of train")
    assert 0 < answer["fve_base"] <= 1 and 0 < answer["fve_chat"] <= 1, answer
    rows = open(os.path.join(run, "metrics.csv"), encoding="ascii").read().splitlines()
    same(rows[0].split(",")[:11], "step,loss,mse_base,mse_chat,fve_base,fve_chat,l0,dead,aux,lr,tokens_per_s".split(","),
         "columns of metrics.csv")
    assert len(rows) > 20, "metrics.csv is too short"
    settings = json.load(open(os.path.join(run, "config.json"), encoding="utf-8"))
    same((settings["activation_dim"], settings["dict_size"], settings["num_layers"]), (model_maker.D, 48, 2), "config.json")
    same(call_json(*train_words(variant, run)), answer, "a finished run, run again")


def run_tensors():
    d, n = model_maker.D, 48
    for variant in ("batchtopk", "l1"):
        with open(os.path.join(make_run(variant), "model.safetensors"), "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        for name, shape in (("encoder.weight", [2, d, n]), ("encoder.bias", [n]), ("decoder.weight", [2, n, d]),
                            ("decoder.bias", [2, d])):
            same((header[name]["dtype"], header[name]["shape"]), ("F32", shape), name + " of " + variant)
        assert "code_normalization_id" in header, f"{variant}: {sorted(header)}"
        if variant == "batchtopk":
            assert "k" in header and "threshold" in header, sorted(header)


def train_killed(variant, number):
    whole, killed = make_run(variant), tmp(f"killed-{variant}")
    for _ in range(2):   # killed twice, at two different steps
        process = start(*train_words(variant, killed))
        state = os.path.join(killed, "state.safetensors")
        before = os.stat(state).st_mtime_ns if os.path.exists(state) else None
        end = time.monotonic() + 60
        while not os.path.exists(state) or os.stat(state).st_mtime_ns == before:
            assert time.monotonic() < end, "no checkpoint within a minute"
            if process.poll() is not None:
                break
            time.sleep(0.001)
        process.send_signal(number)
        process.communicate()
        if process.returncode == 0:
            break   # what was left to train was shorter than the way of the signal
        same(process.returncode, 130 if number == signal.SIGINT else -number, "status")
    call(*train_words(variant, killed))
    assert open(os.path.join(whole, "model.safetensors"), "rb").read() == \
        open(os.path.join(killed, "model.safetensors"), "rb").read(), "the weights differ from an uninterrupted run's"


def train_refusals():
    run = make_run("l1")
    before = open(os.path.join(run, "model.safetensors"), "rb").read()
    words = train_words("l1", run)
    words[words.index("--seed") + 1] = 6
    call(*words, expect=1)
    assert open(os.path.join(run, "model.safetensors"), "rb").read() == before, "a refused training changed the run"
    call(*train_words("l1", tmp("base", "config.json", "run")), expect=1)


COLUMNS = ["latent", "tag", "dead", "delta_norm", "dec_base_norm", "dec_chat_norm", "dec_cos_sim", "density", "max_act",
           "beta_error_base", "beta_error_chat", "beta_reconstruction_base", "beta_reconstruction_chat", "nu_error",
           "nu_reconstruction", "count_active", "chat_specific", "template_share"]


def make_analysis(variant):
    if "analysis " + variant not in WORLD:
        WORLD["analysis " + variant] = call_json("analyze", make_run(variant), "--activations", make_store(), *make_pair())
    return WORLD["analysis " + variant]


def latent_rows(variant, *words):
    make_analysis(variant)
    return [json.loads(line) for line in call("latents", make_run(variant), *words, "--json").decode().splitlines()]


def analyze():
    for variant in ("batchtopk", "l1"):
        summary = make_analysis(variant)
        for key in ("latents", "dead", "base_only", "shared", "chat_only", "other", "tested", "chat_specific", "fve_base",
                    "fve_chat", "l0"):
            assert key in summary, f"no {key}: {summary}"
        same(summary["latents"], 48, "latents")
        same(sum(summary[key] for key in ("dead", "base_only", "shared", "chat_only", "other")), 48, "all classes together")


def latents_file():
    make_analysis("batchtopk")
    need_h5py()
    with h5py.File(os.path.join(make_run("batchtopk"), "latents.h5")) as file:
        for name in COLUMNS:
            same(file[name].shape, (48,), "/" + name)
        same(list(file["latent"][:]), list(range(48)), "/latent")


def latents_agree_with_weights():
    rows = sorted(latent_rows("batchtopk"), key=lambda row: row["latent"])
    with open(os.path.join(make_run("batchtopk"), "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    begin, end = header["decoder.weight"]["data_offsets"]
    numbers = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    d = model_maker.D
    for row in rows:
        base, chat = (math.sqrt(sum(x * x for x in numbers[(m * 48 + row["latent"]) * d:][:d])) for m in (0, 1))
        assert math.isclose(row["dec_base_norm"], base, rel_tol=1e-4), row
        assert math.isclose(row["dec_chat_norm"], chat, rel_tol=1e-4), row
        assert abs(row["delta_norm"] - 0.5 * (1 + (chat - base) / max(chat, base))) < 1e-4, row


def latents_list():
    rows = latent_rows("batchtopk")
    same(len(rows), 48, "rows")
    for key in COLUMNS + ["beta_activation_base", "beta_activation_chat"]:
        assert key in rows[0], f"no {key} in a row"
    values = [row["max_act"] for row in latent_rows("batchtopk", "--sort", "max_act")]
    same(values, sorted(values), "--sort max_act")
    values = [row["density"] for row in latent_rows("batchtopk", "--sort", "-density", "--limit", 5)]
    same(values, sorted((row["density"] for row in rows), reverse=True)[:5], "--sort -density --limit 5")
    for tag in ("chat-only", "base-only", "shared", "other", "dead"):
        got = [row["latent"] for row in latent_rows("batchtopk", "--class", tag)]
        same(sorted(got), [row["latent"] for row in sorted(rows, key=lambda r: r["latent"]) if row["tag"] == tag], tag)
    tested = [row["nu_error"] for row in latent_rows("batchtopk", "--sort", "nu_error")]
    numbers = [value for value in tested if value is not None]
    same(tested, sorted(numbers) + [None] * (len(tested) - len(numbers)), "numbers first, in order")
    lines = call("latents", make_run("batchtopk"), "--limit", 3).decode().splitlines()
    same(len(lines), 4, "lines of the table")
    same(lines[0].index("Latent Scaling"), max(line.rindex("  ") for line in lines[1:]) + 2, "where the last column begins")


def steer_words():
    make_analysis("batchtopk")
    return ["steer", make_run("batchtopk"), *make_pair(), "--prompt", "Why rain? 日本", "--max-tokens", 12]


def steer():
    best = latent_rows("batchtopk", "--sort", "-density", "--limit", 2)
    one = call_json(*steer_words(), "--latent", f"{best[0]['latent']}=-1.5")
    same(sorted(key for key in one if key != "prompt"), ["base", "base_steered", "chat", "chat_steered"], "keys")
    same(one["prompt"], "Why rain? 日本", "prompt")
    same(call_json(*steer_words(), "--latent", f"{best[0]['latent']}=0")["chat_steered"], one["chat"], "steered by nothing")
    several = [f"{row['latent']}=4" for row in best]
    together = call_json(*steer_words(), "--latent", *several)
    apart = call_json(*steer_words(), "--latent", several[0], "--latent", several[1])
    same(together, apart, "latents after one option and after two")
    assert together["chat_steered"] != together["chat"], "a strong push changes nothing"
    text = call(*steer_words(), "--latent", several[0], "--mode", "ablate").decode()
    assert all(title in text for title in ("base", "chat", "steered"))


def steer_layer():
    """Without --layer it is the store's."""
    words = steer_words() + ["--latent", "0=6", "1=6", "2=6"]
    same(call_json(*words), call_json(*words, "--layer", 0), "layer 0 and the store's layer")
    assert call_json(*words) != call_json(*words, "--layer", 1), "another layer changes nothing"


def steer_refusals():
    make_analysis("batchtopk")
    call(*steer_words(), "--latent", "48=1", expect=1)
    call(*steer_words(), "--latent", "1=1", "--layer", 7, expect=1)
    words = steer_words()
    words[words.index("--chat") + 1] = tmp("nothing")
    call(*words, "--latent", "1=1", expect=1)


CASES = [
    ("harvest", harvest),
    ("layout of the store", store_layout),
    ("the store agrees with model forward", store_agrees_with_forward),
    ("harvest interrupted and gone on with", harvest_interrupted),
    ("harvest refuses", harvest_refusals),
    ("broken stores", broken_store),
    ("train batchtopk", lambda: train("batchtopk")),
    ("train l1", lambda: train("l1")),
    ("train topk", lambda: train("topk")),
    ("names and shapes of a run's tensors", run_tensors),
    ("train batchtopk, killed twice", lambda: train_killed("batchtopk", signal.SIGKILL)),
    ("train l1, interrupted twice", lambda: train_killed("l1", signal.SIGINT)),
    ("train refuses", train_refusals),
    ("analyze", analyze),
    ("layout of latents.h5", latents_file),
    ("norms agree with the weights", latents_agree_with_weights),
    ("latents: filters and order", latents_list),
    ("steer", steer),
    ("steer: the layer of the run", steer_layer),
    ("steer refuses", steer_refusals),
]
