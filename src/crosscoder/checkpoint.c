#include "checkpoint.h"

#include <string.h>

#include "errors.h"
#include "safetensors.h"
#include "vector.h"

#define FORMAT "crosscope-state"
#define VERSION "1"
#define MAX_TENSORS 20

/* What is kept, by name: the same table writes and reads. */
typedef struct
{
  const char *name;
  CsDtype dtype;
  void *data;
  size_t n, rows; /* elements; rows of a matrix, 0 for a vector */
} Entry;

static char *
state_path (const char *run_folder)
{
  return g_build_filename (run_folder, "state.safetensors", NULL);
}

bool
cs_checkpoint_exists (const char *run_folder)
{
  g_autofree char *path = state_path (run_folder);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static size_t
list_entries (const CsCrosscoder *crosscoder, const CsStepState *state, Entry entries[MAX_TENSORS])
{
  const size_t F = crosscoder->n_latents, width = 2 * crosscoder->d_model;
  const Entry all[] = {
    { "encoder", CS_DTYPE_F32, crosscoder->encoder, F * width, F },
    { "encoder_m", CS_DTYPE_F32, state->encoder_m, F * width, F },
    { "encoder_v", CS_DTYPE_F32, state->encoder_v, F * width, F },
    { "decoder", CS_DTYPE_F32, crosscoder->decoder, F * width, F },
    { "decoder_m", CS_DTYPE_F32, state->decoder_m, F * width, F },
    { "decoder_v", CS_DTYPE_F32, state->decoder_v, F * width, F },
    { "encoder_bias", CS_DTYPE_F32, crosscoder->encoder_bias, F, 0 },
    { "encoder_bias_m", CS_DTYPE_F32, state->encoder_bias_m, F, 0 },
    { "encoder_bias_v", CS_DTYPE_F32, state->encoder_bias_v, F, 0 },
    { "decoder_bias", CS_DTYPE_F32, crosscoder->decoder_bias, width, 0 },
    { "decoder_bias_m", CS_DTYPE_F32, state->decoder_bias_m, width, 0 },
    { "decoder_bias_v", CS_DTYPE_F32, state->decoder_bias_v, width, 0 },
    { "silent", CS_DTYPE_U64, state->silent, F, 0 },
    { "threshold", CS_DTYPE_F32, (void *)(uintptr_t)&crosscoder->threshold, 1, 0 },
    { "mean", CS_DTYPE_F32, crosscoder->mean, width, 0 },
    { "std", CS_DTYPE_F32, crosscoder->std, width, 0 },
    { "gain", CS_DTYPE_F32, (void *)(uintptr_t)crosscoder->gain, 2, 0 },
  };
  const size_t n = G_N_ELEMENTS (all) - (crosscoder->normalised ? 0 : 3);
  memcpy (entries, all, n * sizeof (Entry));
  return n;
}

bool
cs_checkpoint_write (const char *run_folder,
                     const CsCrosscoder *crosscoder,
                     const CsStepState *state,
                     const char *store,
                     GError **error)
{
  Entry entries[MAX_TENSORS];
  CsTensor tensors[MAX_TENSORS];
  const size_t n = list_entries (crosscoder, state, entries);
  g_autofree char *path = state_path (run_folder);
  g_autofree char *step = g_strdup_printf ("%" G_GUINT64_FORMAT, state->step);
  const char *metadata[] = { "format", FORMAT,  "version", VERSION, "step",
                             step,     "store", store,     NULL };
  for (size_t i = 0; i < n; i++)
    {
      const Entry *entry = &entries[i];
      tensors[i] = (CsTensor){ .name = entry->name,
                               .dtype = entry->dtype,
                               .data = entry->data,
                               .n_dims = entry->rows ? 2 : 1,
                               .n_elements = entry->n,
                               .n_bytes = entry->n * cs_dtype_size (entry->dtype) };
      tensors[i].shape[0] = entry->rows ? entry->rows : entry->n;
      if (entry->rows)
        tensors[i].shape[1] = entry->n / entry->rows;
    }
  return cs_safetensors_write (path, tensors, n, metadata, error);
}

static bool
damaged (GError **error, const char *path, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "The checkpoint “%s” cannot be continued: %s; remove it to train from the start.",
               path, what);
  return false;
}

static bool
read_step (const CsSafetensors *file, const char *path, uint64_t *step, GError **error)
{
  const char *text = cs_safetensors_metadata (file, "step");
  if (g_strcmp0 (cs_safetensors_metadata (file, "format"), FORMAT) != 0)
    return damaged (error, path, "it is not a training state");
  if (g_strcmp0 (cs_safetensors_metadata (file, "version"), VERSION) != 0)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_UNSUPPORTED,
          "The checkpoint “%s” has version %s, this program knows version %s: use the program "
          "that wrote it.",
          path, cs_safetensors_metadata (file, "version"), VERSION);
      return false;
    }
  guint64 value;
  if (!text || !g_ascii_string_to_unsigned (text, 10, 0, (guint64)1 << 40, &value, NULL))
    return damaged (error, path, "its step is missing");
  *step = value;
  return true;
}

static bool
read_entry (const CsSafetensors *file, const char *path, const Entry *entry, GError **error)
{
  const size_t shape[2] = { entry->rows ? entry->rows : entry->n,
                            entry->rows ? entry->n / entry->rows : 0 };
  const CsTensor *tensor =
      cs_safetensors_get (file, entry->name, entry->rows ? 2 : 1, shape, error);
  if (!tensor)
    return false;
  if (tensor->dtype != entry->dtype)
    return damaged (error, path, "a tensor has another type");
  memcpy (entry->data, tensor->data, tensor->n_bytes);
  if (entry->dtype == CS_DTYPE_F32 && !cs_all_finite (entry->data, entry->n))
    return damaged (error, path, "it holds numbers that are not finite");
  return true;
}

bool
cs_checkpoint_read (const char *run_folder,
                    CsCrosscoder *crosscoder,
                    CsStepState *state,
                    const char *store,
                    GError **error)
{
  Entry entries[MAX_TENSORS];
  const size_t n = list_entries (crosscoder, state, entries);
  g_autofree char *path = state_path (run_folder);
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, error);
  if (!file || !read_step (file, path, &state->step, error))
    return false;
  if (g_strcmp0 (cs_safetensors_metadata (file, "store"), store) != 0)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_MISMATCH,
          "The run “%s” was trained on other activations: choose another run folder or give it "
          "the store it began with.",
          run_folder);
      return false;
    }
  for (size_t i = 0; i < n; i++)
    if (!read_entry (file, path, &entries[i], error))
      return false;
  return true;
}

bool
cs_checkpoint_step (const char *run_folder, uint64_t *step, GError **error)
{
  g_autofree char *path = state_path (run_folder);
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, error);
  return file && read_step (file, path, step, error);
}
