/* GGUF version 3: magic, version, number of tensors and of key-value pairs; the pairs; name, shape,
 * type and offset of each tensor; then, at a multiple of 32 bytes, the data. llama.cpp adds
 * direction.N after block N (0-based, N ≥ 1). */
#include <math.h>
#include <string.h>

#include "crosscoder-private.h"
#include "errors.h"
#include "exchange.h"
#include "file-replace.h"
#include "vector.h"

#define GGUF_TYPE_INT32 5u
#define GGUF_TYPE_STRING 8u
#define GGML_TYPE_F32 0u
#define ALIGNMENT 32

static void
put_number (GByteArray *out, uint64_t number, unsigned n_bytes)
{
  for (unsigned i = 0; i < n_bytes; i++)
    {
      const guint8 byte = (guint8)(number >> (8 * i) & 0xff);
      g_byte_array_append (out, &byte, 1);
    }
}

static void
put_text (GByteArray *out, const char *text)
{
  put_number (out, strlen (text), 8);
  g_byte_array_append (out, (const guint8 *)text, (guint)strlen (text));
}

static void
put_pair (GByteArray *out, const char *key, const char *value)
{
  put_text (out, key);
  put_number (out, GGUF_TYPE_STRING, 4);
  put_text (out, value);
}

/* The row that steering adds at scale 1: (activation / s) · d, out of normalised space; or the
 * direction alone. */
static bool
direction (const CsCrosscoder *crosscoder,
           const CsControlVectorOptions *o,
           float *out,
           GError **error)
{
  const size_t d = crosscoder->d_model;
  const float *row = crosscoder->decoder + o->latent * 2 * d + o->model * d;
  const float *base = crosscoder->decoder + o->latent * 2 * d;
  const double norm = cs_norm2 (row, d);
  const double scale =
      cs_crosscoder_latent_scale (crosscoder, cs_norm2 (base, d), cs_norm2 (base + d, d));
  const double factor =
      o->activation > 0 ? o->activation / scale / (double)crosscoder->gain[o->model] : 1 / norm;
  for (size_t i = 0; i < d; i++)
    out[i] = (float)(factor * (double)row[i]);
  if (norm > 0 && cs_all_finite (out, d))
    return true;
  g_set_error (
      error, CS_ERROR, CS_ERROR_NUMERIC,
      "The decoder of latent %zu in the %s model is zero, so it has no direction: choose the "
      "other model or another latent.",
      o->latent, o->model ? "chat" : "base");
  return false;
}

static bool
check (const CsCrosscoder *crosscoder, const CsControlVectorOptions *o, GError **error)
{
  if (o->latent >= crosscoder->n_latents)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "There is no latent %zu: the crosscoder has 0 to %zu.", o->latent,
                 crosscoder->n_latents - 1);
  else if (o->layer < 1 || o->layer > 100000)
    g_set_error_literal (
        error, CS_ERROR, CS_ERROR_UNSUPPORTED,
        "llama.cpp adds control vectors after block 1 and later ones, not after block 0.");
  else if (!(o->activation >= 0 && o->activation < 1e30))
    g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                         "The latent's maximum is not a number that a vector can be scaled by.");
  else
    return true;
  return false;
}

bool
cs_control_vector_export (const CsCrosscoder *crosscoder,
                          const CsControlVectorOptions *options,
                          const char *path,
                          GError **error)
{
  const size_t d = crosscoder->d_model;
  g_autofree float *vector = g_new (float, d);
  if (!check (crosscoder, options, error) || !direction (crosscoder, options, vector, error))
    return false;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree char *name = g_strdup_printf ("direction.%zu", options->layer);
  g_byte_array_append (out, (const guint8 *)"GGUF", 4);
  put_number (out, 3, 4);
  put_number (out, 1, 8); /* tensors */
  put_number (out, 3, 8); /* pairs */
  put_pair (out, "general.architecture", "controlvector");
  put_pair (out, "controlvector.model_hint", options->architecture ? options->architecture : "");
  put_text (out, "controlvector.layer_count");
  put_number (out, GGUF_TYPE_INT32, 4);
  put_number (out, 1, 4);
  put_text (out, name);
  put_number (out, 1, 4); /* dimensions */
  put_number (out, d, 8);
  put_number (out, GGML_TYPE_F32, 4);
  put_number (out, 0, 8); /* offset */
  while (out->len % ALIGNMENT)
    put_number (out, 0, 1);
  for (size_t i = 0; i < d; i++)
    {
      uint32_t bits;
      memcpy (&bits, &vector[i], sizeof bits);
      put_number (out, bits, 4);
    }
  while (out->len % ALIGNMENT)
    put_number (out, 0, 1);
  return cs_file_replace_contents (path, out->data, out->len, error);
}
