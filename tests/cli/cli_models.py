"""Cases: model, tokenize and chat-template against the reference kit."""
import json
import os

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

import model_maker
from cli_harness import (DEMO_CHAT, LLAMA, QWEN, call, call_json, json_lines, make_pair, need, need_h5py,
                         same, tmp)


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


CASES = [
    ("model info", model_info),
    ("model forward: every layer and the logits", model_forward),
    ("model forward and generate under edits", model_edits),
    ("model generate: greedy continuations", model_generate),
    ("model generate: text and seeds", model_prompt),
    ("tokenize: strings", tokenize_strings),
    ("tokenize: bytes that are not UTF-8", tokenize_bytes),
    ("tokenize: ids", tokenize_ids),
    ("tokenize: U+0000", tokenize_nul),
    ("tokenize: bad lines", tokenize_bad_lines),
    ("chat-template of a tiny model", template_tiny),
    ("chat-template of the demo model", template_demo),
]
