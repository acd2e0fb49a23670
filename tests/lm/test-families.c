/* Each architecture with random weights against a plain forward pass in double. What the pass does
 * is written down here for each model, not read from its configuration: the two come from the
 * published descriptions by different ways. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "family-cases.h"
#include "model-random.h"
#include "random.h"

typedef FamilyCase Case;

/* --- Tensors --- */

typedef struct
{
  const Case *c;
  CsSafetensors *file;
  GHashTable *tensors; /* name → double array */
} Naive;

static const double *
find (Naive *naive, const char *name)
{
  double *values = g_hash_table_lookup (naive->tensors, name);
  const CsTensor *tensor = cs_safetensors_find (naive->file, name);
  if (values != NULL || tensor == NULL)
    return values;
  g_autofree float *floats = g_new (float, tensor->n_elements);
  g_assert_true (cs_widen (tensor->dtype, tensor->data, floats, tensor->n_elements));
  values = g_new (double, tensor->n_elements);
  for (size_t i = 0; i < tensor->n_elements; i++)
    values[i] = floats[i];
  g_hash_table_insert (naive->tensors, g_strdup (name), values);
  return values;
}

static const double *
find_in_layer (Naive *naive, size_t layer, const char *part, const char *kind)
{
  g_autofree char *name =
      g_strdup_printf ("%s.layers.%zu.%s.%s", naive->c->prefix, layer, part, kind);
  return find (naive, name);
}

/* --- Pieces --- */

static void
norm (const Case *c, const double *w, const double *b, size_t n, double *x)
{
  double mean = 0, square = 0;
  for (size_t i = 0; i < n && c->norm == LAYER; i++)
    mean += x[i] / (double)n;
  for (size_t i = 0; i < n; i++)
    square += (x[i] - mean) * (x[i] - mean) / (double)n;
  for (size_t i = 0; i < n; i++)
    x[i] = (x[i] - mean) / sqrt (square + c->eps) * (c->norm == RMS_PLUS_ONE ? 1 + w[i] : w[i]) +
           (b != NULL ? b[i] : 0);
}

/* A copy of x [T, d], normed where there is a name. */
static double *
normed (Naive *naive, size_t l, const char *name, const double *x, size_t n)
{
  const size_t d = naive->c->d;
  double *y = g_memdup2 (x, n * d * sizeof *x);
  for (size_t t = 0; name != NULL && t < n; t++)
    norm (naive->c, find_in_layer (naive, l, name, "weight"),
          naive->c->norm == LAYER ? find_in_layer (naive, l, name, "bias") : NULL, d, y + t * d);
  return y;
}

static double *
linear (Naive *naive,
        size_t l,
        const char *part,
        const double *x,
        size_t n,
        size_t rows,
        size_t cols)
{
  const double *w = find_in_layer (naive, l, part, "weight");
  const double *b = find_in_layer (naive, l, part, "bias");
  double *y = g_new (double, n *rows);
  g_assert_nonnull (w);
  for (size_t t = 0; t < n; t++)
    for (size_t r = 0; r < rows; r++)
      {
        y[t * rows + r] = b != NULL ? b[r] : 0;
        for (size_t i = 0; i < cols; i++)
          y[t * rows + r] += w[r * cols + i] * x[t * cols + i];
      }
  return y;
}

static void
rotate (const Case *c, bool slides, size_t position, double *head)
{
  const size_t half = c->n_rotated / 2;
  double theta = slides && c->local_theta > 0 ? c->local_theta : c->theta > 0 ? c->theta : 10000;
  for (size_t i = 0; i < half; i++)
    {
      double angle = (double)position / pow (theta, 2.0 * (double)i / (double)c->n_rotated);
      if (c->factor > 0 && !slides)
        angle /= c->factor;
      double a = head[i], b = head[i + half];
      head[i] = a * cos (angle) - b * sin (angle);
      head[i + half] = b * cos (angle) + a * sin (angle);
    }
}

static double
activate (Act act, double x)
{
  if (act == SILU)
    return x / (1 + exp (-x));
  if (act == GELU)
    return 0.5 * x * (1 + erf (x / sqrt (2)));
  return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * pow (x, 3))));
}

/* One head of one position: weights over the visible positions, then their values' mean. */
static void
mix (const Case *c,
     bool slides,
     const double *q,
     const double *k,
     const double *v,
     size_t stride,
     size_t t,
     double *out)
{
  size_t from = slides && t + 1 > c->window ? t + 1 - c->window : 0;
  g_autofree double *weight = g_new0 (double, t + 1);
  double total = 0;
  for (size_t u = from; u <= t; u++)
    {
      for (size_t i = 0; i < c->dim; i++)
        weight[u] += q[i] * k[u * stride + i] * c->scale;
      if (c->cap > 0)
        weight[u] = c->cap * tanh (weight[u] / c->cap);
      total += weight[u] = exp (weight[u]);
    }
  for (size_t i = 0; i < c->dim; i++)
    {
      out[i] = 0;
      for (size_t u = from; u <= t; u++)
        out[i] += weight[u] / total * v[u * stride + i];
    }
}

/* --- Attention --- */

/* q [T, H, D], k and v [T, K, D], each allocated. */
static void
project (Naive *naive, size_t l, const double *x, size_t n, double *qkv[3])
{
  static const char *const parts[] = { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj" };
  const Case *c = naive->c;
  const size_t wide = c->n_heads * c->dim;
  for (size_t p = 0; p < 3 && !c->fused; p++)
    qkv[p] = linear (naive, l, parts[p], x, n, p == 0 ? wide : c->n_kv * c->dim, c->d);
  if (!c->fused)
    return;
  g_autofree double *all = linear (naive, l, "attention.query_key_value", x, n, 3 * wide, c->d);
  for (size_t p = 0; p < 3; p++)
    {
      qkv[p] = g_new (double, n *wide);
      for (size_t i = 0; i < n * wide; i++)
        qkv[p][i] = all[i / wide * 3 * wide + (i % wide / c->dim * 3 + p) * c->dim + i % c->dim];
    }
}

static void
norm_and_rotate (Naive *naive, size_t l, const char *name, double *x, size_t n, size_t n_heads)
{
  const Case *c = naive->c;
  const double *w = find_in_layer (naive, l, name, "weight");
  for (size_t t = 0; t < n; t++)
    {
      double *row = x + t * n_heads * c->dim;
      if (c->full_norm)
        norm (c, w, NULL, n_heads * c->dim, row);
      for (size_t h = 0; h < n_heads; h++)
        {
          if (c->head_norm)
            norm (c, w, NULL, c->dim, row + h * c->dim);
          rotate (c, c->slides >> l & 1, t, row + h * c->dim);
        }
    }
}

static double *
attention (Naive *naive, size_t l, const double *x, size_t n)
{
  const Case *c = naive->c;
  const size_t wide = c->n_heads * c->dim, kv = c->n_kv * c->dim;
  double *qkv[3];
  g_autofree double *in = normed (naive, l, c->before_attention, x, n);
  g_autofree double *mixed = g_new (double, n *wide);
  project (naive, l, in, n, qkv);
  norm_and_rotate (naive, l, "self_attn.q_norm", qkv[0], n, c->n_heads);
  norm_and_rotate (naive, l, "self_attn.k_norm", qkv[1], n, c->n_kv);
  for (size_t t = 0; t < n; t++)
    for (size_t h = 0; h < c->n_heads; h++)
      {
        size_t at = h / (c->n_heads / c->n_kv) * c->dim;
        mix (c, c->slides >> l & 1, qkv[0] + t * wide + h * c->dim, qkv[1] + at, qkv[2] + at, kv, t,
             mixed + t * wide + h * c->dim);
      }
  for (size_t p = 0; p < 3; p++)
    g_free (qkv[p]);
  g_autofree double *out =
      linear (naive, l, c->fused ? "attention.dense" : "self_attn.o_proj", mixed, n, c->d, wide);
  return normed (naive, l, c->after_attention, out, n);
}

static double *
mlp (Naive *naive, size_t l, const double *x, size_t n)
{
  const Case *c = naive->c;
  g_autofree double *in = normed (naive, l, c->before_mlp, x, n);
  g_autofree double *up =
      linear (naive, l, c->fused ? "mlp.dense_h_to_4h" : "mlp.up_proj", in, n, c->d_ff, c->d);
  g_autofree double *gate =
      c->fused ? NULL : linear (naive, l, "mlp.gate_proj", in, n, c->d_ff, c->d);
  for (size_t i = 0; i < n * c->d_ff; i++)
    up[i] = gate != NULL ? activate (c->act, gate[i]) * up[i] : activate (c->act, up[i]);
  g_autofree double *out =
      linear (naive, l, c->fused ? "mlp.dense_4h_to_h" : "mlp.down_proj", up, n, c->d, c->d_ff);
  return normed (naive, l, c->after_mlp, out, n);
}

/* --- The pass --- */

static void
naive_logits (Naive *naive, const double *x, size_t n, double *logits)
{
  const Case *c = naive->c;
  g_autofree double *last = g_memdup2 (x, n * c->d * sizeof *x);
  g_autofree char *weight = g_strconcat (naive->c->prefix, ".", c->final_norm, ".weight", NULL);
  g_autofree char *bias = g_strconcat (naive->c->prefix, ".", c->final_norm, ".bias", NULL);
  g_autofree char *tied = g_strconcat (c->prefix, ".", c->embedding, ".weight", NULL);
  const double *head = find (naive, c->head != NULL ? c->head : tied);
  for (size_t t = 0; t < n; t++)
    {
      norm (c, find (naive, weight), find (naive, bias), c->d, last + t * c->d);
      for (size_t v = 0; v < c->vocab; v++)
        {
          double sum = 0;
          for (size_t i = 0; i < c->d; i++)
            sum += last[t * c->d + i] * head[v * c->d + i];
          logits[t * c->vocab + v] =
              c->final_cap > 0 ? c->final_cap * tanh (sum / c->final_cap) : sum;
        }
    }
}

/* residual [L + 1, T, d], logits [T, V] */
static void
naive_forward (Naive *naive, const int32_t *ids, size_t n, double *residual, double *logits)
{
  const Case *c = naive->c;
  g_autofree char *name = g_strconcat (c->prefix, ".", c->embedding, ".weight", NULL);
  const double *embedding = find (naive, name);
  const double scale = c->embedding_scale > 0 ? c->embedding_scale : 1;
  for (size_t i = 0; i < n * c->d; i++)
    residual[i] = embedding[(size_t)ids[i / c->d] * c->d + i % c->d] * scale;
  for (size_t l = 0; l < c->n_layers; l++)
    {
      double *x = residual + (l + 1) * n * c->d;
      memcpy (x, x - n * c->d, n * c->d * sizeof *x);
      g_autofree double *a = attention (naive, l, x, n);
      g_autofree double *parallel = c->parallel ? mlp (naive, l, x, n) : NULL;
      for (size_t i = 0; i < n * c->d; i++)
        x[i] += a[i];
      g_autofree double *m = c->parallel ? g_steal_pointer (&parallel) : mlp (naive, l, x, n);
      for (size_t i = 0; i < n * c->d; i++)
        x[i] += m[i];
    }
  naive_logits (naive, residual + c->n_layers * n * c->d, n, logits);
}

/* --- Comparing --- */

static double
worst (const float *x, const double *y, size_t n)
{
  double most = 0;
  for (size_t i = 0; i < n; i++)
    {
      g_assert_true (isfinite (x[i]));
      most = MAX (most, fabs (x[i] - y[i]));
    }
  return most;
}

static void
compare (const Case *c,
         const char *folder,
         const int32_t *ids,
         size_t n,
         const double *residual,
         const double *logits)
{
  const size_t n_residual = (c->n_layers + 1) * n * c->d, n_logits = n * c->vocab;
  const size_t limits[] = { CS_WIDEN_LIMIT, 0 }, chunks[] = { 0, 1, 5 };
  g_autofree float *got = g_new (float, n_residual), *got_logits = g_new (float, n_logits);
  for (size_t i = 0; i < 6; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CsModel) model = cs_model_open_limited (folder, limits[i % 2], &error);
      g_assert_no_error (error);
      g_autoptr (CsSession) session = cs_session_new (model, NULL, n);
      test_collect (session, NULL, 0, ids, n, chunks[i / 2], got, got_logits);
      g_assert_cmpfloat (worst (got, residual, n_residual), <, 2e-4);
      g_assert_cmpfloat (worst (got_logits, logits, n_logits), <, 4e-4);
      if (i < 2)
        test_check_from (model, ids, n);
    }
}

static void
check_folder (const Case *c, const char *folder)
{
  const size_t n = 40;
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  Naive naive = { c, cs_safetensors_open (path, &error),
                  g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free) };
  g_assert_no_error (error);
  g_autofree double *residual = g_new (double, (c->n_layers + 1) * n * c->d);
  g_autofree double *logits = g_new (double, n * c->vocab);
  g_autofree int32_t *ids = g_new (int32_t, n);
  CsRandom random;
  cs_random_init (&random, 9, 0);
  for (size_t t = 0; t < n; t++)
    ids[t] = (int32_t)cs_random_below (&random, c->vocab);
  naive_forward (&naive, ids, n, residual, logits);
  compare (c, folder, ids, n, residual, logits);
  cs_safetensors_free (naive.file);
  g_hash_table_unref (naive.tensors);
}

static char *
write_case (const Case *c, CsDtype dtype)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-family-XXXXXX", &error);
  g_assert_no_error (error);
  json_t *config = json_loads (c->config, 0, NULL);
  g_assert_nonnull (config);
  cs_model_write_random (folder, config, dtype, 3, &error);
  g_assert_no_error (error);
  json_decref (config);
  return folder;
}

static void
test_case (const void *data)
{
  const CsDtype dtypes[] = { CS_DTYPE_F32, CS_DTYPE_BF16, CS_DTYPE_F16 };
  for (size_t i = 0; i < G_N_ELEMENTS (dtypes); i++)
    {
      g_autofree char *folder = write_case (data, dtypes[i]);
      check_folder (data, folder);
      remove_folder (folder);
    }
}

/* --- A text model inside a larger one --- */

static void
rename_tensors (const char *folder, const char *from, const char *to)
{
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, &error);
  g_assert_no_error (error);
  const size_t n = cs_safetensors_n_tensors (file);
  const float pixels[] = { 1, 2 };
  g_autofree CsTensor *tensors = g_new (CsTensor, n + 1);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < n; i++)
    {
      tensors[i] = *cs_safetensors_nth (file, i);
      g_assert_true (g_str_has_prefix (tensors[i].name, from));
      g_ptr_array_add (names, g_strconcat (to, tensors[i].name + strlen (from), NULL));
      tensors[i].name = g_ptr_array_index (names, i);
    }
  tensors[n] = (CsTensor){ .name = "vision_tower.patch",
                           .dtype = CS_DTYPE_F32,
                           .n_dims = 1,
                           .shape = { 2 },
                           .n_elements = 2,
                           .data = pixels,
                           .n_bytes = 8 };
  g_assert_true (cs_safetensors_write (path, tensors, n + 1, NULL, NULL));
}

static void
test_wrapped (void)
{
  static const char *const prefixes[] = { "language_model.model", "model.language_model" };
  size_t n;
  const Case *cases = family_cases (&n);
  Case c = cases[0];
  for (size_t i = 0; i < n; i++)
    if (strcmp (cases[i].name, "gemma3") == 0)
      c = cases[i];
  g_autofree char *config =
      g_strdup_printf ("{\"model_type\": \"gemma3\", \"eos_token_id\": [1, 5], \"vision_config\": "
                       "{}, \"text_config\": %s}",
                       c.config);
  c.config = config;
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    {
      g_autofree char *folder = write_case (&c, CS_DTYPE_BF16);
      Case renamed = c;
      rename_tensors (folder, "model", prefixes[i]);
      renamed.prefix = prefixes[i];
      check_folder (&renamed, folder);
      remove_folder (folder);
    }
}

void
add_family_tests (void)
{
  size_t n;
  const Case *cases = family_cases (&n);
  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *path = g_strdup_printf ("/lm/families/%s", cases[i].name);
      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/lm/families/wrapped", test_wrapped);
}
