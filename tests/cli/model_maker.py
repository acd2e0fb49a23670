"""A tiny Llama pair as Hugging Face folders, written by hand: what the command's tests harvest, train on and steer."""
import json
import os
import random
import struct

CHAT_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}")
SPECIAL = ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"]
D, HEADS, HEAD_DIM, D_FF, LAYERS = 16, 2, 8, 24, 2
VOCAB = 256 + len(SPECIAL)


def byte_letters():
    """The letter that stands for each byte in a byte-level vocabulary."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in plain]
    letters = {b: chr(b) for b in plain}
    letters.update({b: chr(256 + i) for i, b in enumerate(rest)})
    return letters


def tokenizer():
    letters = byte_letters()
    special = [{"id": 256 + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, content in enumerate(SPECIAL)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    single = [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": level, "decoder": level,
        "post_processor": {
            "type": "TemplateProcessing", "single": single,
            "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [256], "tokens": ["<bos>"]}}},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {letters[b]: b for b in range(256)}, "merges": []},
    }


def config(model_type="llama"):
    return {"architectures": ["LlamaForCausalLM"], "model_type": model_type, "hidden_size": D, "intermediate_size": D_FF,
            "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 1, "head_dim": HEAD_DIM,
            "vocab_size": VOCAB, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "hidden_act": "silu", "tie_word_embeddings": True, "bos_token_id": 256, "eos_token_id": 257,
            "torch_dtype": "float32"}


def tensor_shapes():
    shapes = {"model.embed_tokens.weight": (VOCAB, D), "model.norm.weight": (D,)}
    for layer in range(LAYERS):
        name = f"model.layers.{layer}."
        shapes.update({
            name + "input_layernorm.weight": (D,), name + "post_attention_layernorm.weight": (D,),
            name + "self_attn.q_proj.weight": (HEADS * HEAD_DIM, D), name + "self_attn.k_proj.weight": (HEAD_DIM, D),
            name + "self_attn.v_proj.weight": (HEAD_DIM, D), name + "self_attn.o_proj.weight": (D, HEADS * HEAD_DIM),
            name + "mlp.gate_proj.weight": (D_FF, D), name + "mlp.up_proj.weight": (D_FF, D),
            name + "mlp.down_proj.weight": (D, D_FF)})
    return shapes


def weights(seed, noise):
    """Numbers of the base model, with noise added where they are the chat model's."""
    base, more = random.Random(seed), random.Random(seed + 1)
    tensors = {}
    for name, shape in tensor_shapes().items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if name.endswith("norm.weight"):
            values = [1.0] * n
        else:
            values = [base.gauss(0, 0.4) for _ in range(n)]
        tensors[name] = (shape, [v + noise * more.gauss(0, 1) for v in values])
    return tensors


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        chunk = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(chunk)]}
        data += chunk
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


def write_model(folder, noise=0.0, chat=False, model_type="llama", edit_tokenizer=None):
    os.makedirs(folder)
    write_json(os.path.join(folder, "config.json"), config(model_type))
    tokens = tokenizer()
    if edit_tokenizer:
        edit_tokenizer(tokens)
    write_json(os.path.join(folder, "tokenizer.json"), tokens)
    settings = {"bos_token": "<bos>", "eos_token": "<eos>", "tokenizer_class": "PreTrainedTokenizerFast"}
    if chat:
        settings["chat_template"] = CHAT_TEMPLATE
    write_json(os.path.join(folder, "tokenizer_config.json"), settings)
    write_safetensors(os.path.join(folder, "model.safetensors"), weights(7, noise))
    return folder


def write_corpora(folder, documents=400):
    """One file of plain text and one of conversations; the same words every time."""
    rng = random.Random(3)
    words = ["bread", "rain", "mayor", "hill", "coin", "three", "asked", "why", "the", "of", "naïve", "日本"]
    def sentence():
        return " ".join(rng.choice(words) for _ in range(rng.randint(5, 12))) + "."
    web, chat = os.path.join(folder, "web.txt"), os.path.join(folder, "chat.jsonl")
    with open(web, "w", encoding="utf-8") as file:
        file.write("\n\n".join(sentence() for _ in range(documents)))
    with open(chat, "w", encoding="utf-8") as file:
        for _ in range(documents):
            turn = [{"role": "user", "content": sentence()}, {"role": "assistant", "content": sentence()}]
            file.write(json.dumps({"messages": turn}) + "\n")
    return web, chat
