#!/usr/bin/python3
"""Drives crosscope-cli from outside: what each verb reads, prints, writes and returns. Speaks TAP.

    test-cli.py COMMAND        (CS_TEST_SHARED: folder with reference/, where there is one)
"""
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import model_maker  # noqa: E402

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

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


# --- the reference model ---

def manifest():
    return json.load(open(os.path.join(need(LLAMA), "expected", "manifest.json"), encoding="utf-8"))


def expected_array(entry):
    path = os.path.join(LLAMA, "expected", entry["file"])
    return np.fromfile(path, dtype="<f4").reshape(entry["shape"])


def check_forward(h5_path, ids, entry, first=0):
    m = manifest()
    with h5py.File(h5_path) as file:
        same(file["ids"].dtype, np.dtype("int32"), "type of /ids")
        same(list(file["ids"]), ids, "/ids")
        same(file["residual"].shape, (m["n_layers"] + 1, len(ids), m["hidden_size"]), "shape of /residual")
        same(file["residual"].dtype, np.dtype("float32"), "type of /residual")
        same(file["logits"].shape, (len(ids), m["vocab_size"]), "shape of /logits")
        residual = np.abs(file["residual"][first:] - expected_array(entry["residual"])).max()
        logits = np.abs(file["logits"][:] - expected_array(entry["logits"])).max()
    assert residual <= m["tolerance"]["residual_abs"], f"residual off by {residual}"
    assert logits <= m["tolerance"]["logits_abs"], f"logits off by {logits}"


def write_edit(entry):
    edit = {key: entry[key] for key in ("op", "at", "from", "position") if key in entry}
    edit["vector"] = os.path.join(LLAMA, "expected", entry["vector"]["file"])
    model_maker.write_json(tmp(entry["name"] + ".json"), edit)
    return tmp(entry["name"] + ".json")


def model_info():
    need(LLAMA)
    info = call_json("model", "info", LLAMA)
    for key, value in (("model_type", "llama"), ("n_layers", 4), ("d_model", 64), ("vocab_size", 504), ("n_heads", 4),
                       ("n_kv_heads", 2), ("head_dim", 16), ("tied_head", False)):
        same(info[key], value, key)
    assert b"llama" in call("model", "info", LLAMA)


def model_forward():
    m = manifest()
    need_h5py()
    for entry in m["sequences"]:
        ids = ",".join(map(str, entry["ids"]))
        call("model", "forward", LLAMA, "--ids", ids, "--out", tmp("forward.h5"))
        check_forward(tmp("forward.h5"), entry["ids"], entry)
    with open(tmp("ids.txt"), "w", encoding="ascii") as file:
        file.write("\n".join(map(str, m["sequences"][1]["ids"])) + "\n")
    call("model", "forward", LLAMA, "--ids", "@" + tmp("ids.txt"), "--out", tmp("forward.h5"))
    check_forward(tmp("forward.h5"), m["sequences"][1]["ids"], m["sequences"][1])


def model_edits():
    m = manifest()
    need_h5py()
    sequences = {s["name"]: s for s in m["sequences"]}
    for entry in m["edits"]:
        ids = sequences[entry["sequence"]]["ids"]
        words = [LLAMA, "--ids", ",".join(map(str, ids)), "--edit", write_edit(entry)]
        call("model", "forward", *words, "--out", tmp("edit.h5"))
        check_forward(tmp("edit.h5"), ids, entry, entry["residual"]["first"])
        if "greedy" in entry:
            answer = call_json("model", "generate", *words, "--max-tokens", len(entry["greedy"]), "--ignore-eos")
            same(answer["ids"], entry["greedy"], "greedy continuation under " + entry["name"])


def model_generate():
    for entry in manifest()["sequences"]:
        words = ["model", "generate", LLAMA, "--ids", ",".join(map(str, entry["ids"])), "--max-tokens", 16]
        answer = call_json(*words, "--temperature", 0, "--ignore-eos")
        same(answer["ids"], entry["greedy"], "greedy of " + entry["name"])
        same(call_json(*words)["ids"], entry["greedy_stopped"], "stopped greedy of " + entry["name"])
        assert isinstance(answer["text"], str)


def model_prompt():
    entry = manifest()["sequences"][0]
    answer = call_json("model", "generate", LLAMA, "--prompt", entry["text"], "--max-tokens", 16, "--ignore-eos")
    same(answer["ids"], entry["greedy"], "continuation of the text")
    drawn = [call_json("model", "generate", LLAMA, "--prompt", "a", "--temperature", 1, "--seed", s)["ids"]
             for s in (1, 1, 2)]
    same(drawn[0], drawn[1], "two samples of one seed")
    assert drawn[0] != drawn[2], "two seeds give the same sample"


# --- tokenizer and template ---

def expected_tokens():
    return json.load(open(os.path.join(need(QWEN), "expected.json"), encoding="utf-8"))


def tokenize_strings():
    strings = expected_tokens()["strings"]
    for special, flags in ((False, ["--no-special"]), (True, [])):
        answers = json_lines("tokenize", QWEN, *flags, values=[{"text": s["text"]} for s in strings])
        for s, answer in zip(strings, answers):
            same(answer["ids"], s.get("ids_special", s["ids"]) if special else s["ids"], s["name"])
            if not special:
                same(answer["decoded"], s["decoded"], s["name"] + ", decoded")


def tokenize_bytes():
    entries = expected_tokens()["invalid_utf8"]
    answers = json_lines("tokenize", QWEN, "--no-special", values=[{"bytes_hex": e["bytes"]} for e in entries])
    for e, answer in zip(entries, answers):
        same((answer["ids"], answer["decoded"]), (e["ids"], e["decoded"]), e["name"])


def tokenize_ids():
    entries = expected_tokens()["decode_only"]
    answers = json_lines("tokenize", QWEN, values=[{"ids": e["ids"]} for e in entries])
    for e, answer in zip(entries, answers):
        same(answer["decoded"], e["decoded"], e["name"])


def tokenize_nul():
    make_pair()
    answer = json_lines("tokenize", tmp("base"), values=[{"text": "a\u0000b"}, {"bytes_hex": "00"}, {"text": ""}])
    same(answer[0], {"ids": [256, 97, 0, 98], "decoded": "<bos>a\u0000b"}, "a U+0000 in a text")
    same(answer[1]["decoded"], "<bos>\u0000", "a byte 0")
    same(answer[2]["ids"], [256], "an empty text")


def tokenize_bad_lines():
    make_pair()
    for bad in ("{", "[]", "{}", '{"ids": ["a"]}', '{"bytes_hex": "0"}', '{"text": 3}', '{"ids": [99999999999]}', "\x00"):
        text = '{"text": "a"}\n\n' + bad + '\n{"text": "b"}\n'
        out = call("tokenize", tmp("base"), stdin=text.encode(), expect=1).decode().splitlines()
        same(len(out), 1, f"lines before {bad!r}")
        same(json.loads(out[0])["ids"], [256, 97], "the line before the bad one")


def chat_template(folder):
    turn = [{"role": "user", "content": " Hi there! "}]
    more = turn + [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "日本?"}]
    opened, closed, three, system, twice = json_lines("chat-template", folder, values=[
        {"messages": turn, "add_generation_prompt": True, "options": {"unused": 1}},
        {"messages": turn}, {"messages": more, "add_generation_prompt": True},
        {"messages": [{"role": "system", "content": "x"}] + turn}, {"messages": turn + turn}])
    text = "<bos><start_of_turn>user\nHi there!<end_of_turn>\n"
    same(closed["text"], text, "one turn")
    same(opened["text"], text + "<start_of_turn>model\n", "one turn and the generation prompt")
    same(three["text"], text + "<start_of_turn>model\nHello.<end_of_turn>\n<start_of_turn>user\n日本?<end_of_turn>\n"
         "<start_of_turn>model\n", "three turns")
    same(system, {"text": None, "error": "System role not supported"}, "a system message")
    assert twice["text"] is None and "alternate" in twice["error"]
    tokens = json_lines("tokenize", folder, "--no-special", values=[{"text": three["text"]}])[0]
    same(three["ids"], tokens["ids"], "ids of the rendering")
    call("chat-template", folder, stdin=b'{"messages": [{"role": "user"}]}\n', expect=1)
    call("chat-template", folder, stdin=b'{"messages": 3}\n', expect=1)


def template_tiny():
    make_pair()
    chat_template(tmp("chat"))
    call("chat-template", tmp("base"), stdin=b"", expect=1)


def template_demo():
    chat_template(need(DEMO_CHAT))


# --- wrong usage and broken files ---

def wrong_usage():
    make_pair()
    base = tmp("base")
    pair = ["--base", base, "--chat", tmp("chat")]
    train = ["train", "--activations", "x", "--latents", "8", "--out", "y"]
    for words in ([], ["frobnicate"], ["causality", "x"], ["plant", "--out", "x"], ["model"], ["--json"], ["model", "info"],
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
    call("model", "info", base + "/config.json", expect=1)
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


# --- the whole way ---

def make_pair():
    if "pair" not in WORLD:
        model_maker.write_model(tmp("base"))
        model_maker.write_model(tmp("chat"), noise=0.05, chat=True)
        WORLD["pair"] = ["--base", tmp("base"), "--chat", tmp("chat")]
    return WORLD["pair"]


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
            assert process.poll() is None and time.monotonic() < end, process.stderr.read().decode()[-300:]
            time.sleep(0.001)
        process.send_signal(number)
        process.communicate()
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


CASES = [
    ("model info", model_info), ("model forward: every layer and the logits", model_forward),
    ("model forward and generate under edits", model_edits), ("model generate: greedy continuations", model_generate),
    ("model generate: text and seeds", model_prompt), ("tokenize: strings", tokenize_strings),
    ("tokenize: bytes that are not UTF-8", tokenize_bytes), ("tokenize: ids", tokenize_ids),
    ("tokenize: U+0000", tokenize_nul), ("tokenize: bad lines", tokenize_bad_lines),
    ("chat-template of a tiny model", template_tiny), ("chat-template of the demo model", template_demo),
    ("wrong usage", wrong_usage), ("help and version", help_and_version), ("broken model files", broken_files),
    ("broken edits", broken_edits), ("standard output on a full disk", output_is_full),
    ("options, words and bytes", words_anywhere), ("bench latents", bench_latents), ("harvest", harvest),
    ("layout of the store", store_layout), ("the store agrees with model forward", store_agrees_with_forward),
    ("harvest interrupted and gone on with", harvest_interrupted), ("harvest refuses", harvest_refusals),
    ("broken stores", broken_store), ("train batchtopk", lambda: train("batchtopk")), ("train l1", lambda: train("l1")),
    ("train topk", lambda: train("topk")), ("names and shapes of a run's tensors", run_tensors),
    ("train batchtopk, killed twice", lambda: train_killed("batchtopk", signal.SIGKILL)),
    ("train l1, interrupted twice", lambda: train_killed("l1", signal.SIGINT)), ("train refuses", train_refusals),
    ("analyze", analyze), ("layout of latents.h5", latents_file), ("norms agree with the weights", latents_agree_with_weights),
    ("latents: filters and order", latents_list), ("steer", steer), ("steer: the layer of the run", steer_layer),
    ("steer refuses", steer_refusals),
]


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
