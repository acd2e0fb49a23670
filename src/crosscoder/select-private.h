/* The inside of a selection, shared by its files: select.c (whole blocks), select-token.c (token by token). */
#pragma once

#include "select.h"

/* What one worker found, in order of token and latent. */
typedef struct
{
  uint32_t *latent;
  float *f, *v;
  size_t n, capacity;
  size_t first_token, end_token;
  float smallest;
  uint32_t *histogram; /* [COARSE_BINS] */
  float *row;          /* scratch of cs_select_top_each() */
  size_t row_capacity;
  size_t count;
} CsSelectWorker;

struct CsSelector
{
  CsTeam *team;
  unsigned n_workers;
  CsSelectWorker *workers;
  uint32_t *fine; /* [FINE_BINS] */
  float guess;    /* the last call's smallest selected v: where to begin looking */
};

typedef struct
{
  CsSelector *selector;
  const CsPreActivations *in;
  CsCodes *codes;
  float floor;
  const uint32_t *subset;
  size_t n_subset, k;
} CsSelectTask;

static inline float
cs_select_scale (const CsPreActivations *in, size_t j)
{
  return in->scale ? in->scale[j] : 1.f;
}

static inline void
cs_select_add (CsSelectWorker *worker, uint32_t latent, float f, float v)
{
  if (G_UNLIKELY (worker->n == worker->capacity))
    {
      worker->capacity = MAX (4096, worker->capacity * 2);
      worker->latent = g_renew (uint32_t, worker->latent, worker->capacity);
      worker->f = g_renew (float, worker->f, worker->capacity);
      worker->v = g_renew (float, worker->v, worker->capacity);
    }
  worker->latent[worker->n] = latent;
  worker->f[worker->n] = f;
  worker->v[worker->n++] = v;
}

/* Lists the latents of one row with v > floor. */
void cs_select_row (CsSelectWorker *worker, const CsPreActivations *in, const float *pre, float floor);
/* Runs func over the tokens; workers then hold what was found and codes->start[1 …] the tokens' counts. Returns how many. */
size_t cs_select_collect (CsSelectTask *task, CsTeamFunc func);
/* Copies the n pairs that the workers hold into codes. */
void cs_select_gather (CsSelectTask *task, size_t n);
