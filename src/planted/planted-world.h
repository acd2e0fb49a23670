/* The generator of a planted world: an activation store whose every feature is known.
 *
 * A feature is a random unit direction, the same in both models. At token t model m has
 *   h_m(t) = Σ_i a_i^m(t) · w_i + noise,   a_i^m(t) = strength_i^m · exp (σ·z − σ²/2) where active,
 * else 0 so that an activation where active is log-normal with mean strength_i^m. With fewer
 * dimensions than features the directions are in superposition. By class: shared, weak      one
 * firing and one z for both models; weak: strength_base < strength_chat base-only, chat-only
 * strength 0 in the other model split             chat fires at the given frequency; base fires
 * with probability split_overlap where chat does, and elsewhere just so often that it is as
 * frequent; where both fire, their z are correlated grouped shared features are active together:
 * with probability group_firing at each occasion of the group, occasions being so rare that the
 * frequency is the common one Token ids are 1 + the feature that is strongest in chat (0 where none
 * is active). */
#pragma once

#include "job.h"
#include "planted-truth.h"

/* Writes the store (float32, one corpus, finished) over store_path and returns its truth; the same
 * settings and seed give the same bytes. The caller frees it. job may be NULL; progress in tokens.
 */
CsPlantedTruth *cs_planted_world_make (CsJob *job,
                                       const CsPlantedSettings *settings,
                                       uint64_t seed,
                                       const char *store_path,
                                       GError **error);
