/* Models with random weights, as Hugging Face folders: for benchmarks at the sizes of published
 * models, and for tests. They compute what such a model computes, at its speed, and mean nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "dtype.h"

/* config.json of a published model's size: "gemma-2-2b", "smollm2-135m", "qwen2.5-0.5b",
 * "llama-3.2-1b"; NULL for another name. */
json_t *cs_model_random_config (const char *name);
/* Those names, for messages. */
const char *cs_model_random_list (void);

/* Writes config.json and model.safetensors into an existing folder: uniform weights in dtype (F32,
 * F16 or BF16), as large as keeps activations of size one, norms about one, biases small. Needs
 * vocab_size in config. The same arguments write the same bytes. The file is not synced to disk. */
bool cs_model_write_random (const char *folder,
                            json_t *config,
                            CsDtype dtype,
                            uint64_t seed,
                            GError **error);
