/* Gathers the examples of all latents while analysis goes over the store: a document's peak counts once, in the group
 * that its fraction of the latent's maximum falls into. The first group keeps the strongest, the others a uniform sample. */
#pragma once

#include "crosscoder.h"
#include "latents-private.h"

typedef struct CsExampleCollector CsExampleCollector;

/* max_act, scales: [n_latents], borrowed. */
CsExampleCollector *cs_example_collector_new (size_t n_latents, size_t per_group, const float *max_act,
                                              const float *scales, uint64_t seed);
void cs_example_collector_free (CsExampleCollector *collector);
/* Codes of the tokens first …, in order, with their positions: a document begins at position 0 and may go on in the next
 * call. */
void cs_example_collector_add (CsExampleCollector *collector, size_t first, const int32_t *position,
                               const CsCodes *codes);
/* [n_latents][CS_EXAMPLE_GROUPS][per_group], strongest first; owned by the collector. */
const CsExampleSlot *cs_example_collector_finish (CsExampleCollector *collector);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsExampleCollector, cs_example_collector_free)
