"""import and export: files made by Python's own means are taken in, and what comes out is read by them."""
import array
import csv
import json
import math
import os
import random
import sqlite3
import struct
import sys

import model_maker
from cli_harness import WORLD, Skip, call, call_json, h5py, make_pair, need_h5py, same, tmp
from cli_study import make_analysis, make_run, make_store

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "base"))
import torch_files  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

D, F = 6, 20


def floats(seed, n):
    source = random.Random(seed)
    return [struct.unpack("<f", struct.pack("<f", source.gauss(0, 1)))[0] for _ in range(n)]


def hub_tensors():
    """Latents 0 to 4 have no base decoder to speak of, 5 to 7 none in chat."""
    decoder = floats(2, 2 * F * D)
    for j in range(8):
        for i in range(D):
            decoder[(0 if j < 5 else 1) * F * D + j * D + i] *= 2 ** -10
    return {"encoder.weight": ("F32", (2, D, F), floats(1, 2 * D * F)), "encoder.bias": ("F32", (F,), floats(3, F)),
            "decoder.weight": ("F32", (2, F, D), decoder), "decoder.bias": ("F32", (2, D), floats(4, 2 * D)),
            "code_normalization_id": ("I64", (), [1]), "k": ("I32", (), [3]), "threshold": ("F32", (), [1.5]),
            "activation_mean": ("F32", (2, D), [math.nan] * 2 * D), "activation_std": ("F32", (2, D), [math.nan] * 2 * D),
            "activation_global_scale": ("F32", (2,), [1.0, 1.0]), "target_rms": ("F32", (), [1.0])}


LETTERS = {"F32": "f", "I64": "q", "I32": "i", "F64": "d"}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, numbers) in tensors.items():
        packed = struct.pack("<%d%s" % (len(numbers), LETTERS[dtype]), *numbers)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    bytes_ = open(path, "rb").read()
    size, = struct.unpack_from("<Q", bytes_)
    header, tensors = json.loads(bytes_[8:8 + size]), {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        letter = LETTERS[entry["dtype"]]
        numbers = [n for n, in struct.iter_unpack("<" + letter, bytes_[begin:end])]
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), numbers)
    return tensors


def make_hub():
    folder = tmp("hub-crosscoder")
    if not os.path.exists(folder):
        os.mkdir(folder)
        write_safetensors(os.path.join(folder, "model.safetensors"), hub_tensors())
        json.dump({"activation_dim": D, "dict_size": F, "num_layers": 2, "k": 100, "code_normalization": "CROSSCODER",
                   "activation_mean": None, "activation_std": None}, open(os.path.join(folder, "config.json"), "w"))
        json.dump({"trainer": {"layer": 13, "lr": 1e-4, "lm_name": "google/gemma-2-2b-it-google/gemma-2-2b"}},
                  open(os.path.join(folder, "trainer_config.json"), "w"))
    return folder


def delta_norms():
    decoder = hub_tensors()["decoder.weight"][2]
    norm = [math.sqrt(sum(x * x for x in decoder[row * D:row * D + D])) for row in range(2 * F)]
    return [0.5 * (1 + (norm[F + j] - norm[j]) / max(norm[j], norm[F + j])) for j in range(F)]


def write_table(path, diff, norm="dec_instruct_norm"):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["", "tag", "dead", "dec_norm_diff", "dec_base_norm", norm, "freq", "max_act", "lmsys_ctrl_%",
                       "beta_error_base", "beta_ratio_error", "beta_ratio_reconstruction"])
        for j in reversed(range(F)):
            rows.writerow([j, "Chat only" if j < 5 else "Base only" if j < 8 else "Other", j == 9, diff[j], 1, 2, j / 100, 10 + j,
                           "" if j == 3 else 0.25, 0.5, 0.1 if j == 0 else 0.3, 0.2])
    return path


def write_examples(path):
    with sqlite3.connect(path) as db:
        db.executescript("CREATE TABLE sequences (sequence_idx INTEGER, token_ids BLOB);"
                         "CREATE TABLE quantile_examples (feature_idx INTEGER, quantile_idx INTEGER, activation REAL, sequence_idx INTEGER);"
                         "CREATE TABLE activation_details (feature_idx INTEGER, sequence_idx INTEGER, positions BLOB, activation_values BLOB);"
                         "CREATE VIEW trap AS SELECT * FROM sequences;")
        for sequence in range(3):
            db.execute("INSERT INTO sequences VALUES (?, ?)",
                       (sequence, array.array("i", [256] + [65 + sequence + t for t in range(9)]).tobytes()))
            db.execute("INSERT INTO quantile_examples VALUES (2, ?, ?, ?)", (4 - sequence, 9.0 - sequence, sequence))
            db.execute("INSERT INTO activation_details VALUES (2, ?, ?, ?)",
                       (sequence, array.array("i", [3, 5]).tobytes(), array.array("f", [1.0, 9.0 - sequence]).tobytes()))
    return path


def make_import():
    if "imported" not in WORLD:
        WORLD["import answer"] = call_json(
            "import", make_hub(), "--out", tmp("imported"), "--attach",
            write_table(tmp("feature_df.csv"), [1 - x for x in delta_norms()]), "--examples", write_examples(tmp("examples.db")))
        WORLD["imported"] = tmp("imported")
    return WORLD["imported"]


def rows_of(run):
    return [json.loads(line) for line in call("latents", run, "--sort", "latent", "--json").decode().splitlines()]


def import_hub():
    run, expected = make_import(), delta_norms()
    same(len(WORLD["import answer"]["notes"]), 2, "notes")
    rows = rows_of(run)
    same(len(rows), F, "rows")
    for j, row in enumerate(rows):
        assert abs(row["delta_norm"] - expected[j]) < 1e-6, row
        same(row["tag"], "dead" if j == 9 else "chat-only" if j < 5 else "base-only" if j < 8 else "other", f"tag of {j}")
        assert abs(row["max_act"] - 10 - j) < 1e-6 and abs(row["density"] - j / 100) < 1e-6, row
        same(row["chat_specific"], j == 0, f"chat-specific {j}")
        assert (row["template_share"] is None) == (j == 3), row
    settings = json.load(open(os.path.join(run, "config.json")))
    same((settings["k"], settings["layer"], settings["imported"]["format"]), (3, 13, "hub"), "config.json")
    call("import", make_hub(), "--out", run, expect=1)


def import_table_checks():
    """A table of another crosscoder is refused; one with Δ_norm the paper's way round is taken as it is."""
    run = tmp("table-run")
    call("import", make_hub(), "--out", run)
    same([row["tag"] for row in rows_of(run)][:8], ["chat-only"] * 5 + ["base-only"] * 3, "classes from the weights alone")
    other = write_table(tmp("other.csv"), [random.Random(5).random() for _ in range(F)])
    call("import", make_hub(), "--out", tmp("table-run-2"), "--attach", other, expect=1)
    plain = write_table(tmp("plain.csv"), delta_norms(), "dec_ft_norm")
    call("import", make_hub(), "--out", tmp("table-run-3"), "--attach", plain)
    for text in ("", "a,b\n1\n", "tag\nx\n", '"open\n', ",dec_norm_diff\n0,0.5\n0,0.5\n", ",dec_norm_diff\n99,0.5\n", "\xff\xfe"):
        with open(tmp("bad.csv"), "w", encoding="latin-1") as file:
            file.write(text)
        call("import", make_hub(), "--out", tmp("bad-" + str(abs(hash(text)))), "--attach", tmp("bad.csv"), expect=1)
    with open(tmp("bad.db"), "wb") as file:
        file.write(b"SQLite format 3\0" + b"nonsense" * 100)
    call("import", make_hub(), "--out", tmp("bad-db"), "--examples", tmp("bad.db"), expect=1)


def import_checkpoint():
    state = {"_orig_mod." + name: torch_files.Tensor({"F32": "Float", "I64": "Long", "I32": "Int"}[dtype], numbers, shape)
             for name, (dtype, shape, numbers) in hub_tensors().items()}
    os.mkdir(tmp("checkpoint"))
    torch_files.save(tmp("checkpoint", "model_final.pt"), state)
    call("import", tmp("checkpoint"), "--out", tmp("from-pt"), "--layer", 7)
    call("import", make_hub(), "--out", tmp("from-hub"))
    of_hub = read_safetensors(tmp("from-hub", "model.safetensors"))     # with buffers that say that nothing is normalised
    for name, tensor in read_safetensors(tmp("from-pt", "model.safetensors")).items():
        same(tensor, of_hub[name], name + " of checkpoint and hub file")
    torch_files.save(tmp("code.pt"), {"a": torch_files.Tensor("Float", [1.0], (1,)), "b": os.system})
    assert b"system" in __import__("subprocess").run(
        [sys.argv[1], "import", tmp("code.pt"), "--out", tmp("from-code")], stderr=-1, check=False).stderr, "the global is not named"


def export_hub():
    call("export", make_import(), "--format", "hub", "--out", tmp("hub-out"))
    written, expected = read_safetensors(tmp("hub-out", "model.safetensors")), hub_tensors()
    for name, tensor in written.items():
        same(tensor, expected[name], name)
    missing = set(expected) - set(written)
    same(missing, {"activation_mean", "activation_std", "activation_global_scale", "target_rms"}, "buffers left out")
    settings = json.load(open(tmp("hub-out", "config.json")))
    same((settings["activation_dim"], settings["dict_size"], settings["num_layers"], settings["k"]), (D, F, 2, 3), "config.json")
    trainer = json.load(open(tmp("hub-out", "trainer_config.json")))["trainer"]
    same((trainer["layer"], trainer["dict_class"]), (13, "BatchTopKCrossCoder"), "trainer_config.json")
    call("export", make_run("topk"), "--format", "hub", "--out", tmp("hub-topk"), expect=1)


def export_csv():
    for name, run in (("imported", make_import()), ("ours", (make_analysis("batchtopk"), make_run("batchtopk"))[1])):
        path = tmp(name + ".csv")
        call("export", run, "--format", "csv", "--out", path)
        table, rows = list(csv.DictReader(open(path, newline=""))), rows_of(run)
        same(len(table), len(rows), "rows")
        for line, row in zip(table, rows):
            same(int(line[""]), row["latent"], "index")
            assert abs(1 - float(line["dec_norm_diff"]) - row["delta_norm"]) < 1e-6, line
            for theirs, ours in (("freq", "density"), ("max_act", "max_act"), ("beta_ratio_error", "nu_error"),
                                 ("beta_error_base", "beta_error_base"), ("dec_instruct_norm", "dec_chat_norm")):
                value = float(line[theirs]) if line[theirs] else None
                assert (value is None) == (row[ours] is None) and (value is None or math.isclose(value, row[ours], rel_tol=1e-6)), line
            same(line["dead"], str(row["dead"]), "dead")
    again = tmp("imported-again")
    call("import", make_hub(), "--out", again, "--attach", tmp("imported.csv"))
    call("export", again, "--format", "csv", "--out", tmp("again.csv"))
    same(open(tmp("again.csv")).read(), open(tmp("imported.csv")).read(), "a table that went out, in and out again")


def export_neuronpedia():
    make_pair()
    with open(tmp("labels.json"), "w") as file:
        json.dump({"imported": {"2": {"name": "letters", "note": "", "bookmarked": True}}}, file)
    call("export", make_import(), "--format", "neuronpedia", "--out", tmp("np.json"), "--chat", tmp("chat"), "--labels", tmp("labels.json"))
    batch = json.load(open(tmp("np.json")))
    same((batch["layer"], batch["model_id"], len(batch["features"])), (13, "chat", F), "head")
    feature = batch["features"][2]
    same(feature["explanations"][0]["description"], "letters", "label")
    activations = feature["activations"]
    same(len(activations), 3, "examples")
    same(activations[0]["tokens"], ["<bos>"] + [chr(65 + t) for t in range(9)], "tokens")
    same(activations[0]["values"][3:6], [1.0, 0.0, 9.0], "values")
    same(activations[0]["qualifying_token_index"], 5, "peak")
    same(batch["features"][1]["activations"], [], "no examples")
    make_analysis("batchtopk")
    call("export", make_run("batchtopk"), "--format", "neuronpedia", "--out", tmp("np-ours.json"), "--chat", tmp("chat"),
         "--activations", make_store(), "--latent", 4)
    same(len(json.load(open(tmp("np-ours.json")))["features"]), 1, "one latent")
    call("export", make_run("batchtopk"), "--format", "neuronpedia", "--out", tmp("np-ours.json"), *make_pair(),
         "--activations", make_store())
    features = json.load(open(tmp("np-ours.json")))["features"]
    for feature in features:
        same((len(feature["pos_str"]), len(feature["neg_values"])), (10, 10), "logits")
        assert feature["pos_values"] == sorted(feature["pos_values"], reverse=True), feature["pos_values"]
    counted = [feature for feature in features if sum(feature["freq_hist_data_bar_heights"]) > 0]
    assert counted and all(len(feature["freq_hist_data_bar_values"]) == 20 for feature in counted), "histograms"


def export_gguf():
    call("export", make_import(), "--format", "gguf", "--latent", 2, "--out", tmp("v.gguf"))
    content = open(tmp("v.gguf"), "rb").read()
    assert content[:4] == b"GGUF" and b"direction.13" in content and b"controlvector" in content, "no control vector"
    vector = struct.unpack("<%df" % D, content[-32:-32 + 4 * D])
    decoder = hub_tensors()["decoder.weight"][2]
    rows = [decoder[(m * F + 2) * D:(m * F + 2) * D + D] for m in range(2)]
    scale = 12 / sum(math.sqrt(sum(x * x for x in row)) for row in rows)
    assert all(math.isclose(v, scale * x, rel_tol=1e-5) for v, x in zip(vector, rows[1])), vector
    call("export", make_import(), "--format", "gguf", "--latent", 999, "--out", tmp("v.gguf"), expect=1)
    call("export", make_import(), "--format", "gguf", "--out", tmp("v.gguf"), expect=2)


def analyze_imported():
    """An exported and imported run is analysed and steered as the one that it came from."""
    need_h5py()
    make_analysis("l1")
    call("export", make_run("l1"), "--format", "hub", "--out", tmp("hub-l1"))
    call("import", tmp("hub-l1"), "--out", tmp("l1-again"))
    call("analyze", tmp("l1-again"), "--activations", make_store(), *make_pair())
    same(rows_of(tmp("l1-again")), rows_of(make_run("l1")), "latents of both runs")
    call("steer", tmp("l1-again"), *make_pair(), "--layer", 1, "--prompt", "Hi", "--latent", "3=1", "--max-tokens", 4)
    call("train", "--activations", make_store(), "--variant", "l1", "--latents", 48, "--out", tmp("l1-again"), expect=1)


def memmap():
    need_h5py()
    if numpy is None:
        raise Skip("python3-numpy is not installed")
    call("export", make_store(), "--format", "memmap", "--out", tmp("cache"))
    torch_files.fake_modules()
    with h5py.File(make_store()) as file:
        rows, ids, corpus, documents = (file[name][()] for name in ("activations", "token_ids", "corpus", "documents"))
        layer = int(file.attrs["layer"])
        names = [n.decode() if isinstance(n, bytes) else n for n in numpy.atleast_1d(file.attrs["corpora"])]
    for c, name in enumerate(names):
        mine = corpus == c
        for m, model in enumerate(("base", "chat")):
            split = tmp("cache", model, name, "train")
            folder = os.path.join(split, f"layer_{layer}_out")
            meta = json.load(open(os.path.join(folder, "shard_0.meta")))
            data = numpy.memmap(os.path.join(folder, "shard_0.memmap"), dtype=meta["dtype"][len("torch."):], mode="r",
                                shape=tuple(meta["shape"]))
            assert numpy.array_equal(data, rows[mine][:, m]), f"{model} {name}: rows differ"
            settings = json.load(open(os.path.join(folder, "config.json")))
            same((settings["total_size"], settings["shard_count"], settings["d_model"]), (len(data), 1, model_maker.D), "config.json")
            same(torch_numbers(os.path.join(split, "tokens.pt")), ids[mine].tolist(), "tokens")
            std = torch_numbers(os.path.join(folder, "std.pt"))
            assert numpy.allclose(std, data.astype("f8").std(axis=0, ddof=1), rtol=1e-6), "std"
            lengths = [int(b - a) for a, b in zip(documents, documents[1:]) if corpus[a] == c]
            same(torch_numbers(os.path.join(split, "sequence_ranges.pt")), [0] + numpy.cumsum(lengths).tolist(), "ranges")
    for c, name in enumerate(names):
        out = tmp(f"back-{c}.h5")
        call("import", tmp("cache", "base", name, "train"), tmp("cache", "chat", name, "train", f"layer_{layer}_out"), "--out", out)
        with h5py.File(out) as file:
            assert numpy.array_equal(file["activations"][()], rows[corpus == c]), "rows after the way back"
            same(file["activations"].dtype, rows.dtype, "type")
            same(file["token_ids"][()].tolist(), ids[corpus == c].tolist(), "tokens")
            same(int(file.attrs["layer"]), layer, "layer")


def torch_numbers(path):
    import zipfile
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].split("/")[0] + "/"
        return torch_files.Unpickler(archive, folder).load().values()


def bfloat_cache():
    """bfloat16 as int16 bits, in several shards, as the training library leaves it; hostile ones are refused."""
    need_h5py()
    if numpy is None:
        raise Skip("python3-numpy is not installed")
    n, d, values = 25, 4, {}
    for model in ("base", "chat"):
        split = tmp("bf", model, "web", "train")
        folder = os.path.join(split, "layer_3_out")
        os.makedirs(folder)
        wide = numpy.random.default_rng(len(model) + ord(model[0])).standard_normal((n, d)).astype("<f4")
        bits = (wide.view("<u4") >> 16).astype("<u2")
        values[model] = (bits.astype("<u4") << 16).view("<f4")
        for shard, rows in enumerate((bits[:10], bits[10:20], bits[20:])):
            rows.tofile(os.path.join(folder, f"shard_{shard}.memmap"))
            json.dump({"shape": list(rows.shape), "dtype": "torch.bfloat16"}, open(os.path.join(folder, f"shard_{shard}.meta"), "w"))
        json.dump({"d_model": d, "shard_count": 3, "total_size": n}, open(os.path.join(folder, "config.json"), "w"))
        torch_files.save(os.path.join(split, "tokens.pt"), torch_files.Tensor("Long", list(range(n)), (n,)))
        torch_files.save(os.path.join(split, "sequence_ranges.pt"), torch_files.Tensor("Long", [0, 7, 12, n], (4,)))
    words = ["import", tmp("bf", "base", "web", "train"), tmp("bf", "chat", "web", "train")]
    call(*words, "--out", tmp("bf.h5"))
    with h5py.File(tmp("bf.h5")) as file:
        assert numpy.array_equal(file["activations"][()], numpy.stack([values["base"], values["chat"]], axis=1)), "values"
        same(file["documents"][()].tolist(), [0, 7, 12, n], "documents")
    meta = tmp("bf", "base", "web", "train", "layer_3_out", "shard_1.meta")
    for bad in ({"shape": [10 ** 15, d], "dtype": "torch.bfloat16"}, {"shape": [10, d + 1], "dtype": "torch.bfloat16"},
                {"shape": [10], "dtype": "torch.bfloat16"}, {"shape": [10, d], "dtype": "torch.int8"}):
        json.dump(bad, open(meta, "w"))
        call(*words, "--out", tmp("bf-bad.h5"), expect=1)
    json.dump({"shape": [10, d], "dtype": "torch.bfloat16"}, open(meta, "w"))
    torch_files.save(tmp("bf", "chat", "web", "train", "tokens.pt"), torch_files.Tensor("Long", [5] * n, (n,)))
    call(*words, "--out", tmp("bf-bad.h5"), expect=1)
    assert not os.path.exists(tmp("bf-bad.h5")), "a refused cache left a store"


def kissane():
    inner = tmp("kissane", "blocks.9.hook_resid_pre")
    os.makedirs(inner)
    hub = hub_tensors()
    rows = hub["decoder.weight"][2]
    swapped = [x for j in range(F) for m in range(2) for x in rows[(m * F + j) * D:(m * F + j) * D + D]]
    torch_files.save(os.path.join(inner, "cc_weights.pt"), {
        "W_enc": torch_files.Tensor("Float", hub["encoder.weight"][2], (2, D, F)), "W_dec": torch_files.Tensor("Float", swapped, (F, 2, D)),
        "b_enc": torch_files.Tensor("Float", hub["encoder.bias"][2], (F,)), "b_dec": torch_files.Tensor("Float", hub["decoder.bias"][2], (2, D))})
    json.dump({"hook_point": "blocks.9.hook_resid_pre", "l1_coeff": 2, "lr": 5e-5}, open(os.path.join(inner, "cfg.json"), "w"))
    answer = call_json("import", tmp("kissane"), "--out", tmp("kissane-run"), "--scale", "0.5,4")
    assert "Δ_norm" in answer["notes"][0], answer
    weights = read_safetensors(tmp("kissane-run", "model.safetensors"))
    same(weights["encoder.weight"][2][0], hub["encoder.weight"][2][0] * 0.5, "folded encoder")
    same(weights["decoder.weight"][2][F * D], rows[F * D] / 4, "folded decoder")
    expected = delta_norms()
    for j, row in enumerate(rows_of(tmp("kissane-run"))):
        assert abs(row["delta_norm"] - expected[j]) < 1e-6, row
    call("import", tmp("kissane"), "--out", tmp("kissane-bad"), "--scale", "1,x", expect=2)


CASES = [
    ("import: the hub format, with table and examples", import_hub),
    ("import: tables and databases that do not fit", import_table_checks),
    ("import: a training checkpoint", import_checkpoint),
    ("import: the replication's layout", kissane),
    ("export: the hub format", export_hub),
    ("export: a table", export_csv),
    ("export: Neuronpedia's JSON", export_neuronpedia),
    ("export: a control vector", export_gguf),
    ("an imported run is analysed and steered", analyze_imported),
    ("the memmap cache, out and in", memmap),
    ("a bfloat16 cache, and hostile ones", bfloat_cache),
]
