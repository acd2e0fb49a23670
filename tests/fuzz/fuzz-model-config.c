/* Any bytes as a model's config.json, and as its generation_config.json: refused with a sentence,
 * or taken with sizes that are safe to compute with. */
#include <math.h>

#include "json.h"
#include "model-private.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_architecture (const CsArchitecture *a)
{
  const CsModelConfig *s = &a->sizes;
  double frequencies[4096];

  g_assert (a->family != NULL && s->model_type != NULL);
  g_assert (s->vocab_size <= (4 << 20) && s->d_model >= 1 && s->d_model <= 65536);
  g_assert (s->n_layers >= 1 && s->n_layers <= 1024 && s->d_ff >= 1 && s->d_ff <= (1 << 20));
  g_assert (s->n_kv_heads >= 1 && s->n_heads % s->n_kv_heads == 0);
  g_assert (s->n_rotated >= 2 && s->n_rotated % 2 == 0 && s->n_rotated <= s->head_dim);
  g_assert (s->n_sliding <= s->n_layers && (s->sliding_window > 0) == (s->n_sliding > 0));
  g_assert (cs_architecture_dim (a, CS_DIM_QUERY) <= (1 << 20));
  g_assert (s->n_eos <= G_N_ELEMENTS (s->eos_ids) && s->norm_eps >= 0 &&
            s->attention_scale > 0);
  g_assert (isfinite (s->attention_scale) && s->attention_softcap >= 0 && s->final_softcap >= 0);
  for (size_t r = 0; r < CS_N_ROPES; r++)
    {
      cs_rope_frequencies (&a->rope[r], s->n_rotated, frequencies);
      for (size_t i = 0; i < s->n_rotated / 2; i++)
        g_assert (isfinite (frequencies[i]));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CsArchitecture architecture;
  g_autoptr (json_t) value = cs_json_parse ((const char *)data, size, "input", NULL);

  for (int with_generation = 0; value != NULL && with_generation < 2; with_generation++)
    {
      g_autoptr (GError) error = NULL;
      if (cs_architecture_parse (&architecture, value, "config", with_generation ? value : NULL,
                                 "generation", &error))
        check_architecture (&architecture);
      else
        sentence_check (error);
    }
  return 0;
}
