/* Parts of a Neuronpedia feature that need more than the table of latents. */
#pragma once

#include <jansson.h>

#include "crosscoder.h"
#include "job.h"
#include "pair.h"
#include "store.h"

/* pos_str, pos_values, neg_str, neg_values: the tokens that the chat model's own head promotes and suppresses for a latent.
 * Empty lists without a pair or a crosscoder of its width. */
void cs_neuronpedia_add_logits (json_t *feature, const CsPair *pair, const CsCrosscoder *crosscoder, size_t latent);

#define CS_NEURONPEDIA_BINS 20

/* How often each latent is active how strongly: counts [F, CS_NEURONPEDIA_BINS] in equal steps from 0 to the latent's maximum
 * (max_act [F]; latents without one count nothing). Over as many tokens from the store's beginning as some minutes allow.
 * NULL with error; free with g_free(). job may be NULL. */
uint32_t *cs_neuronpedia_histograms (CsJob *job, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team,
                                     const float *max_act, GError **error);
/* freq_hist_data_bar_values (middles of the steps) and freq_hist_data_bar_heights out of them; counts NULL: empty lists. */
void cs_neuronpedia_add_histogram (json_t *feature, const uint32_t *counts, float max_act);
