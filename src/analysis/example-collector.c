#include "example-collector.h"

#include <stdlib.h>

#include "examples.h"
#include "random.h"

#define LEAST_ACTIVATION 1e-4f /* what is weaker is no example (Minder et al. 2025) */

const double cs_example_group_floor[CS_EXAMPLE_GROUPS] = { 0.95, 0.75, 0.5, 0.25, 0 };

struct CsExampleCollector {
  size_t n_latents, per_group;
  const float *max_act, *scales;
  CsRandom random;
  CsExampleSlot *slots;
  uint32_t *seen;           /* [n_latents][groups] peaks offered so far */
  CsExampleSlot *peak;      /* [n_latents] of the current document; token −1 = none */
  uint32_t *touched;        /* latents with a peak in the current document */
  size_t n_touched;
};

CsExampleCollector *
cs_example_collector_new (size_t n_latents, size_t per_group, const float *max_act, const float *scales, uint64_t seed)
{
  CsExampleCollector *c = g_new0 (CsExampleCollector, 1);
  const size_t n_slots = n_latents * CS_EXAMPLE_GROUPS * per_group;

  *c = (CsExampleCollector) { .n_latents = n_latents, .per_group = per_group, .max_act = max_act, .scales = scales };
  cs_random_init (&c->random, seed, 1);
  c->slots = g_new (CsExampleSlot, n_slots);
  for (size_t i = 0; i < n_slots; i++)
    c->slots[i] = (CsExampleSlot) { -1, 0 };
  c->seen = g_new0 (uint32_t, n_latents * CS_EXAMPLE_GROUPS);
  c->peak = g_new (CsExampleSlot, n_latents);
  for (size_t j = 0; j < n_latents; j++)
    c->peak[j] = (CsExampleSlot) { -1, 0 };
  c->touched = g_new (uint32_t, n_latents);
  return c;
}

void
cs_example_collector_free (CsExampleCollector *c)
{
  if (c == NULL)
    return;
  g_free (c->slots);
  g_free (c->seen);
  g_free (c->peak);
  g_free (c->touched);
  g_free (c);
}

static size_t
group_of (double fraction)
{
  size_t g = 0;

  while (g < CS_EXAMPLE_GROUPS - 1 && fraction < cs_example_group_floor[g])
    g++;
  return g;
}

static size_t
weakest (const CsExampleSlot *slots, size_t n)
{
  size_t least = 0;

  for (size_t i = 1; i < n; i++)
    if (slots[i].activation < slots[least].activation)
      least = i;
  return least;
}

static void
offer (CsExampleCollector *c, size_t latent, CsExampleSlot peak)
{
  const size_t group = group_of (peak.activation / c->max_act[latent]);
  CsExampleSlot *slots = c->slots + (latent * CS_EXAMPLE_GROUPS + group) * c->per_group;
  const uint32_t seen = c->seen[latent * CS_EXAMPLE_GROUPS + group]++;
  size_t at;

  if (seen < c->per_group)
    slots[seen] = peak;
  else if (group == 0)
    {
      at = weakest (slots, c->per_group);
      if (peak.activation > slots[at].activation)
        slots[at] = peak;
    }
  else if ((at = cs_random_below (&c->random, (size_t) seen + 1)) < c->per_group)
    slots[at] = peak;
}

static void
end_document (CsExampleCollector *c)
{
  for (size_t i = 0; i < c->n_touched; i++)
    {
      const uint32_t j = c->touched[i];

      offer (c, j, c->peak[j]);
      c->peak[j].token = -1;
    }
  c->n_touched = 0;
}

void
cs_example_collector_add (CsExampleCollector *c, size_t first, const int32_t *position, const CsCodes *codes)
{
  for (size_t t = 0; t < codes->n_tokens; t++)
    {
      if (position[t] == 0)
        end_document (c);
      for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
        {
          const uint32_t j = codes->latent[e];
          const float v = cs_codes_activation (codes, e, c->scales);

          if (v < LEAST_ACTIVATION)
            continue;
          if (c->peak[j].token < 0)
            c->touched[c->n_touched++] = j;
          if (c->peak[j].token < 0 || v > c->peak[j].activation)
            c->peak[j] = (CsExampleSlot) { (int64_t) (first + t), v };
        }
    }
}

static int
stronger_first (const void *a, const void *b)
{
  const CsExampleSlot *x = a, *y = b;

  if ((x->token < 0) != (y->token < 0))
    return x->token < 0 ? 1 : -1;
  if (x->activation != y->activation)
    return x->activation > y->activation ? -1 : 1;
  return x->token < y->token ? -1 : x->token > y->token;
}

const CsExampleSlot *
cs_example_collector_finish (CsExampleCollector *c)
{
  end_document (c);
  for (size_t i = 0; i < c->n_latents * CS_EXAMPLE_GROUPS; i++)
    qsort (c->slots + i * c->per_group, c->per_group, sizeof *c->slots, stronger_first);
  return c->slots;
}
