/* What generating needs, opened by whichever thread asks first and kept: both models, and the crosscoder last asked for.
 * It holds its own copies, so that a study which changes or closes never takes them from under a generation. Any thread. */
#pragma once

#include <glib-object.h>

#include "crosscoder.h"
#include "pair.h"

typedef struct CsSteeringEngine CsSteeringEngine;
typedef struct CsSharedCrosscoder CsSharedCrosscoder;

CsSteeringEngine *cs_steering_engine_new (CsPairSource *pair);
CsSteeringEngine *cs_steering_engine_ref (CsSteeringEngine *engine);
void              cs_steering_engine_unref (CsSteeringEngine *engine);
/* Whether it was made for this pair, read in this way. */
bool              cs_steering_engine_is_for (CsSteeringEngine *engine, const CsPairSource *pair);

/* Owned by the engine. */
const CsPair       *cs_steering_engine_pair (CsSteeringEngine *engine, GError **error);
/* A new reference; loaded again where the run's file has changed since. */
CsSharedCrosscoder *cs_steering_engine_crosscoder (CsSteeringEngine *engine, const char *run_folder, GError **error);

const CsCrosscoder *cs_shared_crosscoder_get (const CsSharedCrosscoder *shared);
void                cs_shared_crosscoder_unref (CsSharedCrosscoder *shared);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSteeringEngine, cs_steering_engine_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSharedCrosscoder, cs_shared_crosscoder_unref)
