#pragma once

#include <hdf5.h>

#include "latents.h"

/* Best examples of a latent in one group while analysis goes on, and how /examples keeps them. */
typedef struct {
  int64_t token;       /* −1 = free */
  float   activation;
} CsExampleSlot;

/* slots: [n_latents][CS_EXAMPLE_GROUPS][per_group], strongest first; written as /examples/token (int64) and
 * /examples/activation (float32) of that shape. */
bool cs_latents_save (const CsLatents *latents, const char *run_folder, const CsExampleSlot *slots, size_t per_group,
                      GError **error);
/* The slots of one latent: [CS_EXAMPLE_GROUPS][*per_group], free with g_free(). */
CsExampleSlot *cs_latents_load_slots (const char *run_folder, size_t latent, size_t *per_group, GError **error);
