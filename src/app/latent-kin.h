/* What a latent says through the models' logit lens, and which latents are like it: worked out on a
 * thread of its own. A source is of one run; the crosscoder, the pair and the sample of the store
 * are loaded on first use and kept. */
#pragma once

#include <gio/gio.h>

#include "lens.h"
#include "neighbours.h"

#define CS_KIN_TOKENS 10
#define CS_KIN_LATENTS 6

typedef struct CsKinSource CsKinSource;

/* pair: where no model is chosen there is no lens. */
CsKinSource *cs_kin_source_new (const char *run_folder,
                                const char *store_path,
                                CsPairSource *pair);
CsKinSource *cs_kin_source_ref (CsKinSource *source);
void cs_kin_source_unref (CsKinSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsKinSource, cs_kin_source_unref)

typedef struct
{
  CsLens *lens[2]; /* NULL where there is none, and lens_error says why */
  char *lens_error;
  CsNeighbour near[CS_NEIGHBOUR_N_PARTS][CS_KIN_LATENTS];
  size_t n_near[CS_NEIGHBOUR_N_PARTS];
} CsKin;

void cs_kin_free (CsKin *kin);

/* Main thread. Lens and neighbours: quick. */
void cs_kin_source_load (CsKinSource *source,
                         size_t latent,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         void *data);
CsKin *cs_kin_source_load_finish (GAsyncResult *result, GError **error);

/* Main thread. Latents that fire with it: the first time this reads part of the store. */
void cs_kin_source_cofiring (CsKinSource *source,
                             size_t latent,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             void *data);
/* CsCofiringLatent elements, owned by the caller. */
GArray *cs_kin_source_cofiring_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsKin, cs_kin_free)
