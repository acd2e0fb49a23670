#include <math.h>

#include "describe-prompt.h"
#include "describe-private.h"
#include "neighbours.h"

#define BATCH 5
#define NEIGHBOURS 6
#define TRIES 12

static void
item_clear (void *data)
{
  g_free (((CsDetectItem *) data)->text);
}

static void
add_item (const CsDescribe *d, GArray *items, const CsExample *example, int kind)
{
  CsDetectItem item = { cs_describe_example_text (d->tokenizer, example, false), kind, -1 };

  g_array_append_val (items, item);
}

/* --- Texts on which the latent is silent --- */

/* Adds the surroundings of a token where the latent is active on none of them. */
static bool
add_if_silent (const CsDescribe *d, size_t latent, uint64_t token, int kind, GArray *items, GError **error)
{
  CsExample window = { .token = token };
  const bool ok = cs_example_fill (&window, d->store, d->crosscoder, d->team, latent, d->scales[latent], CS_DESCRIBE_CONTEXT,
                                   error);
  bool silent = ok;

  for (size_t t = 0; silent && t < window.n; t++)
    silent = !(window.values[t] > 0);
  if (silent)
    add_item (d, items, &window, kind);
  cs_example_clear (&window);
  return ok;
}

static bool
add_random (const CsDescribe *d, CsRandom *random, size_t latent, size_t n, GArray *items, GError **error)
{
  const size_t n_tokens = cs_store_n_tokens (d->store), wanted = items->len + n;

  for (size_t i = 0; items->len < wanted && i < n * TRIES; i++)
    if (!cs_job_checkpoint (d->job, error) ||
        !add_if_silent (d, latent, cs_random_below (random, n_tokens), CS_DETECT_RANDOM, items, error))
      return false;
  return true;
}

/* Examples of the latents whose chat decoders are nearest: what is easily mistaken for this one's. */
static bool
add_similar (const CsDescribe *d, size_t latent, size_t n, GArray *items, GError **error)
{
  const size_t wanted = items->len + n, each = (n + NEIGHBOURS - 1) / NEIGHBOURS;
  CsNeighbour near[NEIGHBOURS];
  const size_t n_near = cs_neighbours (d->crosscoder, d->team, latent, CS_NEIGHBOUR_CHAT, NEIGHBOURS, near);

  for (size_t i = 0; i < n_near; i++)
    {
      const size_t enough = MIN (wanted, items->len + each);
      g_autoptr (GArray) examples =
        cs_examples_load (d->options->run_folder, d->store, d->crosscoder, d->team, near[i].latent, 0, 2, error);

      if (examples == NULL)
        return false;
      for (guint e = 0; e < examples->len && items->len < enough; e++)
        if (!cs_job_checkpoint (d->job, error) ||
            !add_if_silent (d, latent, g_array_index (examples, CsExample, e).token, CS_DETECT_SIMILAR, items, error))
          return false;
    }
  return true;
}

static void
shuffle (CsRandom *random, GArray *items)
{
  for (guint i = items->len; i > 1; i--)
    {
      const size_t other = cs_random_below (random, i);
      CsDetectItem *a = &g_array_index (items, CsDetectItem, i - 1), *b = &g_array_index (items, CsDetectItem, other);
      const CsDetectItem kept = *a;

      *a = *b;
      *b = kept;
    }
}

/* --- Asking --- */

static bool
ask_batch (const CsDescribe *d, const char *description, CsDetectItem *items, size_t n, GError **error)
{
  char *texts[BATCH];
  bool verdicts[BATCH];
  g_autofree char *question = NULL, *answer = NULL;

  for (size_t i = 0; i < n; i++)
    texts[i] = items[i].text;
  question = cs_detect_question (description, texts, n);
  answer = cs_chat_client_ask (d->client, d->job, cs_detect_system, question, 0, CS_DESCRIBE_MAX_TOKENS, error);
  if (answer == NULL)
    return false;
  if (cs_detect_parse (answer, n, verdicts))
    for (size_t i = 0; i < n; i++)
      items[i].answer = verdicts[i];
  return true;
}

/* --- Counting --- */

static double
share (size_t right, size_t n)
{
  return n > 0 ? (double) right / (double) n : NAN;
}

void
cs_detect_summarise (const CsDetectItem *items, size_t n, CsDetectionScore *score)
{
  size_t right[CS_DETECT_N_KINDS] = { 0 }, judged[CS_DETECT_N_KINDS] = { 0 }, right_firing = 0;
  const size_t *silent = judged + CS_DETECT_RANDOM, *right_silent = right + CS_DETECT_RANDOM;
  double sensitivity;

  *score = (CsDetectionScore) { 0 };
  for (size_t i = 0; i < n; i++)
    {
      const int kind = items[i].kind, truth = kind < CS_EXAMPLE_GROUPS;

      score->n_unanswered += items[i].answer < 0;
      judged[kind] += items[i].answer >= 0;
      right[kind] += items[i].answer == truth;
    }
  for (size_t g = 0; g < CS_EXAMPLE_GROUPS; g++)
    {
      score->firing[g] = share (right[g], judged[g]);
      score->n_firing += judged[g];
      right_firing += right[g];
    }
  score->n_random = silent[0];
  score->n_similar = silent[1];
  score->random = share (right_silent[0], silent[0]);
  score->similar = share (right_silent[1], silent[1]);
  sensitivity = share (right_firing, score->n_firing);
  score->balanced_accuracy = (sensitivity + share (right_silent[0] + right_silent[1], silent[0] + silent[1])) / 2;
  score->against_random = (sensitivity + score->random) / 2;
  score->against_similar = (sensitivity + score->similar) / 2;
}

bool
cs_describe_score (CsDescribe *d, size_t latent, const char *description, const CsExample *const *held_out, size_t n,
                   CsDetectionScore *score, GError **error)
{
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsDetectItem));
  CsRandom random;

  g_array_set_clear_func (items, item_clear);
  cs_random_init (&random, d->options->seed, latent);
  for (size_t i = 0; i < n; i++)
    add_item (d, items, held_out[i], (int) held_out[i]->group);
  if (!add_random (d, &random, latent, (n + 1) / 2, items, error) || !add_similar (d, latent, (n + 1) / 2, items, error))
    return false;
  shuffle (&random, items);
  for (guint i = 0; i < items->len; i += BATCH)
    if (!ask_batch (d, description, &g_array_index (items, CsDetectItem, i), MIN (BATCH, items->len - i), error))
      return false;
  cs_detect_summarise ((const CsDetectItem *) (void *) items->data, items->len, score);
  return true;
}
