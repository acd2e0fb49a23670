/* A store with known features: unit directions, two in three of them in both models, the others in one. */
#pragma once

#include "random.h"

enum
{
  D = 24,
  N_FEATURES = 18,
  DOCUMENT = 50
};

typedef struct {
  float direction[N_FEATURES][2][D];
} World;

/* Δ_norm of a feature: 0, ½ or 1. */
double planted_ratio (size_t feature);
void   make_world (World *world, CsRandom *random);
/* documents of DOCUMENT tokens each; document `absurd` holds a token of 1e30 (SIZE_MAX: none does). */
void   make_store (const char *path, const World *world, CsRandom *random, size_t documents, size_t absurd);
