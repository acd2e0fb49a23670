#include "validation.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

#define PART_TOKENS 4096
#define CALIBRATION_TOKENS 65536
#define CALIBRATION_BINS                                                                           \
  ((size_t)1 << 20) /* upper 20 of a positive float32's 31 bits: steps of 2^-11 */

static size_t
n_held_out (const CsReader *reader)
{
  size_t n_ranges, sum = 0;
  const size_t *ranges = cs_reader_held_out (reader, &n_ranges);
  for (size_t i = 0; i < n_ranges; i++)
    sum += ranges[2 * i + 1] - ranges[2 * i];
  return sum;
}

/* Sums over the tokens of a part, [4, 2·d]: Σ ε, Σ ε², Σ x, Σ x². */
static void
add_columns (const float *x, const float *x_hat, size_t n, size_t width, double *sums)
{
  memset (sums, 0, 4 * width * sizeof (double));
  for (size_t t = 0; t < n; t++)
    for (size_t c = 0; c < width; c++)
      {
        const double value = x[t * width + c], e = value - x_hat[t * width + c];
        sums[c] += e;
        sums[width + c] += e * e;
        sums[2 * width + c] += value;
        sums[3 * width + c] += value * value;
      }
}

/* A part's share of the averages. */
static void
add_part (const CsCrosscoder *crosscoder,
          const double *sums,
          size_t n,
          double share,
          CsValidation *validation)
{
  const size_t d = crosscoder->d_model, width = 2 * d;
  double residual[2] = { 0 }, total[2] = { 0 }, square[2] = { 0 };
  for (size_t c = 0; c < width; c++)
    {
      const double gain = crosscoder->normalised ? crosscoder->gain[c / d] : 1, scale = gain * gain;
      residual[c / d] += scale * (sums[width + c] - sums[c] * sums[c] / (double)n);
      total[c / d] +=
          scale * (sums[3 * width + c] - sums[2 * width + c] * sums[2 * width + c] / (double)n);
      square[c / d] += scale * sums[width + c] / (double)n;
    }
  validation->fve_base += share * (1 - residual[0] / total[0]);
  validation->fve_chat += share * (1 - residual[1] / total[1]);
  validation->fve += share * (1 - (residual[0] + residual[1]) / (total[0] + total[1]));
  validation->mse_base += share * square[0];
  validation->mse_chat += share * square[1];
}

typedef struct
{
  float *x, *x_hat;
  double *sums;
  uint8_t *active;
  CsCodes codes;
} Scratch;

static void
clear_scratch (Scratch *scratch)
{
  g_free (scratch->x);
  g_free (scratch->x_hat);
  g_free (scratch->sums);
  g_free (scratch->active);
  cs_codes_clear (&scratch->codes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scratch, clear_scratch)

/* What is measured on: the held-out tokens of a reader, or the first of a store. */
typedef struct
{
  CsReader *reader;
  CsStore *store;
  size_t n;
} Source;

static bool
read_rows (const Source *source, size_t offset, size_t n, float *rows, GError **error)
{
  size_t n_read;
  if (source->store)
    return cs_store_read (source->store, offset, n, rows, error);
  if (!cs_reader_read_held_out (source->reader, offset, n, rows, &n_read, error))
    return false;
  if (n_read == n)
    return true;
  g_set_error_literal (error, CS_ERROR, CS_ERROR_IO,
                       "The activation store is shorter than it was: harvest it again.");
  return false;
}

static bool
validate_part (const CsCrosscoder *crosscoder,
               CsTeam *team,
               const Source *source,
               size_t offset,
               size_t n,
               Scratch *scratch,
               GError **error)
{
  if (!read_rows (source, offset, n, scratch->x, error))
    return false;
  if (!cs_crosscoder_encode (crosscoder, team, scratch->x, n, &scratch->codes, error))
    return false;
  cs_crosscoder_decode (crosscoder, team, &scratch->codes, scratch->x_hat);
  add_columns (scratch->x, scratch->x_hat, n, 2 * crosscoder->d_model, scratch->sums);
  for (size_t i = 0; i < scratch->codes.start[n]; i++)
    scratch->active[scratch->codes.latent[i]] = 1;
  return true;
}

static bool
measure (const CsCrosscoder *crosscoder,
         CsTeam *team,
         const Source *source,
         CsJob *job,
         CsValidation *validation,
         GError **error)
{
  const size_t n = source->n, width = 2 * crosscoder->d_model, F = crosscoder->n_latents;
  const size_t parts = MAX (1, (n + PART_TOKENS / 2) / PART_TOKENS), largest = n / parts + 1;
  g_auto (Scratch) scratch = { g_new (float, largest *width),
                               g_new (float, largest *width),
                               g_new (double, 4 * width),
                               g_new0 (uint8_t, F),
                               { 0 } };
  double pairs = 0;
  memset (validation, 0, sizeof *validation);
  validation->n_tokens = n;
  for (size_t part = 0; part < parts && n > 0; part++)
    {
      const size_t begin = n * part / parts, end = n * (part + 1) / parts;
      if (!cs_job_checkpoint (job, error) ||
          !validate_part (crosscoder, team, source, begin, end - begin, &scratch, error))
        return false;
      add_part (crosscoder, scratch.sums, end - begin, 1. / (double)parts, validation);
      pairs += (double)scratch.codes.start[end - begin];
      if (source->store && job)
        cs_job_progress (job, (double)end, (double)n, "tokens");
    }
  validation->l0 = n > 0 ? pairs / (double)n : 0;
  for (size_t j = 0; j < F; j++)
    validation->never_active += !scratch.active[j];
  return true;
}

bool
cs_validation_run (const CsCrosscoder *crosscoder,
                   CsTeam *team,
                   CsReader *reader,
                   CsJob *job,
                   CsValidation *validation,
                   GError **error)
{
  const Source source = { .reader = reader, .n = n_held_out (reader) };
  return measure (crosscoder, team, &source, job, validation, error);
}

static CsStore *
open_fitting (const CsCrosscoder *crosscoder, const char *store_path, GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (store_path, false, error);
  if (!store || cs_store_info (store)->d_model == crosscoder->d_model)
    return g_steal_pointer (&store);
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "The crosscoder has d_model %zu but the store %s has %zu: name a store of the pair "
               "that it was trained on.",
               crosscoder->d_model, store_path, cs_store_info (store)->d_model);
  return NULL;
}

static size_t
first_tokens (const CsStore *store, size_t max_tokens)
{
  const size_t n = cs_store_n_tokens (store);
  return max_tokens > 0 ? MIN (n, max_tokens) : n;
}

bool
cs_validate_store (const CsCrosscoder *crosscoder,
                   const char *store_path,
                   size_t max_tokens,
                   CsTeam *team,
                   CsJob *job,
                   CsValidation *validation,
                   GError **error)
{
  g_autoptr (CsStore) store = open_fitting (crosscoder, store_path, error);
  if (!store)
    return false;
  const Source source = { .store = store, .n = first_tokens (store, max_tokens) };
  return measure (crosscoder, team, &source, job, validation, error);
}

/* Adds the v of n tokens to a histogram over the leading bits of v. */
static bool
count_values (const CsCrosscoder *open,
              CsTeam *team,
              const float *scales,
              const float *x,
              size_t n,
              CsCodes *codes,
              uint64_t *histogram,
              GError **error)
{
  if (!cs_crosscoder_encode (open, team, x, n, codes, error))
    return false;
  for (size_t i = 0; i < codes->start[n]; i++)
    {
      const float v = codes->value[i] * scales[codes->latent[i]];
      uint32_t bits;
      memcpy (&bits, &v, sizeof bits);
      histogram[bits >> 11]++;
    }
  return true;
}

/* θ above which at most `wanted` of the listed values lie. */
static float
threshold_of (const uint64_t *histogram, uint64_t wanted)
{
  uint64_t above = 0;
  size_t bin = CALIBRATION_BINS;
  float threshold;
  while (bin > 0 && above + histogram[bin - 1] <= wanted)
    above += histogram[--bin];
  /* v > this is v ≥ the bin's lower edge. */
  const uint32_t bits = bin > 0 ? (uint32_t)(bin << 11) - 1 : 0;
  memcpy (&threshold, &bits, sizeof bits);
  return isfinite (threshold) ? threshold : G_MAXFLOAT;
}

/* From the source, or, where it has no tokens, from the reader's first batches of n tokens. */
static bool
calibrate (CsCrosscoder *crosscoder, CsTeam *team, const Source *source, size_t batch, GError **error)
{
  const size_t limit = source->n > 0 ? MIN (source->n, CALIBRATION_TOKENS) : batch;
  const size_t chunk = source->n > 0 ? MIN (limit, 1024) : batch;
  g_autofree float *x = g_new (float, chunk * 2 * crosscoder->d_model);
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_autofree uint64_t *histogram = g_new0 (uint64_t, CALIBRATION_BINS);
  g_auto (CsCodes) codes = { 0 };
  CsCrosscoder open = *crosscoder; /* everything positive is listed */
  open.threshold = open.model_threshold[0] = open.model_threshold[1] = 0;
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t done = 0, n; done < limit; done += n)
    {
      n = MIN (chunk, limit - done);
      if (source->n > 0 ? !read_rows (source, done, n, x, error)
                        : !cs_reader_next (source->reader, x, error))
        return false;
      if (!count_values (&open, team, scales, x, n, &codes, histogram, error))
        return false;
    }
  crosscoder->threshold = threshold_of (histogram, (uint64_t)crosscoder->k * limit);
  return true;
}

bool
cs_crosscoder_calibrate (CsCrosscoder *crosscoder,
                         CsTeam *team,
                         CsReader *reader,
                         size_t batch,
                         GError **error)
{
  const Source source = { .reader = reader, .n = n_held_out (reader) };
  return calibrate (crosscoder, team, &source, batch, error);
}

bool
cs_crosscoder_calibrate_on_store (CsCrosscoder *crosscoder,
                                  CsTeam *team,
                                  const char *store_path,
                                  GError **error)
{
  if (crosscoder->variant != CS_VARIANT_BATCHTOPK || crosscoder->k == 0 ||
      crosscoder->code_norm == CS_CODE_NORM_DECOUPLED)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                           "Only a BatchTopK crosscoder with one threshold and a k can be calibrated: "
                           "use this one as it is.");
      return false;
    }
  g_autoptr (CsStore) store = open_fitting (crosscoder, store_path, error);
  if (!store)
    return false;
  const Source source = { .store = store, .n = cs_store_n_tokens (store) };
  if (source.n > 0)
    return calibrate (crosscoder, team, &source, 0, error);
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s holds no tokens: harvest some first.", store_path);
  return false;
}

#define VALIDATION_FIELDS(X) X (fve_base) X (fve_chat) X (fve) X (l0) X (mse_base) X (mse_chat)

bool
cs_validation_save (const CsValidation *validation,
                    uint64_t step,
                    const char *run_folder,
                    GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "validation.json", NULL);
  g_autoptr (json_t) object = json_object ();
  json_object_set_new (object, "step", json_integer ((json_int_t)step));
  json_object_set_new (object, "n_tokens", json_integer ((json_int_t)validation->n_tokens));
  json_object_set_new (object, "never_active", json_integer ((json_int_t)validation->never_active));
#define WRITE(name)                                                                                \
  if (isfinite (validation->name))                                                                 \
    json_object_set_new (object, #name, json_real (validation->name));
  VALIDATION_FIELDS (WRITE)
  return cs_json_save (object, path, error);
}

bool
cs_validation_load (CsValidation *validation, uint64_t step, const char *run_folder)
{
  g_autofree char *path = g_build_filename (run_folder, "validation.json", NULL);
  const size_t max = (size_t)1 << 50;
  size_t saved_step = 0;
  g_autoptr (json_t) object = cs_json_load (path, 1 << 20, NULL);
  memset (validation, 0, sizeof *validation);
  if (!object || !cs_json_get_size (object, path, "step", 0, max, 0, &saved_step, NULL) ||
      saved_step != step ||
      !cs_json_get_size (object, path, "n_tokens", 0, max, 0, &validation->n_tokens, NULL) ||
      !cs_json_get_size (object, path, "never_active", 0, max, 0, &validation->never_active, NULL))
    return false;
#define READ(name)                                                                                 \
  if (!cs_json_get_double (object, path, #name, NAN, &validation->name, NULL))                     \
    return false;
  VALIDATION_FIELDS (READ)
  return true;
}

bool
cs_validate (const CsCrosscoder *crosscoder,
             const char *store_path,
             const CsTrainConfig *config,
             CsTeam *team,
             CsValidation *validation,
             GError **error)
{
  const CsReaderOptions options = { .batch = config->batch,
                                    .held_out = config->held_out,
                                    .seed = config->seed };
  g_autoptr (CsReader) reader = cs_reader_new (store_path, &options, error);
  return reader && cs_validation_run (crosscoder, team, reader, NULL, validation, error);
}
