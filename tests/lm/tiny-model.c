/* A random Llama in a temporary folder, and its forward pass as a textbook would write it. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "random.h"

/* --- Making the folder --- */

typedef struct
{
  TinyModel *tiny;
  CsRandom random;
  GArray *tensors; /* CsTensor */
  GPtrArray *memory;
} Maker;

static void
add_tensor (Maker *maker, char *name, size_t rows, size_t cols, double mean, double spread)
{
  const CsDtype dtype = maker->tiny->shape.dtype;
  const size_t n = rows * MAX (cols, 1);
  CsTensor tensor = { .name = name,
                      .dtype = dtype,
                      .n_dims = cols > 0 ? 2 : 1,
                      .shape = { rows, cols },
                      .n_elements = n,
                      .n_bytes = n * cs_dtype_size (dtype) };
  g_autofree float *values = g_new (float, n);
  void *stored = g_malloc (tensor.n_bytes);
  double *exact = g_new (double, n);
  for (size_t i = 0; i < n; i++)
    values[i] = (float)(mean + spread * cs_random_normal (&maker->random));
  g_assert_true (cs_narrow (dtype, values, stored, n) && cs_widen (dtype, stored, values, n));
  for (size_t i = 0; i < n; i++)
    exact[i] = values[i];
  tensor.data = stored;
  g_array_append_val (maker->tensors, tensor);
  g_ptr_array_add (maker->memory, stored);
  g_hash_table_insert (maker->tiny->tensors, name, exact);
}

static void
add_linear (Maker *maker, size_t layer, const char *part, size_t rows, size_t cols, bool bias)
{
  add_tensor (maker, g_strdup_printf ("model.layers.%zu.%s.weight", layer, part), rows, cols, 0,
              1.5 / sqrt ((double)cols));
  if (bias)
    add_tensor (maker, g_strdup_printf ("model.layers.%zu.%s.bias", layer, part), rows, 0, 0, 0.3);
}

static void
add_layer (Maker *maker, size_t l)
{
  const TinyShape *s = &maker->tiny->shape;
  const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
  add_tensor (maker, g_strdup_printf ("model.layers.%zu.input_layernorm.weight", l), s->d_model, 0,
              1, 0.2);
  add_tensor (maker, g_strdup_printf ("model.layers.%zu.post_attention_layernorm.weight", l),
              s->d_model, 0, 1, 0.2);
  add_linear (maker, l, "self_attn.q_proj", q, s->d_model, s->attention_bias);
  add_linear (maker, l, "self_attn.k_proj", kv, s->d_model, s->attention_bias);
  add_linear (maker, l, "self_attn.v_proj", kv, s->d_model, s->attention_bias);
  add_linear (maker, l, "self_attn.o_proj", s->d_model, q, s->attention_bias);
  add_linear (maker, l, "mlp.gate_proj", s->d_ff, s->d_model, s->mlp_bias);
  add_linear (maker, l, "mlp.up_proj", s->d_ff, s->d_model, s->mlp_bias);
  add_linear (maker, l, "mlp.down_proj", s->d_model, s->d_ff, s->mlp_bias);
}

char *
tiny_model_config (const TinyShape *s)
{
  g_autofree char *rope = NULL;
  if (s->v5)
    rope = g_strdup_printf (
        "\"dtype\": \"float32\", \"rope_parameters\": {\"rope_theta\": %g, \"rope_type\": \"%s\", "
        "\"factor\": %g}",
        s->rope_theta, s->linear_factor > 0 ? "linear" : "default", s->linear_factor);
  else if (s->linear_factor > 0)
    rope = g_strdup_printf (
        "\"rope_theta\": %g, \"rope_scaling\": {\"type\": \"linear\", \"factor\": %g}",
        s->rope_theta, s->linear_factor);
  else
    rope = g_strdup_printf ("\"rope_theta\": %g, \"rope_scaling\": null", s->rope_theta);
  return g_strdup_printf (
      "{\"model_type\": \"llama\", \"vocab_size\": %zu, \"hidden_size\": %zu, "
      "\"num_hidden_layers\": %zu, \"num_attention_heads\": %zu, \"num_key_value_heads\": %zu, "
      "\"head_dim\": %zu, \"intermediate_size\": %zu, \"tie_word_embeddings\": %s, "
      "\"attention_bias\": %s, \"mlp_bias\": %s, \"rms_norm_eps\": %g, \"bos_token_id\": 1, "
      "\"eos_token_id\": 2, %s}",
      s->vocab_size, s->d_model, s->n_layers, s->n_heads, s->n_kv_heads, s->head_dim, s->d_ff,
      s->tied ? "true" : "false", s->attention_bias ? "true" : "false",
      s->mlp_bias ? "true" : "false", s->norm_eps, rope);
}

void
tiny_model_write_config (const TinyModel *tiny, const char *text)
{
  g_autofree char *path = g_build_filename (tiny->folder, "config.json", NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

TinyModel *
tiny_model_new (const TinyShape *shape, uint64_t seed)
{
  TinyModel *tiny = g_new0 (TinyModel, 1);
  g_autoptr (GError) error = NULL;
  tiny->shape = *shape;
  tiny->tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  tiny->folder = g_dir_make_tmp ("crosscope-lm-XXXXXX", &error);
  g_assert_no_error (error);
  Maker maker = { tiny, .tensors = g_array_new (FALSE, FALSE, sizeof (CsTensor)),
                  .memory = g_ptr_array_new_with_free_func (g_free) };
  cs_random_init (&maker.random, seed, 0);
  add_tensor (&maker, g_strdup ("model.embed_tokens.weight"), shape->vocab_size, shape->d_model, 0,
              1);
  add_tensor (&maker, g_strdup ("model.norm.weight"), shape->d_model, 0, 1, 0.2);
  if (!shape->tied)
    add_tensor (&maker, g_strdup ("lm_head.weight"), shape->vocab_size, shape->d_model, 0, 0.3);
  for (size_t l = 0; l < shape->n_layers; l++)
    add_layer (&maker, l);
  g_autofree char *path = g_build_filename (tiny->folder, "model.safetensors", NULL);
  cs_safetensors_write (path, (const CsTensor *)maker.tensors->data, maker.tensors->len, NULL,
                        &error);
  g_assert_no_error (error);
  g_autofree char *config = tiny_model_config (shape);
  tiny_model_write_config (tiny, config);
  g_array_unref (maker.tensors);
  g_ptr_array_unref (maker.memory);
  return tiny;
}

void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
}

void
tiny_model_free (TinyModel *tiny)
{
  remove_folder (tiny->folder);
  g_hash_table_unref (tiny->tensors);
  g_free (tiny->folder);
  g_free (tiny);
}

/* --- The forward pass --- */

static const double *
find (const TinyModel *tiny, size_t layer, const char *part, const char *kind)
{
  g_autofree char *name = g_strdup_printf ("model.layers.%zu.%s.%s", layer, part, kind);
  return g_hash_table_lookup (tiny->tensors, name);
}

/* y[T, rows] = x[T, cols] Wᵀ + b */
static double *
apply (const TinyModel *tiny,
       size_t layer,
       const char *part,
       const double *x,
       size_t n,
       size_t rows,
       size_t cols)
{
  const double *w = find (tiny, layer, part, "weight"), *b = find (tiny, layer, part, "bias");
  double *y = g_new (double, n *rows);
  for (size_t t = 0; t < n; t++)
    for (size_t r = 0; r < rows; r++)
      {
        double sum = b != NULL ? b[r] : 0;
        for (size_t c = 0; c < cols; c++)
          sum += w[r * cols + c] * x[t * cols + c];
        y[t * rows + r] = sum;
      }
  return y;
}

static double *
norm (const double *x, const double *weight, size_t n, size_t d, double eps)
{
  double *y = g_new (double, n *d);
  for (size_t t = 0; t < n; t++)
    {
      double sum = 0;
      for (size_t i = 0; i < d; i++)
        sum += x[t * d + i] * x[t * d + i];
      for (size_t i = 0; i < d; i++)
        y[t * d + i] = x[t * d + i] / sqrt (sum / (double)d + eps) * weight[i];
    }
  return y;
}

static void
rotate (const TinyShape *s, double *x, size_t n, size_t n_heads)
{
  const size_t half = s->head_dim / 2;
  for (size_t t = 0; t < n; t++)
    for (size_t h = 0; h < n_heads; h++)
      for (size_t i = 0; i < half; i++)
        {
          double f = pow (s->rope_theta, -2.0 * (double)i / (double)s->head_dim);
          double angle = (double)t * (s->linear_factor > 0 ? f / s->linear_factor : f);
          double *a = x + (t * n_heads + h) * s->head_dim + i, *b = a + half, old = *a;
          *a = old * cos (angle) - *b * sin (angle);
          *b = *b * cos (angle) + old * sin (angle);
        }
}

static void
attend_one (const TinyShape *s,
            const double *q,
            const double *k,
            const double *v,
            size_t t,
            size_t h,
            double *out)
{
  const size_t dim = s->head_dim, kv = h / (s->n_heads / s->n_kv_heads),
               kv_width = s->n_kv_heads * dim;
  g_autofree double *weights = g_new0 (double, t + 1);
  double total = 0;
  for (size_t u = 0; u <= t; u++)
    {
      for (size_t i = 0; i < dim; i++)
        weights[u] += q[(t * s->n_heads + h) * dim + i] * k[u * kv_width + kv * dim + i];
      weights[u] = exp (weights[u] / sqrt ((double)dim));
      total += weights[u];
    }
  for (size_t i = 0; i < dim; i++)
    {
      out[i] = 0;
      for (size_t u = 0; u <= t; u++)
        out[i] += weights[u] / total * v[u * kv_width + kv * dim + i];
    }
}

static void
add_attention (const TinyModel *tiny, size_t l, double *x, size_t n)
{
  const TinyShape *s = &tiny->shape;
  const size_t d = s->d_model, width = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
  g_autofree double *normed =
      norm (x, find (tiny, l, "input_layernorm", "weight"), n, d, s->norm_eps);
  g_autofree double *q = apply (tiny, l, "self_attn.q_proj", normed, n, width, d);
  g_autofree double *k = apply (tiny, l, "self_attn.k_proj", normed, n, kv, d);
  g_autofree double *v = apply (tiny, l, "self_attn.v_proj", normed, n, kv, d);
  g_autofree double *mixed = g_new (double, n *width);
  rotate (s, q, n, s->n_heads);
  rotate (s, k, n, s->n_kv_heads);
  for (size_t t = 0; t < n; t++)
    for (size_t h = 0; h < s->n_heads; h++)
      attend_one (s, q, k, v, t, h, mixed + t * width + h * s->head_dim);
  g_autofree double *out = apply (tiny, l, "self_attn.o_proj", mixed, n, d, width);
  for (size_t i = 0; i < n * d; i++)
    x[i] += out[i];
}

static void
add_mlp (const TinyModel *tiny, size_t l, double *x, size_t n)
{
  const TinyShape *s = &tiny->shape;
  const size_t d = s->d_model;
  g_autofree double *normed =
      norm (x, find (tiny, l, "post_attention_layernorm", "weight"), n, d, s->norm_eps);
  g_autofree double *gate = apply (tiny, l, "mlp.gate_proj", normed, n, s->d_ff, d);
  g_autofree double *up = apply (tiny, l, "mlp.up_proj", normed, n, s->d_ff, d);
  for (size_t i = 0; i < n * s->d_ff; i++)
    gate[i] = gate[i] / (1 + exp (-gate[i])) * up[i];
  g_autofree double *out = apply (tiny, l, "mlp.down_proj", gate, n, d, s->d_ff);
  for (size_t i = 0; i < n * d; i++)
    x[i] += out[i];
}

void
tiny_model_forward (const TinyModel *tiny,
                    const int32_t *ids,
                    size_t n,
                    double *residual,
                    double *logits)
{
  const TinyShape *s = &tiny->shape;
  const size_t d = s->d_model;
  const double *embedding = g_hash_table_lookup (tiny->tensors, "model.embed_tokens.weight");
  const double *head = s->tied ? embedding : g_hash_table_lookup (tiny->tensors, "lm_head.weight");
  for (size_t t = 0; t < n; t++)
    memcpy (residual + t * d, embedding + (size_t)ids[t] * d, d * sizeof *residual);
  for (size_t l = 0; l < s->n_layers; l++)
    {
      double *x = residual + (l + 1) * n * d;
      memcpy (x, x - n * d, n * d * sizeof *x);
      add_attention (tiny, l, x, n);
      add_mlp (tiny, l, x, n);
    }
  const double *weight = g_hash_table_lookup (tiny->tensors, "model.norm.weight");
  g_autofree double *normed = norm (residual + s->n_layers * n * d, weight, n, d, s->norm_eps);
  for (size_t t = 0; t < n; t++)
    for (size_t v = 0; v < s->vocab_size; v++)
      {
        double sum = 0;
        for (size_t i = 0; i < d; i++)
          sum += normed[t * d + i] * head[v * d + i];
        logits[t * s->vocab_size + v] = sum;
      }
}
