/* The logit lens: what a direction of the residual stream says through a model's own final norm and
 * head. Directions are brought to unit root mean square first, so that their length does not matter
 * and logits of different directions may be compared. */
#pragma once

#include <jansson.h>

#include "crosscoder.h"
#include "pair.h"

typedef struct
{
  int32_t id;
  float logit;
  char *text; /* decoded; the vocabulary's spelling where that is no text of its own */
} CsLensToken;

typedef struct
{
  double norm;                        /* of the direction as given */
  size_t n;                           /* tokens in each list; 0 where the direction is 0 */
  CsLensToken *promoted, *suppressed; /* [n], furthest first */
} CsLens;

/* row: [d_model]; n tokens each way, at most half of the vocabulary. Any thread. */
CsLens *
cs_lens_row (const CsModel *model, const CsTokenizer *tokenizer, const float *row, size_t n);
/* Of model m's decoder row of a latent, through model m; in raw space. The crosscoder has to have
 * the pair's d_model. */
CsLens *
cs_lens_latent (const CsPair *pair, const CsCrosscoder *crosscoder, size_t latent, int m, size_t n);
void cs_lens_free (CsLens *lens);

/* Text of one token to show: never empty. Free with g_free(). */
char *cs_lens_token_text (const CsTokenizer *tokenizer, int32_t id);
/* "a", "b", … with what is no printable text escaped; free with g_free(). */
char *cs_lens_words (const CsLensToken *tokens, size_t n);

/* {"norm", "promoted": [{"id", "token", "logit"}…], "suppressed": […]} */
json_t *cs_lens_to_json (const CsLens *lens);
CsLens *cs_lens_from_json (json_t *object, const char *name, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLens, cs_lens_free)
