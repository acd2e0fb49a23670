#include "model-random.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "model-private.h"
#include "random.h"

/* --- Sizes of published models --- */

static const struct
{
  const char *name, *config;
} published[] = {
  { "gemma-2-2b",
    "{\"model_type\": \"gemma2\", \"hidden_size\": 2304, \"num_hidden_layers\": 26, "
    "\"num_attention_heads\": 8, \"num_key_value_heads\": 4, \"head_dim\": 256, "
    "\"intermediate_size\": 9216, \"vocab_size\": 256000, \"max_position_embeddings\": 8192, "
    "\"sliding_window\": 4096, \"query_pre_attn_scalar\": 256, \"attn_logit_softcapping\": 50.0, "
    "\"final_logit_softcapping\": 30.0, \"hidden_activation\": \"gelu_pytorch_tanh\", "
    "\"rms_norm_eps\": 1e-06, \"rope_theta\": 10000.0, \"bos_token_id\": 2, \"eos_token_id\": 1}" },
  { "smollm2-135m",
    "{\"model_type\": \"llama\", \"hidden_size\": 576, \"num_hidden_layers\": 30, "
    "\"num_attention_heads\": 9, \"num_key_value_heads\": 3, \"intermediate_size\": 1536, "
    "\"vocab_size\": 49152, \"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-05, "
    "\"rope_theta\": 100000.0, \"tie_word_embeddings\": true, \"bos_token_id\": 0, "
    "\"eos_token_id\": 0}" },
  { "qwen2.5-0.5b",
    "{\"model_type\": \"qwen2\", \"hidden_size\": 896, \"num_hidden_layers\": 24, "
    "\"num_attention_heads\": 14, \"num_key_value_heads\": 2, \"intermediate_size\": 4864, "
    "\"vocab_size\": 151936, \"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-06, "
    "\"rope_theta\": 1000000.0, \"tie_word_embeddings\": true, \"use_sliding_window\": false, "
    "\"bos_token_id\": 151643, \"eos_token_id\": 151643}" },
  { "llama-3.2-1b",
    "{\"model_type\": \"llama\", \"hidden_size\": 2048, \"num_hidden_layers\": 16, "
    "\"num_attention_heads\": 32, \"num_key_value_heads\": 8, \"head_dim\": 64, "
    "\"intermediate_size\": 8192, \"vocab_size\": 128256, \"max_position_embeddings\": 131072, "
    "\"rms_norm_eps\": 1e-05, \"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": "
    "\"llama3\", \"factor\": 32.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
    "\"original_max_position_embeddings\": 8192}, \"tie_word_embeddings\": true, "
    "\"bos_token_id\": 128000, \"eos_token_id\": 128001}" },
};

json_t *
cs_model_random_config (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (published); i++)
    if (g_ascii_strcasecmp (published[i].name, name) == 0)
      return json_loads (published[i].config, 0, NULL);
  return NULL;
}

const char *
cs_model_random_list (void)
{
  return "gemma-2-2b, smollm2-135m, qwen2.5-0.5b, llama-3.2-1b";
}

/* --- The list of tensors --- */

typedef struct
{
  char *name;
  size_t n_dims, shape[2], n;
  double mean, spread; /* uniform in mean ± spread */
} Tensor;

typedef struct
{
  const CsArchitecture *architecture;
  GArray *tensors; /* Tensor */
} List;

static void
tensor_clear (void *data)
{
  g_free (((Tensor *)data)->name);
}

/* cols 0: a vector. */
static void
add (List *list, char *name, size_t rows, size_t cols, double mean, double spread)
{
  Tensor tensor = { .name = name,
                    .n_dims = cols > 0 ? 2 : 1,
                    .shape = { rows, cols },
                    .n = rows * MAX (cols, 1),
                    .mean = mean,
                    .spread = spread };
  g_array_append_val (list->tensors, tensor);
}

/* As large as gives a sum over cols products of standard deviation `size`. */
static double
spread_for (size_t cols, double size)
{
  return size * sqrt (3.0 / (double)cols);
}

static void
add_norm (List *list, const char *stem, size_t n)
{
  CsNormKind kind = list->architecture->family->norm_kind;
  add (list, g_strconcat (stem, ".weight", NULL), n, 0, kind == CS_NORM_RMS_PLUS_ONE ? 0 : 1, 0.3);
  if (kind == CS_NORM_LAYER)
    add (list, g_strconcat (stem, ".bias", NULL), n, 0, 0, 0.1);
}

static void
add_linear (List *list, const char *block, const CsLinearRule *rule, double size)
{
  const CsArchitecture *a = list->architecture;
  const size_t cols = cs_architecture_dim (a, rule->cols);
  for (size_t i = 0; i < rule->n_parts; i++)
    {
      size_t rows = cs_architecture_dim (a, rule->rows[i]);
      add (list, g_strdup_printf ("%s.%s.weight", block, rule->parts[i]), rows, cols, 0,
           spread_for (cols, size));
      if (cs_architecture_has_bias (a, rule->bias))
        add (list, g_strdup_printf ("%s.%s.bias", block, rule->parts[i]), rows, 0, 0, 0.2);
    }
}

/* What blocks add to the residual stream is made small enough for it not to run away. */
static void
add_block (List *list, size_t layer)
{
  const CsArchitecture *a = list->architecture;
  const CsFamily *family = a->family;
  g_autofree char *block = g_strdup_printf ("%s%s.%zu", family->prefixes[0], family->blocks, layer);
  for (CsNormSlot i = 0; i < CS_N_NORMS; i++)
    if (cs_architecture_norm_size (a, i) > 0)
      {
        g_autofree char *stem = g_strdup_printf ("%s.%s", block, family->norms[i]);
        add_norm (list, stem, cs_architecture_norm_size (a, i));
      }
  for (CsLinearSlot i = 0; i < CS_N_LINEARS; i++)
    add_linear (list, block, &family->linears[i],
                i == CS_LINEAR_ATTENTION_OUT || i == CS_LINEAR_DOWN ? 0.7 : 1.2);
}

static void
add_all (List *list)
{
  const CsArchitecture *a = list->architecture;
  const CsFamily *family = a->family;
  const CsModelConfig *s = &a->sizes;
  g_autofree char *norm = g_strconcat (family->prefixes[0], family->final_norm, NULL);
  add (list, g_strconcat (family->prefixes[0], family->embedding, ".weight", NULL), s->vocab_size,
       s->d_model, 0, family->scaled_embedding ? spread_for (s->d_model, 1) : sqrt (3));
  for (size_t l = 0; l < s->n_layers; l++)
    add_block (list, l);
  add_norm (list, norm, s->d_model);
  if (!s->tied_head)
    add (list, g_strconcat (family->head, ".weight", NULL), s->vocab_size, s->d_model, 0,
         spread_for (s->d_model, 2));
}

/* --- The file --- */

/* The header with its length before it, padded to 8 bytes. */
static GString *
make_header (const GArray *tensors, CsDtype dtype)
{
  GString *header = g_string_new (NULL);
  size_t offset = 0;
  g_string_append_c (header, '{');
  for (guint i = 0; i < tensors->len; i++)
    {
      const Tensor *t = &g_array_index (tensors, Tensor, i);
      size_t end = offset + t->n * cs_dtype_size (dtype);
      g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu", i > 0 ? "," : "",
                              t->name, cs_dtype_name (dtype), t->shape[0]);
      if (t->n_dims == 2)
        g_string_append_printf (header, ",%zu", t->shape[1]);
      g_string_append_printf (header, "],\"data_offsets\":[%zu,%zu]}", offset, end);
      offset = end;
    }
  g_string_append_c (header, '}');
  while (header->len % 8 != 0)
    g_string_append_c (header, ' ');
  uint64_t length = GUINT64_TO_LE ((uint64_t)header->len);
  g_string_prepend_len (header, (const char *)&length, sizeof length);
  return header;
}

/* Four numbers of 16 random bits each a draw. */
static void
fill (CsRandom *random, float *values, size_t n, float mean, float spread)
{
  const float step = spread / 32768;
  for (size_t i = 0; i < n; i += 4)
    {
      uint64_t bits = cs_random_u64 (random);
      for (size_t j = 0; j < 4 && i + j < n; j++, bits >>= 16)
        values[i + j] = mean + step * (float)(int16_t)(uint16_t)bits;
    }
}

static bool
write_tensors (FILE *file, const GArray *tensors, CsDtype dtype, uint64_t seed)
{
  enum
  {
    PIECE = 1 << 18
  };
  g_autofree float *values = g_new (float, PIECE);
  g_autofree void *stored = g_malloc_n (PIECE, cs_dtype_size (dtype));
  CsRandom random;
  cs_random_init (&random, seed, 0);
  for (guint i = 0; i < tensors->len; i++)
    {
      const Tensor *t = &g_array_index (tensors, Tensor, i);
      for (size_t done = 0, n; done < t->n; done += n)
        {
          n = MIN (PIECE, t->n - done);
          fill (&random, values, n, (float)t->mean, (float)t->spread);
          cs_narrow (dtype, values, stored, n);
          if (fwrite (stored, cs_dtype_size (dtype), n, file) != n)
            return false;
        }
    }
  return true;
}

static bool
write_weights (const char *path,
               const GArray *tensors,
               CsDtype dtype,
               uint64_t seed,
               GError **error)
{
  g_autoptr (GString) header = make_header (tensors, dtype);
  FILE *file = fopen (path, "wbe");
  bool ok = file != NULL && fwrite (header->str, 1, header->len, file) == header->len &&
            write_tensors (file, tensors, dtype, seed);
  int problem = errno;
  if (file != NULL && fclose (file) != 0 && ok)
    {
      problem = errno;
      ok = false;
    }
  if (!ok)
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s cannot be written (%s): choose a folder with more room", path,
                 g_strerror (problem));
  return ok;
}

bool
cs_model_write_random (const char *folder,
                       json_t *config,
                       CsDtype dtype,
                       uint64_t seed,
                       GError **error)
{
  g_autofree char *config_path = g_build_filename (folder, "config.json", NULL);
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree CsArchitecture *architecture = g_new (CsArchitecture, 1);
  g_autoptr (GArray) tensors = g_array_new (FALSE, FALSE, sizeof (Tensor));
  List list = { architecture, tensors };
  g_array_set_clear_func (tensors, tensor_clear);
  if (!cs_architecture_parse (architecture, config, "configuration", NULL, NULL, error))
    return false;
  if (architecture->sizes.vocab_size == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "A random model needs vocab_size");
      return false;
    }
  add_all (&list);
  return cs_json_save (config, config_path, error) &&
         write_weights (path, tensors, dtype, seed, error);
}
