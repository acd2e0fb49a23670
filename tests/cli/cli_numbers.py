"""Cases: the command's numbers against the formulas in NumPy, in double precision, from the command's own files."""
import json
import os
import struct

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None

import model_maker
from cli_harness import WORLD, call, call_json, json_lines, make_pair, need_h5py, same, tmp

D, F, K, BATCH_STEPS = model_maker.D, 24, 4, 8
MU, RATE = 0.02, 1e-3


# --- Files ---

def store():
    """A small store of whole documents of both corpora, and what is in it."""
    if "numbers store" not in WORLD:
        web, chat = model_maker.write_corpora(os.path.dirname(tmp("x")), 1500)
        call("harvest", *make_pair(), "--layer", 1, "--corpus", web, chat, "--tokens", 6000, "--dtype", "f32",
             "--out", tmp("numbers.h5"), "--threads", 2)
        WORLD["numbers store"] = tmp("numbers.h5")
    with h5py.File(WORLD["numbers store"]) as file:
        return WORLD["numbers store"], {name: file[name][:] for name in
                                        ("activations", "token_ids", "documents", "position", "corpus")}


def tensors(run):
    with open(os.path.join(run, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kinds = {"F32": "<f4", "I32": "<i4", "I64": "<i8"}
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


class Crosscoder:
    """encoder [2, d, F], decoder [2, F, d], biases, θ: all in double precision."""

    def __init__(self, run, variant):
        t = tensors(run)
        self.variant = variant
        self.encoder, self.decoder = t["encoder.weight"].astype(float), t["decoder.weight"].astype(float)
        self.bias, self.out = t["encoder.bias"].astype(float), t["decoder.bias"].astype(float)
        self.threshold = float(t["threshold"]) if "threshold" in t else -1.

    def parameters(self):
        return [self.encoder, self.decoder, self.bias, self.out]

    def scales(self):
        return np.linalg.norm(self.decoder, axis=2).sum(0)

    def positive(self, x):
        return np.maximum(np.einsum("tmd,mdf->tf", x, self.encoder) + self.bias, 0)

    def codes(self, x):
        f = self.positive(x)
        return f * (f * self.scales() > self.threshold) if self.variant == "batchtopk" else f

    def decode(self, f):
        return np.einsum("tf,mfd->tmd", f, self.decoder) + self.out


def close(got, expected, what, tolerance=1e-4):
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    same(got.shape, expected.shape, "shape of " + what)
    assert (np.isnan(got) == np.isnan(expected)).all(), f"{what}: numbers that are not there differ"
    off = np.nanmax(np.abs(got - expected) / (np.abs(expected) + 1e-3), initial=0)
    assert off < tolerance, f"{what} is off by {off:.2g}: {got.ravel()[:4]} is not {expected.ravel()[:4]}"


def explained(x, x_hat):
    """Fraction of variance explained of base, chat and both, over rows."""
    rest, whole = ((x - x_hat).var(0, ddof=1).sum(1), x.var(0, ddof=1).sum(1))
    return [*(1 - rest / whole), 1 - rest.sum() / whole.sum()]


# --- Training: every step on the whole store, so that the order of tokens does not matter ---

def train(variant, run, steps, rate):
    path, data = store()
    call("train", "--activations", path, "--variant", variant, "--latents", F, "--k", K, "--mu", MU, "--steps", steps,
         "--batch", len(data["token_ids"]), "--lr", rate, "--seed", 3, "--held-out", 0, "--log-every", 1, "--threads", 2,
         "--out", run)
    return Crosscoder(run, variant)


def losses(c, x, variant, dead):
    """Loss terms, gradients by hand, which latents fired, smallest selected v."""
    n = len(x)
    f, s = c.positive(x), c.scales()
    v = f * s
    if variant == "batchtopk":
        least = np.sort(v.ravel())[-K * n]
        f = f * (v >= max(least, 1e-300))
    error = x - c.decode(f)
    norm = np.linalg.norm(error, axis=2, keepdims=True)
    back = -error / (2 * n * norm)                     # of the mean over tokens and models of ‖ε‖
    fired = (v > 1e-4).any(0) if variant == "l1" else (f > 0).any(0)
    to_f = np.einsum("tmd,mfd->tf", back, c.decoder)
    grads = [None, np.einsum("tmd,tf->mfd", back, f), None, back.sum(0)]
    terms = {"loss": norm.mean(), "mse_base": (error[:, 0] ** 2).sum(1).mean(), "mse_chat": (error[:, 1] ** 2).sum(1).mean(),
             "l0": (f > 0).sum(1).mean(), "aux": 0}
    terms["fve_base"], terms["fve_chat"], _ = explained(x, x - error)
    if variant == "l1":
        terms["loss"] += MU * (f * s).sum(1).mean()
        to_f = to_f + MU * s / n
        grads[1] += MU / n * f.sum(0)[None, :, None] * c.decoder / np.linalg.norm(c.decoder, axis=2, keepdims=True)
    to_f = to_f * (f > 0)
    dead = dead(fired)
    if variant == "batchtopk" and dead.any():
        many = min(D // 2, dead.sum())
        v_dead = np.where(dead, c.positive(x) * s, -1)
        rows = np.sort(v_dead, axis=1)[:, -many][:, None]
        g = c.positive(x) * (v_dead >= np.maximum(rows, 1e-300))
        rest = error - np.einsum("tf,mfd->tmd", g, c.decoder)
        below = ((error - error.mean(0)) ** 2).sum((1, 2)).mean()
        terms["aux"] = (rest ** 2).sum((1, 2)).mean() / below
        terms["loss"] += terms["aux"] / 32
        of_rest = -2 / 32 * rest / (n * below)
        grads[1] += np.einsum("tmd,tf->mfd", of_rest, g)
        to_f += np.einsum("tmd,mfd->tf", of_rest, c.decoder) * (g > 0)
    grads[0], grads[2] = np.einsum("tmd,tf->mdf", x, to_f), to_f.sum(0)
    terms["dead"] = dead.sum()
    return terms, grads, fired, (v[f > 0].min() if (f > 0).any() else 0)


def reference(c, x, variant, steps):
    """The steps in NumPy; the rows of metrics.csv that they make."""
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in c.parameters()]
    silent, rows = np.zeros(F), []

    def dead(fired):
        silent[:] = np.where(fired, 0, silent + len(x))
        return silent >= len(x) * steps // 10          # ten million tokens, clamped to a tenth of the run

    for t in range(1, steps + 1):
        terms, grads, _, least = losses(c, x, variant, dead)
        rows.append(terms)
        size = np.sqrt(sum((g ** 2).sum() for g in grads))
        if variant == "batchtopk":
            grads = [g * min(1, 1 / (size + 1e-6)) for g in grads]
            if t - 1 > steps // 2:                     # 1,000 steps, clamped to half of the run
                c.threshold = least if c.threshold < 0 else 0.999 * c.threshold + 0.001 * least
        for p, g, (m, w) in zip(c.parameters(), grads, moments):
            m[:], w[:] = 0.9 * m + 0.1 * g, 0.999 * w + 0.001 * g * g
            p -= RATE * (m / (1 - 0.9 ** t)) / (np.sqrt(w / (1 - 0.999 ** t)) + 1e-8)
    return rows


def training(variant):
    need_h5py()
    x = store()[1]["activations"].astype(float)
    start = train(variant, tmp(f"start-{variant}"), 1, 1e-30)   # steps that do not move anything
    scale = {"l1": 0.005, "batchtopk": 1}[variant]
    close(np.linalg.norm(start.decoder, axis=2), np.full((2, F), scale), "initial norms")
    same((start.decoder == start.encoder.transpose(0, 2, 1)).all() and (start.decoder[0] == start.decoder[1]).all(), True,
         "decoder of both models is the encoder turned round")
    if variant == "batchtopk":                                  # the geometric median: unit vectors to it add up to nothing
        way = x - start.out
        pull = (way / np.linalg.norm(way, axis=2, keepdims=True)).mean(0)
        assert np.abs(pull).max() < 1e-3, f"the decoder bias is no median: {pull}"
    else:
        close(start.out, np.zeros((2, D)), "initial bias")
    begun = [p.copy() for p in start.parameters()]
    trained = train(variant, tmp(f"steps-{variant}"), BATCH_STEPS, RATE)
    start.threshold = -1.
    rows = reference(start, x, variant, BATCH_STEPS)
    with open(tmp(f"steps-{variant}", "metrics.csv"), encoding="ascii") as file:
        names, *lines = [line.strip().split(",") for line in file]
    same([int(line[0]) for line in lines], list(range(1, BATCH_STEPS + 1)), "steps in metrics.csv")
    for key in ("loss", "mse_base", "mse_chat", "fve_base", "fve_chat", "l0", "dead", "aux"):
        close([float(line[names.index(key)]) for line in lines], [row[key] for row in rows], f"{key} of {variant}", 5e-3)
    for got, expected, before, name in zip(trained.parameters(), start.parameters(), begun,
                                           ("encoder", "decoder", "encoder bias", "decoder bias")):
        off = np.linalg.norm(got - expected) / np.linalg.norm(expected - before)
        assert off < 0.02, f"{name} of {variant} is off by {off:.2g} of how far it moved"
    if variant == "batchtopk":
        close(trained.threshold, start.threshold, "θ", 1e-3)


# --- Validation and analysis ---

def run_of(variant):
    if "numbers " + variant not in WORLD:
        path, _ = store()
        run = tmp("numbers-" + variant)
        WORLD["validation " + variant] = call_json(
            "train", "--activations", path, "--variant", variant, "--latents", F, "--k", K, "--mu", MU, "--steps", 400,
            "--batch", 256, "--lr", 2e-3, "--seed", 4, "--held-out", 0.2, "--threads", 2, "--out", run)
        call("analyze", run, "--activations", path, *make_pair(), "--test", 6)
        WORLD["numbers " + variant] = run
    return WORLD["numbers " + variant]


def held_out(data, share):
    """Tokens of the last documents of each corpus."""
    begin, mask = data["documents"], np.zeros(len(data["token_ids"]), bool)
    of = data["corpus"][begin[:-1]]
    for corpus in set(of):
        documents = np.flatnonzero(of == corpus)
        for d in documents[len(documents) - int(share * len(documents)):]:
            mask[begin[d]:begin[d + 1]] = True
    return mask


def validation(variant):
    need_h5py()
    run, (_, data) = run_of(variant), store()
    c, answer = Crosscoder(run, variant), WORLD["validation " + variant]
    x = data["activations"][held_out(data, 0.2)].astype(float)
    f = c.codes(x)
    same(answer["validation_tokens"], len(x), "held-out tokens")
    close([answer["fve_base"], answer["fve_chat"], answer["fve"]], explained(x, c.decode(f)), "FVE")
    close(answer["l0"], (f > 0).sum(1).mean(), "L0", 2e-3)
    same(answer["never_active"], int((~(f > 0).any(0)).sum()), "latents that never fire")


def template_tokens(data):
    """BOS, and markers, roles and newlines of the template, by hand."""
    ids = data["token_ids"]
    bos, template, inside = ids == 256, np.isin(ids, (258, 259)), False
    for t, token in enumerate(ids):
        if data["position"][t] == 0:
            inside = False
        if inside:
            template[t] = True
            inside = token != 10
        elif token == 258:
            inside = True
        elif token == 10 and t > 0 and ids[t - 1] == 259:
            template[t] = True
    return bos, template


def betas(c, x, f, side):
    """β of base and chat along d^side for the targets, from the target vectors themselves: {name: [2, F]}."""
    x_hat, out = c.decode(f), {name: np.zeros((2, F)) for name in
                               ("activation", "reconstruction", "error", "activation_nobias", "reconstruction_nobias")}
    for j in range(F):
        d = c.decoder[side, j]
        for m in (0, 1):
            own = f[:, j, None] * c.decoder[m, j]
            targets = {"activation": x[:, m], "reconstruction": x_hat[:, m], "error": x[:, m] - (x_hat[:, m] - own),
                       "activation_nobias": x[:, m] - c.out[m], "reconstruction_nobias": x_hat[:, m] - c.out[m]}
            for name, y in targets.items():
                with np.errstate(invalid="ignore", divide="ignore"):
                    out[name][m, j] = (f[:, j] * (y @ d)).sum() / ((d @ d) * (f[:, j] ** 2).sum())
    return out


def column(rows, name):
    return [float("nan") if row[name] is None else float(row[name]) for row in rows]


def analysis(variant):
    need_h5py()
    run, (_, data) = run_of(variant), store()
    c, x = Crosscoder(run, variant), data["activations"].astype(float)
    rows = [json.loads(line) for line in call("latents", run, "--sort", "latent", "--json").decode().splitlines()]
    f, norms = c.codes(x), np.linalg.norm(c.decoder, axis=2)
    v, active = f * c.scales(), f > 0
    delta = 0.5 * (1 + (norms[1] - norms[0]) / norms.max(0))
    same([row["count_active"] for row in rows], active.sum(0).tolist(), "count_active")
    close(column(rows, "density"), active.mean(0), "density")
    close(column(rows, "max_act"), v.max(0), "max_act")
    close(column(rows, "delta_norm"), delta, "delta_norm")
    close(column(rows, "dec_cos_sim"), (c.decoder[0] * c.decoder[1]).sum(1) / norms.prod(0), "dec_cos_sim")
    dead = active.sum(0) < 10
    same([row["dead"] for row in rows], dead.tolist(), "dead")
    tags = np.select([dead, delta <= .1, delta >= .9, (delta >= .4) & (delta <= .6)],
                     ["dead", "base-only", "chat-only", "shared"], "other")
    same([row["tag"] for row in rows], tags.tolist(), "tag")
    bos, template = template_tokens(data)
    seen = v > 1e-3
    with np.errstate(invalid="ignore"):
        close(column(rows, "template_share"), seen[template].sum(0) / seen[~bos].sum(0), "template_share")
    for side, prefix in ((1, ""), (0, "base_")):
        for name, value in betas(c, x, f, side).items():
            if side == 0 and name.endswith("nobias"):
                continue
            for m, model in enumerate(("base", "chat")):
                close(column(rows, f"{prefix}beta_{name}_{model}"), value[m], f"{prefix}β of {name}, {model}", 2e-3)
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = value[1 - side] / value[side]
            usable = np.abs(value[side]) > 1e-2        # the others are quotients of rounding
            close(np.array(column(rows, f"{prefix}nu_{name}"))[usable], ratio[usable], f"{prefix}ν of {name}", 1e-2)
    check_verdicts(rows)


def check_verdicts(rows):
    living = sorted((row for row in rows if not row["dead"]), key=lambda row: (row["delta_norm"], row["latent"]))
    furthest = {row["latent"] for row in living[:6] + living[-6:]}
    tested = {row["latent"] for row in rows if row["tested"]}
    assert furthest <= tested, f"not tested: {furthest - tested}"
    shared = {row["latent"] for row in rows if row["tag"] == "shared"}
    assert tested - furthest <= shared and len(tested - furthest) <= 6, "tested besides: not a sample of shared ones"
    for row in rows:
        if row["tested"]:
            nu = row["nu_error"], row["nu_reconstruction"]
            good = row["delta_norm"] >= .6 and None not in nu
            good = good and nu[0] < .2 and nu[1] < .5 and row["beta_error_chat"] > 0 and row["beta_reconstruction_chat"] > 0
            same(row["chat_specific"], good, f"verdict on latent {row['latent']}")


# --- Causality: every arm through model forward with the patched rows put in ---

CHATS = [("Why rain?", "It falls."), ("bread", "three coins, mayor"), ("hill why", "naïve"), ("of the", "asked. Why?")]


def chats():
    """Ids of each conversation up to its last prediction; template positions; predicting positions by number."""
    lines = [{"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]}
             for user, answer in CHATS]
    with open(tmp("causality.jsonl"), "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
    for answer in json_lines("chat-template", tmp("chat"), "--kinds", values=lines):
        ids, kinds = answer["ids"], answer["kinds"]
        marks = [t for t, token in enumerate(ids) if token in (258, 259)]       # of user, of model: begin and end
        predicting = list(range(marks[2] + len("model") + 1, marks[3]))
        n = predicting[-1] + 1
        template = ~np.isin(kinds[:n], ("bos", "user", "model"))
        yield ids[:n], template, predicting


def stream(model, ids):
    call("model", "forward", tmp(model), "--ids", ",".join(map(str, ids)), "--out", tmp("stream.h5"))
    with h5py.File(tmp("stream.h5")) as file:
        return file["residual"][2].astype(float), log_softmax(file["logits"][:].astype(float))


def log_softmax(logits):
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def patched(ids, rows):
    """Log-probabilities of the chat model with other rows after its last block."""
    edits = []
    for t, row in enumerate(rows):
        row.astype("<f4").tofile(tmp(f"row-{t}.f32"))
        edits.append({"op": "replace", "at": 2, "position": t, "vector": tmp(f"row-{t}.f32")})
    model_maker.write_json(tmp("rows.json"), edits)
    call("model", "forward", tmp("chat"), "--ids", ",".join(map(str, ids)), "--edit", tmp("rows.json"), "--out",
         tmp("patched.h5"))
    with h5py.File(tmp("patched.h5")) as file:
        return log_softmax(file["logits"][:].astype(float))


def sets_of(run):
    rows = [json.loads(line) for line in call("latents", run, "--json").decode().splitlines()]
    living = sorted((r for r in rows if not r["dead"]), key=lambda r: (-r["delta_norm"], r["latent"]))[:10]
    usable = [r for r in living if all(r[nu] is not None and -.1 <= r[nu] <= 2 for nu in ("nu_error", "nu_reconstruction"))]
    half = len(usable) // 2
    rank = {nu: {r["latent"]: sorted(q[nu] for q in usable).index(r[nu]) for r in usable}
            for nu in ("nu_error", "nu_reconstruction")}
    scaled = sorted(usable, key=lambda r: sum(rank[nu][r["latent"]] for nu in rank))
    sums = [sum(rank[nu][r["latent"]] for nu in rank) for r in scaled]
    sets = {"set": usable, "best-delta": usable[:half], "worst-delta": usable[-half:], "all": rows}
    if sums[half - 1] != sums[half]:     # else which of the equal ones is in the half is a matter of taste
        sets["best-scaling"] = scaled[:half]
    return {name: [r["latent"] for r in value] for name, value in sets.items() if half > 0}


def causality():
    need_h5py()
    run = run_of("batchtopk")
    c, sets = Crosscoder(run, "batchtopk"), sets_of(run)
    conversations = list(chats())
    answer = call_json("causality", run, *make_pair(), "--corpus", tmp("causality.jsonl"), "--layer", 1, "--set", 10,
                       "--draws", 20, "--threads", 2)
    sums, n = {}, {"all": 0, "first9": 0}
    for ids, template, predicting in conversations:
        (base, log_base), (chat, log_p) = stream("base", ids), stream("chat", ids)
        f = c.codes(np.stack([base, chat], 1))
        turn = {name: np.einsum("tf,fd->td", f[:, chosen], (c.decoder[1] - c.decoder[0])[chosen])
                for name, chosen in sets.items()}
        arms = {"none": base, "template": np.where(template[:, None], chat, base), "error-only": chat - turn["all"],
                "set-added": base + np.einsum("tf,fd->td", f[:, sets["set"]], c.decoder[1][sets["set"]])}
        arms.update({name: base + change for name, change in turn.items()})
        arms.update({name + "-removed": chat - change for name, change in turn.items() if name != "all"})
        logs = {name: patched(ids, rows) for name, rows in arms.items()}
        first = [t for t in predicting[:10] if not template[t]]
        for span, positions in (("all", predicting), ("first9", first)):
            n[span] += len(positions)
            for name, log_q in [*logs.items(), ("base", log_base)]:
                kl = (np.exp(log_p) * (log_p - log_q)).sum(1)[positions].sum()
                sums[name, span] = sums.get((name, span), 0) + kl
    same({span: answer["positions"][span] for span in n}, n, "positions")
    got = {arm["name"]: arm for arm in answer["arms"]}
    for (name, span), value in sums.items():
        close(got[name][span]["kl"], value / n[span], f"KL of {name}, {span}", 2e-3)
    same(answer["set_size"], len(sets["set"]), "size of the set")


CASES = [
    ("training steps of batchtopk in NumPy", lambda: training("batchtopk")),
    ("training steps of l1 in NumPy", lambda: training("l1")),
    ("validation of batchtopk in NumPy", lambda: validation("batchtopk")),
    ("validation of l1 in NumPy", lambda: validation("l1")),
    ("analysis of batchtopk in NumPy", lambda: analysis("batchtopk")),
    ("analysis of l1 in NumPy", lambda: analysis("l1")),
    ("causality in NumPy and model forward", causality),
]
