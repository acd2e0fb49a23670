#include "examples.h"

#include "errors.h"

#include "latents-private.h"

void
cs_example_clear (CsExample *example)
{
  g_free (example->ids);
  g_free (example->values);
}

static void
clear_element (void *data)
{
  cs_example_clear (data);
}

/* The document that a token lies in: [*start, *end). */
static void
document_of (const CsStore *store, size_t token, size_t *start, size_t *end)
{
  const int64_t *documents = cs_store_documents (store);
  size_t lo = 0, hi = cs_store_n_documents (store) - 1;

  while (lo < hi)
    {
      size_t mid = (lo + hi + 1) / 2;
      if ((size_t) documents[mid] <= token)
        lo = mid;
      else
        hi = mid - 1;
    }
  *start = (size_t) documents[lo];
  *end = (size_t) documents[lo + 1];
}

static bool
fill_values (CsExample *example, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team, size_t latent, float scale,
             GError **error)
{
  g_autofree float *x = g_new (float, example->n * 2 * crosscoder->d_model);
  g_auto (CsCodes) codes = { 0 };

  example->ids = g_new (int32_t, example->n);
  example->values = g_new0 (float, example->n);
  if (!cs_store_read (store, example->first, example->n, x, error) ||
      !cs_store_read_tokens (store, example->first, example->n, example->ids, NULL, NULL, error) ||
      !cs_crosscoder_encode (crosscoder, team, x, example->n, &codes, error))
    return false;
  for (size_t t = 0; t < example->n; t++)
    for (size_t e = codes.start[t]; e < codes.start[t + 1]; e++)
      if (codes.latent[e] == latent)
        example->values[t] = codes.v != NULL ? codes.v[e] : codes.value[e] * scale;
  return true;
}

bool
cs_example_fill (CsExample *example, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team, size_t latent,
                 float scale, size_t context, GError **error)
{
  size_t start, end;

  document_of (store, example->token, &start, &end);
  example->first = example->token > start + context ? example->token - context : start;
  example->n = MIN (end, example->token + context + 1) - example->first;
  return fill_values (example, store, crosscoder, team, latent, scale, error);
}

static bool
check_fit (const char *run_folder, const CsStore *store, const CsCrosscoder *crosscoder, size_t latent, GError **error)
{
  if (cs_store_info (store)->d_model == crosscoder->d_model && latent < crosscoder->n_latents)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "%s/latents.h5, the run's crosscoder and the store %s do not fit each other: analyse the run again.",
               run_folder, cs_store_path (store));
  return false;
}

GArray *
cs_examples_load (const char *run_folder, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team, size_t latent,
                  size_t context, size_t per_group, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, TRUE, sizeof (CsExample));
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_autofree CsExampleSlot *slots = NULL;
  size_t kept = 0;

  if (!check_fit (run_folder, store, crosscoder, latent, error) ||
      (slots = cs_latents_load_slots (run_folder, latent, &kept, error)) == NULL)
    return NULL;
  g_array_set_clear_func (list, clear_element);
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t g = 0; g < CS_EXAMPLE_GROUPS; g++)
    for (size_t i = 0; i < MIN (kept, per_group); i++)
      {
        const CsExampleSlot *slot = &slots[g * kept + i];
        CsExample example = { .group = g, .activation = slot->activation };

        if (slot->token < 0 || (size_t) slot->token >= cs_store_n_tokens (store))
          continue; /* free, or of a store that has shrunk since */
        example.token = (uint64_t) slot->token;
        g_array_append_val (list, example);
        if (!cs_example_fill (&g_array_index (list, CsExample, list->len - 1), store, crosscoder, team, latent,
                              scales[latent], context, error))
          return NULL;
      }
  return g_steal_pointer (&list);
}
