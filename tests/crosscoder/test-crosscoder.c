/* Everything of the crosscoder but the step and the trainer: selection, codes, files,
 * initialisation, schedules, settings, the run's log. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "adam.h"
#include "bench.h"
#include "errors.h"
#include "init.h"
#include "json.h"
#include "random.h"
#include "run-log.h"
#include "safetensors.h"
#include "schedule.h"
#include "select.h"
#include "train-config.h"
#include "vector.h"

static char *
new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-crosscoder-XXXXXX", &error);
  g_assert_no_error (error);
  return folder;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

typedef struct
{
  float v;
  size_t index;
} Ranked;

static int
compare_ranked (const void *a, const void *b)
{
  const Ranked *p = a, *q = b;
  if (p->v != q->v)
    return p->v < q->v ? 1 : -1;
  return p->index < q->index ? -1 : p->index > q->index;
}

/* The first `count` of the sorted positive v, as a mask. */
static size_t
naive_top (const float *v, size_t first, size_t end, size_t count, bool *mask)
{
  g_autofree Ranked *ranked = g_new (Ranked, end - first);
  size_t n = 0;
  for (size_t i = first; i < end; i++)
    if (v[i] > 0)
      ranked[n++] = (Ranked){ v[i], i };
  qsort (ranked, n, sizeof *ranked, compare_ranked);
  for (size_t i = 0; i < MIN (n, count); i++)
    mask[ranked[i].index] = true;
  return MIN (n, count);
}

static void
assert_mask (const CsCodes *codes, const bool *mask, size_t n, size_t F)
{
  size_t at = 0;
  for (size_t t = 0; t < n; t++)
    {
      g_assert_cmpuint (codes->start[t], ==, at);
      for (size_t j = 0; j < F; j++)
        if (mask[t * F + j])
          g_assert_cmpuint (codes->latent[at++], ==, j);
    }
  g_assert_cmpuint (codes->start[n], ==, at);
}

static void
test_select (void)
{
  enum
  {
    N = 37,
    F = 101
  };
  CsRandom random;
  cs_random_init (&random, 1, 0);
  g_autoptr (CsTeam) team = cs_team_new (3);
  g_autoptr (CsSelector) selector = cs_selector_new (team);
  g_auto (CsCodes) codes = { 0 };
  for (unsigned round = 0; round < 60; round++)
    {
      float pre[N * F], bias[F], scale[F], v[N * F];
      bool mask[N * F] = { 0 };
      const bool coarse = round % 2; /* few different values: many ties */
      for (size_t j = 0; j < F; j++)
        {
          bias[j] = coarse ? 0 : (float)cs_random_normal (&random) * .1f;
          scale[j] = coarse ? 1 : (float)cs_random_uniform (&random) + .1f;
        }
      const float size = round % 7 == 0 ? 1e-3f : 1;
      for (size_t i = 0; i < N * F; i++)
        {
          const float value = (float)cs_random_normal (&random) * size;
          pre[i] = coarse ? roundf (value * 2) : value;
          v[i] = (pre[i] + bias[i % F]) * scale[i % F];
        }
      const CsPreActivations in = { pre, bias, scale, N, F };
      const size_t count = cs_random_below (&random, round % 3 ? 400 : N * F + 1);
      const size_t n = naive_top (v, 0, N * F, count, mask);
      const float smallest = cs_select_top (selector, &in, count, &codes);
      assert_mask (&codes, mask, N, F);
      float expected = n ? INFINITY : 0;
      for (size_t i = 0; i < N * F; i++)
        expected = mask[i] ? MIN (expected, v[i]) : expected;
      g_assert_cmpfloat (smallest, ==, expected);
      memset (mask, 0, sizeof mask);
      const size_t k = cs_random_below (&random, 20);
      for (size_t t = 0; t < N; t++)
        naive_top (v, t * F, (t + 1) * F, k, mask);
      cs_select_top_each (selector, &in, NULL, 0, k, &codes);
      assert_mask (&codes, mask, N, F);
      for (size_t i = 0; i < N * F; i++)
        mask[i] = v[i] > .5f;
      cs_select_above (selector, &in, .5f, &codes);
      assert_mask (&codes, mask, N, F);
    }
}

static CsCrosscoder *
random_crosscoder (size_t d, size_t F, CsVariant variant)
{
  CsCrosscoder *crosscoder = cs_crosscoder_new (d, F, variant, NULL);
  CsRandom random;
  cs_random_init (&random, 5, 0);
  for (size_t i = 0; i < F * 2 * d; i++)
    {
      crosscoder->encoder[i] = (float)cs_random_normal (&random);
      crosscoder->decoder[i] = (float)cs_random_normal (&random);
    }
  for (size_t j = 0; j < F; j++)
    crosscoder->encoder_bias[j] = (float)cs_random_normal (&random);
  for (size_t i = 0; i < 2 * d; i++)
    crosscoder->decoder_bias[i] = (float)cs_random_normal (&random);
  crosscoder->k = variant == CS_VARIANT_L1 ? 0 : 3;
  crosscoder->threshold = variant == CS_VARIANT_BATCHTOPK ? 7.5f : -1;
  return crosscoder;
}

static void
set_normalisation (CsCrosscoder *crosscoder)
{
  const size_t width = 2 * crosscoder->d_model;
  crosscoder->normalised = true;
  crosscoder->mean = g_new (float, width);
  crosscoder->std = g_new (float, width);
  for (size_t i = 0; i < width; i++)
    {
      crosscoder->mean[i] = .1f * (float)i;
      crosscoder->std[i] = 1;
    }
  crosscoder->gain[0] = .5f;
  crosscoder->gain[1] = 2;
}

/* Codes and reconstructions against the definition in double, normalised or not. */
static void
test_encode (void)
{
  enum
  {
    D = 5,
    F = 40,
    N = 33
  };
  CsRandom random;
  cs_random_init (&random, 2, 0);
  g_autoptr (CsTeam) team = cs_team_new (2);
  for (unsigned round = 0; round < 6; round++)
    {
      g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (D, F, (CsVariant)(round % 3));
      g_auto (CsCodes) codes = { 0 };
      float x[N * 2 * D], out[N * 2 * D], scales[F];
      if (round >= 3)
        set_normalisation (crosscoder);
      for (size_t i = 0; i < N * 2 * D; i++)
        x[i] = (float)cs_random_normal (&random);
      cs_crosscoder_scales (crosscoder, team, scales);
      g_assert_true (cs_crosscoder_encode (crosscoder, team, x, N, &codes, NULL));
      cs_crosscoder_decode (crosscoder, team, &codes, out);
      for (size_t t = 0; t < N; t++)
        {
          float v[F];
          double f[F], x_hat[2 * D];
          bool mask[F] = { 0 };
          for (size_t j = 0; j < F; j++)
            {
              double sum = crosscoder->encoder_bias[j];
              for (size_t i = 0; i < 2 * D; i++)
                {
                  const double mean = round < 3 ? 0 : crosscoder->mean[i],
                               gain = crosscoder->gain[i / D];
                  sum += (x[t * 2 * D + i] - mean) * gain * crosscoder->encoder[j * 2 * D + i];
                }
              f[j] = sum;
              v[j] = (float)sum * scales[j];
              mask[j] = crosscoder->variant == CS_VARIANT_L1 ? sum > 0 : v[j] > 7.5f;
            }
          if (crosscoder->variant == CS_VARIANT_TOPK)
            {
              memset (mask, 0, sizeof mask);
              naive_top (v, 0, F, 3, mask);
            }
          size_t at = codes.start[t];
          for (size_t i = 0; i < 2 * D; i++)
            x_hat[i] = crosscoder->decoder_bias[i];
          for (size_t j = 0; j < F; j++)
            if (mask[j])
              {
                g_assert_cmpuint (codes.latent[at], ==, j);
                g_assert_cmpfloat_with_epsilon (codes.value[at++], f[j], 1e-4);
                for (size_t i = 0; i < 2 * D; i++)
                  x_hat[i] += f[j] * crosscoder->decoder[j * 2 * D + i];
              }
          g_assert_cmpuint (codes.start[t + 1], ==, at);
          for (size_t i = 0; i < 2 * D; i++)
            {
              const double raw =
                  round < 3 ? x_hat[i] : x_hat[i] / crosscoder->gain[i / D] + crosscoder->mean[i];
              g_assert_cmpfloat_with_epsilon (out[t * 2 * D + i], raw, 1e-3);
            }
        }
    }
}

static void
test_encode_refused (void)
{
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (2, 3, CS_VARIANT_BATCHTOPK);
  g_auto (CsCodes) codes = { 0 };
  const float x[4] = { 0 };
  g_autoptr (GError) error = NULL;
  crosscoder->threshold = -1;
  g_assert_false (cs_crosscoder_encode (crosscoder, NULL, x, 1, &codes, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  crosscoder->code_norm = CS_CODE_NORM_DECOUPLED;
  g_assert_false (cs_crosscoder_encode (crosscoder, NULL, x, 1, &codes, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
}

static void
test_norm_ratio (void)
{
  g_assert_cmpfloat (cs_norm_ratio (1, 0), ==, 0);
  g_assert_cmpfloat (cs_norm_ratio (1, 1), ==, .5);
  g_assert_cmpfloat (cs_norm_ratio (0, 3), ==, 1);
  g_assert_cmpfloat (cs_norm_ratio (1, .5), ==, .25);
  g_assert_true (isnan (cs_norm_ratio (0, 0)));
}

static void
test_round_trip (void)
{
  for (unsigned round = 0; round < 6; round++)
    {
      g_autofree char *folder = new_folder ();
      g_autoptr (GError) error = NULL;
      g_autoptr (CsCrosscoder) saved = random_crosscoder (7, 45, (CsVariant)(round % 3));
      saved->code_norm = (CsCodeNorm)(round % 5 + 1);
      if (round >= 3)
        set_normalisation (saved);
      g_assert_true (cs_crosscoder_save (saved, folder, &error));
      g_autoptr (CsCrosscoder) loaded = cs_crosscoder_load (folder, &error);
      g_assert_no_error (error);
      g_assert_cmpint (loaded->variant, ==, saved->variant);
      g_assert_cmpint (loaded->code_norm, ==, saved->code_norm);
      g_assert_cmpuint (loaded->k, ==, saved->k);
      g_assert_cmpfloat (loaded->threshold, ==, saved->threshold);
      g_assert_cmpmem (loaded->encoder, 45 * 14 * 4, saved->encoder, 45 * 14 * 4);
      g_assert_cmpmem (loaded->decoder, 45 * 14 * 4, saved->decoder, 45 * 14 * 4);
      g_assert_cmpmem (loaded->encoder_bias, 45 * 4, saved->encoder_bias, 45 * 4);
      g_assert_cmpmem (loaded->decoder_bias, 14 * 4, saved->decoder_bias, 14 * 4);
      g_assert_true (loaded->normalised == saved->normalised);
      if (saved->normalised)
        {
          g_assert_cmpmem (loaded->mean, 14 * 4, saved->mean, 14 * 4);
          g_assert_cmpmem (loaded->gain, 8, saved->gain, 8);
        }
      remove_folder (folder);
    }
}

/* The file has the hub's layout: encoder.weight [2, d, F] is indexed [model][dimension][latent]. */
static void
test_hub_layout (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (3, 4, CS_VARIANT_BATCHTOPK);
  g_assert_true (cs_crosscoder_save (crosscoder, folder, NULL));
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, NULL);
  const CsTensor *encoder =
      cs_safetensors_get (file, "encoder.weight", 3, (size_t[]){ 2, 3, 4 }, NULL);
  const CsTensor *decoder =
      cs_safetensors_get (file, "decoder.weight", 3, (size_t[]){ 2, 4, 3 }, NULL);
  for (size_t m = 0; m < 2; m++)
    for (size_t i = 0; i < 3; i++)
      for (size_t j = 0; j < 4; j++)
        {
          float e, w;
          memcpy (&e, (const char *)encoder->data + 4 * ((m * 3 + i) * 4 + j), 4);
          memcpy (&w, (const char *)decoder->data + 4 * ((m * 4 + j) * 3 + i), 4);
          g_assert_cmpfloat (e, ==, crosscoder->encoder[j * 6 + m * 3 + i]);
          g_assert_cmpfloat (w, ==, crosscoder->decoder[j * 6 + m * 3 + i]);
        }
  g_assert_nonnull (cs_safetensors_get (file, "threshold", 0, NULL, NULL));
  remove_folder (folder);
}

/* A good file with one thing changed; each has to be refused in one sentence that names the file.
 */
typedef enum
{
  GOOD,
  MISSING,
  WRONG_SHAPE,
  NOT_FINITE,
  NO_ENCODER,
  BAD_K,
  BAD_ID,
  BAD_DTYPE,
  LONG_K,
  N_DAMAGES
} Damage;

static void
write_damaged (const char *folder, Damage damage)
{
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  float weights[24] = { 0 }, bias[6] = { 0 };
  int32_t k[2] = { damage == BAD_K ? -5 : 2, 2 };
  int64_t id = damage == BAD_ID ? 77 : 1;
  if (damage == NOT_FINITE)
    weights[7] = NAN;
  CsTensor tensors[] = {
    { .name = damage == NO_ENCODER ? "encoder" : "encoder.weight",
      .dtype = CS_DTYPE_F32,
      .n_dims = 3,
      .shape = { 2, 3, 4 },
      .n_elements = 24,
      .data = weights,
      .n_bytes = 96 },
    { .name = "decoder.weight",
      .dtype = damage == BAD_DTYPE ? CS_DTYPE_I32 : CS_DTYPE_F32,
      .n_dims = 3,
      .shape = { 2, damage == WRONG_SHAPE ? 3 : 4, damage == WRONG_SHAPE ? 4 : 3 },
      .n_elements = 24,
      .data = weights,
      .n_bytes = 96 },
    { .name = damage == MISSING ? "other" : "encoder.bias",
      .dtype = CS_DTYPE_F32,
      .n_dims = 1,
      .shape = { 4 },
      .n_elements = 4,
      .data = bias,
      .n_bytes = 16 },
    { .name = "decoder.bias",
      .dtype = CS_DTYPE_F32,
      .n_dims = 2,
      .shape = { 2, 3 },
      .n_elements = 6,
      .data = bias,
      .n_bytes = 24 },
    { .name = "k",
      .dtype = CS_DTYPE_I32,
      .n_dims = damage == LONG_K,
      .shape = { 2 },
      .n_elements = damage == LONG_K ? 2 : 1,
      .data = k,
      .n_bytes = damage == LONG_K ? 8 : 4 },
    { .name = "code_normalization_id",
      .dtype = CS_DTYPE_I64,
      .n_elements = 1,
      .data = &id,
      .n_bytes = 8 },
  };
  g_autoptr (GError) error = NULL;
  cs_safetensors_write (path, tensors, G_N_ELEMENTS (tensors), NULL, &error);
  g_assert_no_error (error);
}

static void
test_hostile_files (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  for (Damage damage = GOOD; damage < N_DAMAGES; damage++)
    {
      g_autoptr (GError) error = NULL;
      write_damaged (folder, damage);
      g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (folder, &error);
      g_assert_true ((crosscoder != NULL) == (damage == GOOD));
      if (damage == GOOD)
        continue;
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "model.safetensors"));
    }
  g_assert_true (g_file_set_contents (path, "\x08\0\0\0\0\0\0\0{}", 10, NULL));
  g_autoptr (GError) error = NULL;
  g_assert_null (cs_crosscoder_load (folder, &error));
  g_assert_nonnull (error);
  remove_folder (folder);
}

static void
test_init (void)
{
  enum
  {
    D = 16,
    F = 50
  };
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (D, F, CS_VARIANT_BATCHTOPK, NULL);
  g_autofree double *norms = g_new (double, 2 * F);
  float spread = 0;
  cs_crosscoder_init (crosscoder, .005, 42);
  cs_crosscoder_norms (crosscoder, NULL, norms);
  for (size_t j = 0; j < F; j++)
    {
      const float *row = crosscoder->encoder + j * 2 * D;
      g_assert_cmpmem (row, D * 4, row + D, D * 4);
      g_assert_cmpfloat_with_epsilon (norms[2 * j], .005, 1e-8);
      g_assert_cmpfloat (crosscoder->encoder_bias[j], ==, 0);
      spread += row[0] * row[0];
    }
  g_assert_cmpmem (crosscoder->encoder, F * D * 8, crosscoder->decoder, F * D * 8);
  g_assert_cmpfloat (spread, >, 0);
  g_autoptr (CsCrosscoder) other = cs_crosscoder_new (D, F, CS_VARIANT_BATCHTOPK, NULL);
  cs_crosscoder_init (other, .005, 43);
  g_assert_cmpint (memcmp (other->encoder, crosscoder->encoder, F * D * 8), !=, 0);
}

/* The median minimises the sum of distances: no small step from it may lower that sum. */
static double
sum_of_distances (const float *x, size_t n, size_t d, size_t m, const float *point)
{
  double sum = 0;
  for (size_t t = 0; t < n; t++)
    {
      double square = 0;
      for (size_t i = 0; i < d; i++)
        square += pow (x[(2 * t + m) * d + i] - point[i], 2);
      sum += sqrt (square);
    }
  return sum;
}

static void
test_geometric_median (void)
{
  enum
  {
    N = 41,
    D = 3
  };
  CsRandom random;
  float x[N * 2 * D], median[2 * D];
  cs_random_init (&random, 3, 0);
  for (size_t i = 0; i < N * 2 * D; i++)
    x[i] = (float)cs_random_normal (&random) + (i < 6 ? 100 : 0);
  cs_geometric_median (NULL, x, N, D, median);
  for (size_t m = 0; m < 2; m++)
    {
      const double best = sum_of_distances (x, N, D, m, median + m * D);
      for (unsigned trial = 0; trial < 50; trial++)
        {
          float moved[D];
          for (size_t i = 0; i < D; i++)
            moved[i] = median[m * D + i] + .01f * (float)cs_random_normal (&random);
          g_assert_cmpfloat (sum_of_distances (x, N, D, m, moved), >, best - 1e-4);
        }
    }
  /* Coincident tokens: the majority point is the median, and nothing is divided by zero. */
  const float same[] = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 9, -4, 1, 2, -3, 0, 1, 2 };
  cs_geometric_median (NULL, same, 5, 2, median);
  g_assert_cmpfloat_with_epsilon (median[0], 1, 1e-3);
  g_assert_cmpfloat_with_epsilon (median[1], 2, 1e-3);
  g_assert_cmpfloat_with_epsilon (median[2], 1, 1e-5);
  g_assert_cmpfloat_with_epsilon (median[3], 2, 1e-5);
}

static void
test_schedules (void)
{
  g_assert_cmpfloat (cs_schedule_lr (0, 5000, 1000, 0), ==, 0);
  g_assert_cmpfloat (cs_schedule_lr (500, 5000, 1000, 0), ==, .5);
  g_assert_cmpfloat (cs_schedule_lr (1000, 5000, 1000, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (4999, 5000, 1000, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (0, 10, 0, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (4500, 5000, 1000, 4000), ==, .5);
  g_assert_cmpuint (cs_schedule_k (0, 100, 0, 0), ==, 100);
  g_assert_cmpuint (cs_schedule_k (0, 100, 1024, 2000), ==, 1024);
  g_assert_cmpuint (cs_schedule_k (1000, 100, 1024, 2000), ==, 562);
  g_assert_cmpuint (cs_schedule_k (2000, 100, 1024, 2000), ==, 100);
  g_assert_cmpuint (cs_schedule_k (5000, 100, 1024, 2000), ==, 100);
}

/* Rows without a gradient, with and without moments, against torch's formula in double. */
static void
test_adam (void)
{
  enum
  {
    ROWS = 4,
    WIDTH = 6,
    N = ROWS * WIDTH
  };
  float w[N], m[N] = { 0 }, v[N] = { 0 }, g[N];
  double w2[N], m2[N] = { 0 }, v2[N] = { 0 }, norms[2 * ROWS];
  uint8_t moving[ROWS] = { 0 };
  CsRandom random;
  cs_random_init (&random, 4, 0);
  for (size_t i = 0; i < N; i++)
    w2[i] = w[i] = (float)cs_random_normal (&random);
  for (uint64_t t = 1; t <= 20; t++)
    {
      uint8_t touched[ROWS] = { 1, t % 3 == 0, t == 1, 0 };
      for (size_t i = 0; i < N; i++)
        g[i] = (float)cs_random_normal (&random);
      const CsAdamRows rows = { w, m, v, g, touched, moving, ROWS, WIDTH, norms };
      cs_adam_update (NULL, &rows, &(CsAdamStep){ .01, .5, t });
      for (size_t i = 0; i < N; i++)
        {
          const double gradient = touched[i / WIDTH] ? .5 * g[i] : 0;
          m2[i] = .9 * m2[i] + .1 * gradient;
          v2[i] = .999 * v2[i] + .001 * gradient * gradient;
          w2[i] -= .01 / (1 - pow (.9, (double)t)) * m2[i] /
                   (sqrt (v2[i] / (1 - pow (.999, (double)t))) + 1e-8);
          g_assert_cmpfloat_with_epsilon (w[i], w2[i], 1e-5);
        }
      g_assert_cmpfloat (norms[0], ==, cs_norm2 (w, WIDTH / 2));
      g_assert_cmpfloat (norms[1], ==, cs_norm2 (w + WIDTH / 2, WIDTH / 2));
    }
  g_assert_cmpuint (moving[3], ==, 0);
}

static void
test_config (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (GError) error = NULL;
  CsTrainConfig config, loaded;
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 2304);
  g_assert_cmpuint (config.n_latents, ==, 73728);
  g_assert_cmpfloat (config.init_norm, ==, 1);
  g_assert_cmpfloat (config.clip_norm, ==, 1);
  config.code_norm = CS_CODE_NORM_MIXED;
  config.seed = 0xfedcba9876543210u;
  config.normalise = config.squared_error = true;
  config.mu = 0.1;
  config.k_max = 1024;
  config.n_threads = 3;
  g_assert_true (cs_train_config_save (&config, folder, 2304, "/tmp/activations.h5", &error));
  g_assert_true (cs_train_config_load (&loaded, folder, &error));
  g_assert_no_error (error);
  g_assert_null (cs_train_config_difference (&config, &loaded));
  g_assert_cmpuint (loaded.n_threads, ==, 3);
  g_assert_cmpuint (loaded.steps, ==, 97656);
  g_assert_true (loaded.seed == config.seed);
  loaded.lr = 2e-4;
  g_assert_cmpstr (cs_train_config_difference (&config, &loaded), ==, "lr");
  g_autoptr (json_t) object = cs_json_load (path, 0, NULL);
  static const char *const keys[] = { "activation_dim",
                                      "dict_size",
                                      "num_layers",
                                      "k",
                                      "norm_init_scale",
                                      "same_init_for_all_layers",
                                      "init_with_transpose",
                                      "lr",
                                      "l1_penalty",
                                      "warmup_steps",
                                      "steps",
                                      "seed" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    g_assert_nonnull (json_object_get (object, keys[i]));
  g_assert_cmpstr (json_string_value (json_object_get (object, "code_normalization")), ==, "MIXED");
  static const char *const hostile[] = {
    "",
    "[]",
    "{}",
    "{\"variant\": 3}",
    "{\"variant\": \"l1\", \"steps\": -1}",
    "{\"variant\": \"l1\", \"dict_size\": 1e30}",
    "{\"variant\": \"l1\", \"lr\": \"fast\"}",
    "{\"variant\": \"batchtopk\", \"k\": 0}",
    "{\"variant\": \"l1\", \"code_normalization\": \"DECOUPLED\"}"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_assert_true (g_file_set_contents (path, hostile[i], -1, NULL));
      g_assert_false (cs_train_config_load (&loaded, folder, &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  remove_folder (folder);
}

static void
test_clamp (void)
{
  CsTrainConfig config;
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 128);
  g_auto (GStrv) none = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  config.steps = 500;
  config.batch = 1000;
  g_auto (GStrv) changes = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (changes), ==, 3);
  g_assert_cmpuint (config.warmup_steps, ==, 50);
  g_assert_cmpuint (config.threshold_start_step, ==, 250);
  g_assert_cmpuint (config.dead_tokens, ==, 50000);
  g_auto (GStrv) again = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (again), ==, 0);
}

static void
test_run_log (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "metrics.csv", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsRunLog) log = cs_run_log_new (), loaded = cs_run_log_new ();
  CsMetrics rows[3];
  CsNormRatioSnapshot snapshot = { .step = 20 };
  snapshot.count[99] = 7;
  for (uint64_t step = 10; step <= 30; step += 10)
    cs_run_log_add_metrics (log, &(CsMetrics){ step, 1.5, 2, 3, .25, NAN, 16, 4, .125, 1e-4, 1e5 });
  cs_run_log_add_snapshot (log, &snapshot);
  cs_run_log_truncate (log, 20);
  g_assert_cmpuint (cs_run_log_n_metrics (log), ==, 2);
  g_assert_cmpuint (cs_run_log_n_snapshots (log), ==, 1);
  g_assert_true (cs_run_log_save (log, folder, &error));
  g_assert_true (cs_run_log_load (loaded, folder, &error));
  g_assert_cmpuint (cs_run_log_copy_metrics (loaded, 1, 3, rows), ==, 1);
  g_assert_cmpuint (rows[0].step, ==, 20);
  g_assert_cmpfloat (rows[0].fve_base, ==, .25);
  g_assert_true (isnan (rows[0].fve_chat));
  g_assert_cmpuint (cs_run_log_copy_snapshots (loaded, 0, 5, &snapshot), ==, 1);
  g_assert_cmpuint (snapshot.count[99], ==, 7);
  g_assert_cmpuint (cs_run_log_copy_metrics (loaded, 9, 3, rows), ==, 0);
  static const char *const hostile[] = { "step\n1,2\n", "step\n1,2,3,4,5,6,7,8,9,10,x\n",
                                         "h\n-1,2,3,4,5,6,7,8,9,10,11\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_assert_true (g_file_set_contents (path, hostile[i], -1, NULL));
      g_assert_false (cs_run_log_load (loaded, folder, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_clear_error (&error);
    }
  g_assert_cmpuint (cs_run_log_n_metrics (loaded), ==, 2);
  remove_folder (folder);
}

static void
test_bench (void)
{
  const CsBenchTrainOptions options = { CS_VARIANT_BATCHTOPK, 16, 128, 4, 64, 3, 2 };
  CsBenchTrain result;
  g_autoptr (GError) error = NULL;
  g_assert_true (cs_bench_train (NULL, &options, &result, &error));
  const double sum = result.parts.read + result.parts.encode + result.parts.select +
                     result.parts.decode + result.parts.gradients + result.parts.adam;
  g_assert_cmpfloat (sum, <=, result.seconds_per_step * 1.01 + 1e-4);
  g_assert_cmpfloat (result.floor_seconds, >, 0);
  g_assert_cmpuint (result.peak_memory_bytes, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/crosscoder/select", test_select);
  g_test_add_func ("/crosscoder/encode", test_encode);
  g_test_add_func ("/crosscoder/encode-refused", test_encode_refused);
  g_test_add_func ("/crosscoder/norm-ratio", test_norm_ratio);
  g_test_add_func ("/crosscoder/round-trip", test_round_trip);
  g_test_add_func ("/crosscoder/hub-layout", test_hub_layout);
  g_test_add_func ("/crosscoder/hostile-files", test_hostile_files);
  g_test_add_func ("/crosscoder/init", test_init);
  g_test_add_func ("/crosscoder/geometric-median", test_geometric_median);
  g_test_add_func ("/crosscoder/schedules", test_schedules);
  g_test_add_func ("/crosscoder/adam", test_adam);
  g_test_add_func ("/crosscoder/config", test_config);
  g_test_add_func ("/crosscoder/clamp", test_clamp);
  g_test_add_func ("/crosscoder/run-log", test_run_log);
  g_test_add_func ("/crosscoder/bench", test_bench);
  return g_test_run ();
}
