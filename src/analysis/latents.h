/* What analysis found about every latent of a run: one row a latent, kept in RUN/latents.h5, one dataset a column.
 *
 * Columns (field's names): latent, tag, dead, delta_norm, dec_base_norm, dec_chat_norm, dec_cos_sim, enc_cos_sim, density,
 * max_act, count_active, beta_activation_base/chat, beta_reconstruction_base/chat, beta_error_base/chat, nu_activation,
 * nu_error, nu_reconstruction, tested, chat_specific, template_share; and /examples/… (examples.h). Further columns, which a file
 * of an earlier version has not (then NaN, −1 or 0): the betas and ν without the decoder bias (…_nobias), Latent Scaling along
 * d^base (base_…, base_specific), the 95 % intervals of ν (…_low, …_high), twin, twin_cos, twin_divergence, and share_… .
 * delta_norm is the paper's: 0 = base, 1 = chat. max_act, thresholds and examples are in v = f·(‖d_base‖ + ‖d_chat‖). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "crosscoder.h"
#include "job.h"
#include "scaling-intervals.h"
#include "token-classes.h"

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
/* Ratios outside of this range are mostly of latents whose sums say little (few active tokens): Minder et al. 2025 leave them
 * out of rankings and distributions, though not of the verdict. */
#define CS_NU_LEAST (-0.1)
#define CS_NU_MOST 2.0
bool cs_nu_is_usable (double nu);        /* not NaN either */

#define CS_CHAT_LEANING 0.6              /* Δ_norm from which a latent leans to chat */
#define CS_BASE_LEANING 0.4              /* … and up to which it leans to base */

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
  float    template_share;    /* share of active tokens (v > 0.001) that are template tokens (BOS left out); NaN without chat text */
  /* The same with the decoder bias taken off the target (out of the error it cancels). */
  float    beta_activation_nobias[2], beta_reconstruction_nobias[2];
  float    nu_activation_nobias, nu_reconstruction_nobias;
  /* Latent Scaling along d_base: β for base and chat, ν = chat / base. */
  float    base_beta_activation[2], base_beta_reconstruction[2], base_beta_error[2];
  float    base_nu_activation, base_nu_reconstruction, base_nu_error;
  uint8_t  base_specific;     /* leans to base, and the same limits along d_base; only where tested */
  /* 95 % intervals over documents (low, high); only where tested; NaN where too few documents are active. */
  float    nu_error_interval[2], nu_reconstruction_interval[2];
  float    base_nu_error_interval[2], base_nu_reconstruction_interval[2];
  int32_t  twin;              /* the latent of the other side that has the same direction (twins.h); −1 = none */
  float    twin_cos;          /* cosine of d_chat and d_base of the two */
  float    twin_divergence;   /* 0 = always active together, 1 = never */
  /* Share of active tokens by CsTokenClass, BOS included: they add up to 1. NaN without chat text. */
  float    share[CS_TOKEN_N_CLASSES];
} CsLatentRow;

typedef struct {
  size_t       n_latents;
  size_t       n_tokens;      /* analysed */
  CsLatentRow *rows;          /* [n_latents], in order of latent */
  double       fve_base, fve_chat, l0;   /* validation figures kept with it; NaN where not known */
  double       identity_gap;  /* largest miss of Latent Scaling's identity (scaling.h); NaN where not known */
  size_t       close_pairs;   /* (chat-leaning, base-leaning) pairs with a cosine above 0.9, twins or not */
} CsLatents;

/* A latent of which nothing is known: NaN, no twin, 0. */
void cs_latent_row_init (CsLatentRow *row, size_t latent);
void cs_latents_free (CsLatents *latents);
CsLatents *cs_latents_load (const char *run_folder, GError **error);

/* The columns by name, as latents.h5, `latents --json` and CSV files call them: first the CS_LATENTS_N_FIRST_FIELDS of the first
 * version, then the later ones. */
#define CS_LATENTS_N_FIRST_FIELDS 23
size_t      cs_latents_n_fields (void);
const char *cs_latents_field_name (size_t field);
bool        cs_latents_field_is_flag (size_t field);    /* 0 or 1 */
bool        cs_latents_field_is_whole (size_t field);   /* a number of tokens or of a latent, a class or a flag */
/* NaN where not known: a verdict of a latent that was not tested, the twin of one that has none. */
double      cs_latents_field_value (const CsLatentRow *row, size_t field);

typedef struct {
  size_t   n_test;            /* N: how many that lean furthest to each side are tested; 0 = a tenth of the living, at least 50 */
  size_t   max_tokens;        /* 0 = the whole store */
  size_t   examples;          /* kept a group; 0 = 10 */
  uint64_t seed;              /* of the random shared sample */
  unsigned n_threads;
  CsTokenMarkers markers;     /* the template's, for template_share and the shares by class */
} CsAnalyzeOptions;

#define CS_ANALYZE_DEFAULT ((CsAnalyzeOptions) { .seed = 42, .markers = CS_TOKEN_MARKERS_NONE })

/* Goes over the store twice with inference codes (once for sums and maxima, once for the examples, whose groups are fractions
 * of the maximum, and twins) and writes RUN/latents.h5, replaced whole. Progress in tokens. Memory does not grow with the store: batches
 * of 4,096 tokens, and a few kilobytes a latent (scaling.h). Where sums of Latent Scaling miss their identity by more than
 * rounding, a warning says so and the latents concerned have no β and no verdict. */
bool cs_analyze (CsJob *job, const char *run_folder, const char *store_path, const CsAnalyzeOptions *options,
                 GError **error);

/* How many of a set of latents have a ν inside the central 95 % interval of the shared ones. */
typedef struct {
  size_t n, inside;
  double share, interval[2];   /* Wilson's 95 %; NaN for n = 0 */
} CsOverlap;

/* The claims table's counts. Latents that are dead, or have a ν outside of −0.1 … 2 or none, are left out of spreads and overlaps,
 * as Minder et al. do. */
typedef struct {
  size_t latents, dead, base_only, shared, chat_only, other, tested, chat_specific;
  double fve_base, fve_chat, l0;
  /* Tested latents that lean to chat (Δ_norm ≥ 0.6): chat_specific of them are confirmed. */
  size_t chat_leaning;
  double confirmed_share, confirmed_interval[2];   /* chat_specific / chat_leaning, Wilson's 95 % */
  size_t chat_specific_surely;     /* of chat_specific: with both whole 95 % intervals below the limits */
  size_t chat_specific_possibly;   /* of chat_leaning: with both intervals reaching below the limits */
  size_t chat_only_specific;       /* of chat_only: confirmed */
  size_t base_leaning, base_specific;   /* tested and leaning to base (Δ_norm ≤ 0.4); confirmed along d_base */
  CsSpread shared_nu_error, shared_nu_reconstruction;   /* of the tested shared latents */
  CsOverlap leaning_error, leaning_reconstruction;      /* chat-leaning, tested */
  CsOverlap only_error, only_reconstruction;            /* chat-only */
  size_t twins, close_pairs;
  double twin_divergence;          /* mean; NaN without twins */
  double identity_gap;
} CsLatentSummary;

void cs_latents_summarise (const CsLatents *latents, CsLatentSummary *summary);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLatents, cs_latents_free)
