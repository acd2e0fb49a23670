/* Continuing a prompt: greedy, or temperature and top-p sampling with a seed. */
#pragma once

#include "model.h"

typedef struct
{
  size_t max_tokens;
  double temperature; /* 0 = greedy (the lowest id wins a tie) */
  double top_p;       /* 1 = off */
  uint64_t seed;
  bool ignore_eos;
} CsSampling;

#define CS_SAMPLING_DEFAULT                                                                        \
  ((CsSampling){ .max_tokens = 64, .temperature = 0, .top_p = 1, .seed = 0 })

/* Called on the generating thread for each token as it is chosen (end tokens too); false stops. */
typedef bool (*CsTokenFunc) (void *data, int32_t id);

/* Runs the prompt and continues it; appends the continuation (int32_t; a final end token included)
 * to `out`. The session is not reset first: what is already in its cache comes before the prompt.
 * `before_forward` (may be NULL) is called with each block of ids just before it is run: what a
 * second model in lock-step needs. */
typedef bool (*CsBlockFunc) (void *data, const int32_t *ids, size_t n, GError **error);

bool cs_generate (CsSession *session,
                  const int32_t *prompt,
                  size_t n_prompt,
                  const CsSampling *sampling,
                  CsBlockFunc before_forward,
                  CsTokenFunc on_token,
                  void *data,
                  GArray *out,
                  GError **error);

/* One draw from logits[n] under the sampling settings; state is advanced only when temperature > 0.
 */
int32_t cs_sample (const float *logits, size_t n, const CsSampling *sampling, void *random_state);
