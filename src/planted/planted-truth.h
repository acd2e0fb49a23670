/* What is true of a planted store: truth.json beside it. Immutable once made; any thread. */
#pragma once

#include <glib-object.h>

#include "planted-settings.h"

#define CS_PLANTED_FORMAT_VERSION 1

typedef struct
{
  CsPlantedClass class;
  int group;           /* features of one group come together; −1 = in none */
  double strength[2];  /* mean activation where active; 0 where the model has not got the feature */
  double frequency[2]; /* share of the store's tokens at which it is active */
  /* ν* = Σ a_base·a_chat / Σ a_chat² over the store's tokens: how much of the feature in chat is in
   * base; NaN where chat has not got it. */
  double nu;
} CsPlantedFeature;

typedef struct
{
  CsPlantedSettings settings; /* those of the world */
  uint64_t seed;
  size_t n_features;
  CsPlantedFeature *features;
  float
      *directions; /* [n_features, 2, d_model]: unit length, or 0 where the model has not got it */
} CsPlantedTruth;

void cs_planted_truth_free (CsPlantedTruth *truth);
const float *cs_planted_truth_direction (const CsPlantedTruth *truth, size_t feature, int model);

bool cs_planted_truth_save (const CsPlantedTruth *truth, const char *path, GError **error);
CsPlantedTruth *cs_planted_truth_load (const char *path, GError **error);

/* What a verdict “only chat has it” about a feature is worth. */
#define CS_PLANTED_FALSE_FROM 0.5 /* ν* from which it is false */
#define CS_PLANTED_RIGHT_TO 0.2   /* ν* up to which it is right; not scored between */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPlantedTruth, cs_planted_truth_free)
