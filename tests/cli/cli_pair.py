"""Cases: what is said of a pair and of a harvest before any of it is done."""
import json
import os
import subprocess

import model_maker
from cli_harness import COMMAND, TMP, call, call_json, environment, make_pair, same, tmp
from cli_study import harvest_words


def check(*words):
    """Status and standard output: a pair that does not fit is an answer, not an error."""
    done = subprocess.run([COMMAND, "model", "check-pair", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(), timeout=300, check=False)
    return done.returncode, done.stdout.decode()


def pair_with(name, edit):
    """The pair's base with another tokenizer, beside the same chat model."""
    make_pair()
    if not os.path.exists(tmp(name)):
        model_maker.write_model(tmp(name), edit_tokenizer=edit)
    return ["--base", tmp(name), "--chat", tmp("chat")]


def reserve(tokens):
    """The markers of the chat template under reserved names."""
    for token in tokens["added_tokens"][2:]:
        token["content"] = f"<reserved_{token['id']}>"


def rename(tokens):
    """Thirty ordinary tokens with other names."""
    vocabulary = tokens["model"]["vocab"]
    for letter in [letter for letter, number in vocabulary.items() if 65 <= number < 95]:
        vocabulary["x" + letter] = vocabulary.pop(letter)


def fits():
    answer = call_json("model", "check-pair", *make_pair())
    same(answer["fits"], True, "fits")
    assert all(one["ok"] and one["details"] == [] for one in answer["checks"]), answer["checks"]
    same([token["text"] for token in answer["template_tokens"]], ["<start_of_turn>", "<end_of_turn>"], "tokens")
    same([token["unknown_to_base"] for token in answer["template_tokens"]], [False, False], "known")
    same(answer["replace_base"], None, "nothing to replace")
    for prompt in answer["kl"]["prompts"]:
        same(len(prompt["kl"]), len(prompt["ids"]), "one number a token")
        assert all(value > -1e-6 for value in prompt["kl"]), prompt
    assert answer["kl"]["plain"] > 1e-4 and answer["kl"]["question"] > 1e-4
    status, text = check(*make_pair())
    same(status, 0, "status")
    assert "Same tokenizer" in text and "known by the base" in text and "KL (chat, base)" in text, text


def differs():
    pair = pair_with("renamed", rename)
    status, text = check(*pair, "--json")
    same(status, 1, "status")
    answer = json.loads(text)
    same(answer["fits"], False, "fits")
    details = [one for one in answer["checks"] if one["details"]]
    same([one["title"] for one in details], ["Same tokenizer"], "which check")
    same((len(details[0]["details"]), details[0]["details"][-1]), (21, "and 10 more"), "a list with an end")
    same(details[0]["details"][0], "65: base “xA”, chat “A”", "the first")
    status, text = check(*pair)
    assert status == 1 and "NO   Same tokenizer" in text and "and 10 more" in text, text


def reserved_names():
    """Added tokens alone: a pair, and the base's markers are unknown whatever their rows look like."""
    pair = pair_with("reserved", reserve)
    answer = call_json("model", "check-pair", *pair)
    same(answer["fits"], True, "fits")
    same(answer["checks"][-1]["details"],
         ["258: base “<reserved_258>”, chat “<start_of_turn>”", "259: base “<reserved_259>”, chat “<end_of_turn>”"],
         "what differs")
    assert all(token["added"] and token["unknown_to_base"] for token in answer["template_tokens"]), answer
    same(answer["replace_base"], "258=10 259=10", "what is offered")
    other = call_json("model", "check-pair", *pair, "--replace-base", "258=10", "--replace-base", "259=10")
    same(other["template_tokens"], answer["template_tokens"], "they are about the base's own tokens")
    same(other["kl"]["plain"], answer["kl"]["plain"], "plain text has none of them")
    assert other["kl"]["template"] != answer["kl"]["template"], "replaced tokens change nothing"


def reading_of_a_run():
    """A verb on a run reads what its harvest read, unless it is told otherwise."""
    pair, store, run = pair_with("reserved", reserve), tmp("replaced.h5"), tmp("replaced")
    words = harvest_words(store)
    words[1:5] = pair
    call(*words, "--tokens", 3000, "--replace-base", "258=10", "--replace-base", "259=10")
    call("train", "--activations", store, "--variant", "batchtopk", "--latents", 24, "--k", 4, "--steps", 20,
         "--batch", 64, "--threads", 1, "--out", run)
    firing = ["firing", run, *pair, "--prompt", "rain", "--top", 0, "--json"]
    same(call(*firing), call(*firing, "--replace-base", "258=10 259=10"), "as harvested")
    assert call(*firing) != call(*firing, "--replace-base", ""), "the replaced tokens are not read"
    call(*firing, "--replace-base", "258", expect=1)


def plan():
    words = harvest_words(tmp("planned.h5"))
    words[0] = "plan"
    answer = call_json(*words, "--tokens", 5000, "--latents", 64, "--k", 4, "--steps", 300, "--batch", 128)
    harvest, train = answer["harvest"], answer["train"]
    same((answer["fits"], harvest["fits"], harvest["problems"]), (True, True, []), "it fits")
    same(harvest["counted"], True, "so few tokens are counted")
    assert harvest["tokens"] >= 5000 and harvest["seconds"] > 0 and harvest["tokens_per_s"] > 0, harvest
    per_token = 2 * model_maker.D * 2 + 9
    assert abs(harvest["disk_bytes"] / harvest["tokens"] - per_token) < 9, harvest
    same((train["tokens"], train["steps"], train["latents"]), (300 * 128, 300, 64), "the training asked for")
    assert 0 < train["seconds"] < 300, train
    left = [name for name in os.listdir(TMP) if name.startswith(".crosscope") or name == "planned.h5"]
    same(left, [], "left behind")
    text = call(*words, "--tokens", 5000).decode()
    assert "Harvest after block 0" in text and "Training" in text and "Disk" in text, text


def plan_of_nothing():
    words = harvest_words("/proc/nowhere/planned.h5")
    words[0] = "plan"
    call(*words, "--tokens", 2000, expect=1)


CASES = [
    ("check-pair", fits),
    ("check-pair lists the tokens that differ", differs),
    ("check-pair: added tokens alone", reserved_names),
    ("a run is read as it was harvested", reading_of_a_run),
    ("plan", plan),
    ("plan where nothing can be written", plan_of_nothing),
]
