#include "weight-summary.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "crosscoder-private.h"
#include "errors.h"
#include "vector.h"

#define COLUMNS 1024 /* of the encoder at a time: their sums stay in the first cache */

typedef struct
{
  const CsTensor *encoder, *decoder;
  size_t d, F;
  CsWeightSummary *out;
  atomic_bool bad;
} Survey;

/* n numbers of a tensor of any floating type from one on. */
static void
widen (const CsTensor *tensor, size_t first, size_t n, float *out)
{
  const char *data = (const char *)tensor->data + first * cs_dtype_size (tensor->dtype);
  if (tensor->dtype != CS_DTYPE_F64)
    {
      cs_widen (tensor->dtype, data, out, n);
      return;
    }
  for (size_t i = 0; i < n; i++)
    {
      double value;
      memcpy (&value, data + i * sizeof value, sizeof value);
      out[i] = (float)value;
    }
}

static float
cosine (double dot, double square0, double square1)
{
  return square0 > 0 && square1 > 0 ? (float)(dot / (sqrt (square0) * sqrt (square1))) : NAN;
}

/* Squares of float32 numbers fit into a double with room to spare: a sum that is not finite has a
 * term that is not. */
static void
check (Survey *survey, double square0, double square1)
{
  if (!isfinite (square0) || !isfinite (square1))
    atomic_store_explicit (&survey->bad, true, memory_order_relaxed);
}

static void
survey_decoder (size_t begin, size_t end, unsigned worker, void *data)
{
  Survey *survey = data;
  const size_t d = survey->d;
  g_autofree float *base = g_new (float, 2 * d);
  float *chat = base + d;
  for (size_t j = begin; j < end; j++)
    {
      widen (survey->decoder, j * d, d, base);
      widen (survey->decoder, (survey->F + j) * d, d, chat);
      const double square0 = cs_dot_double (base, base, d), square1 = cs_dot_double (chat, chat, d);
      check (survey, square0, square1);
      survey->out->norms[2 * j] = sqrt (square0);
      survey->out->norms[2 * j + 1] = sqrt (square1);
      survey->out->decoder_cosine[j] = cosine (cs_dot_double (base, chat, d), square0, square1);
    }
}

typedef struct
{
  double dot[COLUMNS], square[2][COLUMNS];
  float row[2][COLUMNS];
} Columns;

/* The encoder's columns are not contiguous: a strip of them is summed up row by row. */
static void
survey_strip (Survey *survey, Columns *c, size_t first, size_t n)
{
  memset (c, 0, offsetof (Columns, row));
  for (size_t i = 0; i < survey->d; i++)
    {
      widen (survey->encoder, i * survey->F + first, n, c->row[0]);
      widen (survey->encoder, (survey->d + i) * survey->F + first, n, c->row[1]);
      for (size_t j = 0; j < n; j++)
        {
          const double base = c->row[0][j], chat = c->row[1][j];
          c->dot[j] += base * chat;
          c->square[0][j] += base * base;
          c->square[1][j] += chat * chat;
        }
    }
  for (size_t j = 0; j < n; j++)
    {
      check (survey, c->square[0][j], c->square[1][j]);
      survey->out->encoder_cosine[first + j] = cosine (c->dot[j], c->square[0][j], c->square[1][j]);
    }
}

static void
survey_encoder (size_t begin, size_t end, unsigned worker, void *data)
{
  Survey *survey = data;
  g_autofree Columns *columns = g_new (Columns, 1);
  for (size_t strip = begin; strip < end; strip++)
    survey_strip (survey, columns, strip * COLUMNS, MIN (COLUMNS, survey->F - strip * COLUMNS));
}

static bool
is_floating (const CsTensorFile *file, const CsTensor *tensor, GError **error)
{
  float number;
  if (tensor->n_elements > 0 &&
      (tensor->dtype == CS_DTYPE_F64 || cs_widen (tensor->dtype, tensor->data, &number, 1)))
    return true;
  g_set_error (
      error, CS_ERROR, CS_ERROR_FORMAT,
      "“%s”: the tensor “%s” is empty or %s, not F64, F32, F16 or BF16: get the file again.",
      cs_tensor_file_path (file), tensor->name, cs_dtype_name (tensor->dtype));
  return false;
}

bool
cs_weight_summary_read (CsWeightSummary *summary,
                        const CsTensorFile *file,
                        CsTeam *team,
                        GError **error)
{
  Survey survey = { .encoder = cs_tensor_file_find (file, "encoder.weight"), .out = summary };
  *summary = (CsWeightSummary){ 0 };
  if (!survey.encoder || survey.encoder->n_dims != 3 || survey.encoder->shape[0] != 2)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "“%s” has no tensor “encoder.weight” of the shape [2, d_model, latents].",
                   cs_tensor_file_path (file));
      return false;
    }
  survey.d = survey.encoder->shape[1];
  survey.F = survey.encoder->shape[2];
  const size_t shape[] = { 2, survey.F, survey.d };
  if (!is_floating (file, survey.encoder, error) ||
      !(survey.decoder = cs_tensor_file_get (file, "decoder.weight", 3, shape, error)) ||
      !is_floating (file, survey.decoder, error))
    return false;
  summary->n_latents = survey.F;
  summary->norms = g_new (double, 2 * survey.F);
  summary->decoder_cosine = g_new (float, survey.F);
  summary->encoder_cosine = g_new (float, survey.F);
  cs_team_run (team, survey.F, survey_decoder, &survey);
  cs_team_run (team, (survey.F + COLUMNS - 1) / COLUMNS, survey_encoder, &survey);
  if (!atomic_load_explicit (&survey.bad, memory_order_relaxed))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "“%s” is not a crosscoder that can be used: its weights hold numbers that are not "
               "finite. Use another run or get the file again.",
               cs_tensor_file_path (file));
  return false;
}

CsCrosscoder *
cs_weight_summary_load (CsWeightSummary *summary,
                        const char *run_folder,
                        CsTeam *team,
                        GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (CsTensorFile) file = cs_tensor_file_open (path, error);
  g_autoptr (CsCrosscoder) head = file ? cs_crosscoder_read_head (file, config, error) : NULL;
  *summary = (CsWeightSummary){ 0 };
  if (!head || !cs_weight_summary_read (summary, file, team, error))
    return NULL;
  return g_steal_pointer (&head);
}

void
cs_weight_summary_clear (CsWeightSummary *summary)
{
  g_clear_pointer (&summary->norms, g_free);
  g_clear_pointer (&summary->decoder_cosine, g_free);
  g_clear_pointer (&summary->encoder_cosine, g_free);
}
