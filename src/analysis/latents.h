/* What analysis found about every latent of a run: one row a latent, kept in RUN/latents.h5, one dataset a column.
 *
 * Columns (field's names): latent, tag, dead, delta_norm, dec_base_norm, dec_chat_norm, dec_cos_sim, enc_cos_sim, density,
 * max_act, count_active, beta_activation_base/chat, beta_reconstruction_base/chat, beta_error_base/chat, nu_activation,
 * nu_error, nu_reconstruction, tested, chat_specific, template_share; and /examples/… (examples.h).
 * delta_norm is the paper's: 0 = base, 1 = chat. max_act, thresholds and examples are in v = f·(‖d_base‖ + ‖d_chat‖). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "crosscoder.h"
#include "job.h"

typedef enum {
  CS_LATENT_BASE_ONLY,   /* Δ_norm ≤ 0.1 */
  CS_LATENT_SHARED,      /* 0.4 … 0.6 */
  CS_LATENT_CHAT_ONLY,   /* ≥ 0.9 */
  CS_LATENT_OTHER,
  CS_LATENT_DEAD,        /* counted apart, in no class */
} CsLatentClass;

const char   *cs_latent_class_name (CsLatentClass tag);              /* "base-only" … "dead" */
bool          cs_latent_class_parse (const char *name, CsLatentClass *tag);
CsLatentClass cs_latent_classify (double delta_norm, bool dead);

#define CS_NU_ERROR_LIMIT 0.2
#define CS_NU_RECONSTRUCTION_LIMIT 0.5
#define CS_CHAT_LEANING 0.6              /* Δ_norm from which a latent leans to chat */

typedef struct {
  uint32_t latent;
  uint8_t  tag;               /* CsLatentClass */
  uint8_t  dead;              /* never active in the analysed tokens (fewer than 10 active tokens) */
  uint8_t  tested;            /* among the N furthest to either side, or in the random shared sample */
  uint8_t  chat_specific;     /* leans to chat, ν^ε < 0.2 and ν^r < 0.5; only where tested */
  float    delta_norm, dec_base_norm, dec_chat_norm, dec_cos_sim, enc_cos_sim;
  float    density;           /* active tokens / all tokens */
  float    max_act;           /* largest v */
  uint64_t count_active;
  /* Latent Scaling along d_chat, for base and chat; NaN where there is nothing to divide by. */
  float    beta_activation[2], beta_reconstruction[2], beta_error[2];
  float    nu_activation, nu_reconstruction, nu_error;
  float    template_share;    /* share of active tokens that are template tokens (BOS left out); NaN without chat text */
} CsLatentRow;

typedef struct {
  size_t       n_latents;
  size_t       n_tokens;      /* analysed */
  CsLatentRow *rows;          /* [n_latents], in order of latent */
  double       fve_base, fve_chat, l0;   /* validation figures kept with it; NaN where not known */
} CsLatents;

void cs_latents_free (CsLatents *latents);
CsLatents *cs_latents_load (const char *run_folder, GError **error);

typedef struct {
  size_t   n_test;            /* N: how many that lean furthest to each side are tested; 0 = a tenth of the living, at least 50 */
  size_t   max_tokens;        /* 0 = the whole store */
  size_t   examples;          /* kept a group; 0 = 10 */
  uint64_t seed;              /* of the random shared sample */
  unsigned n_threads;
  /* Ids of the template's markers, for template_share; may be NULL. A token is a template token where its id is listed, or
   * where it follows a <start_of_turn> (the role and its newline) or an <end_of_turn> (the newline). */
  int32_t  start_of_turn, end_of_turn, bos;   /* −1 where there is none */
} CsAnalyzeOptions;

#define CS_ANALYZE_DEFAULT ((CsAnalyzeOptions) { .seed = 42, .start_of_turn = -1, .end_of_turn = -1, .bos = -1 })

/* Goes over the store twice with inference codes (once for sums and maxima, once for the examples, whose groups are fractions
 * of the maximum) and writes RUN/latents.h5, replaced whole. Progress in tokens. */
bool cs_analyze (CsJob *job, const char *run_folder, const char *store_path, const CsAnalyzeOptions *options,
                 GError **error);

/* The claims table's counts. */
typedef struct {
  size_t latents, dead, base_only, shared, chat_only, other, tested, chat_specific;
  double fve_base, fve_chat, l0;
} CsLatentSummary;

void cs_latents_summarise (const CsLatents *latents, CsLatentSummary *summary);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLatents, cs_latents_free)
