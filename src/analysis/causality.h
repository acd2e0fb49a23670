/* Causality: what moves the chat model's behaviour (Minder et al. 2025). Base activations at the
 * crosscoder's layer are put into the chat model, with some latents turned to what they are in
 * chat,
 *
 *   h_S = h_base + Σ_{j ∈ S} f_j · (d_j^chat − d_j^base)
 *
 * at every position, f from both models' activations there (inference codes, unscaled; b_dec is not
 * touched). The other direction takes them away: h_chat − Σ_S f_j (d_j^chat − d_j^base). The chat
 * model's later blocks, final norm and head run on; what is reported is KL (p_chat ‖ p_patched),
 * natural logarithm, over the positions that predict a token of the model's answers.
 *
 * Self-checks, which fail the run where they do not hold: chat put into chat gives 0; the empty set
 * gives what no patch gives; all latents give h_base − ĥ_base + ĥ_chat − (b_chat − b_base). */
#pragma once

#include "job.h"
#include "pair.h"

/* The positions that a mean is over. */
typedef enum
{
  CS_CAUSALITY_ALL,     /* every prediction of an answer's token, its end marker included */
  CS_CAUSALITY_FIRST9,  /* the first ten of each answer without template positions: the newline
                         * before  the answer is one, so nine are left */
  CS_CAUSALITY_OPENING, /* the prediction of each answer's first token alone */
  CS_CAUSALITY_N_SPANS,
} CsCausalitySpan;

const char *cs_causality_span_name (CsCausalitySpan span); /* "all", "first9", "opening" */

typedef struct
{
  const char *run_folder;
  const char *base_folder, *chat_folder;
  CsPairReading reading;      /* as the crosscoder's texts were read */
  size_t layer;               /* 0-based block that the crosscoder was trained after */
  const char *const *corpora; /* NULL-terminated; conversations are taken from them in turn */
  size_t skip_documents;      /* conversations to pass over first */
  size_t max_documents;       /* 0 = 512 */
  size_t max_tokens;          /* of a conversation, longer ones are cut; 0 = 1024 */
  size_t n_set;    /* how many of the most chat-leaning latents are the set, before those with
                    * meaningless ν are left out; 0 = a twentieth of all, at least 20 */
  size_t n_random; /* draws of the random control, averaged; 0 = 3 */
  size_t n_draws;  /* bootstrap draws over conversations; 0 = 1000 */
  uint64_t seed;
  unsigned n_threads; /* 0 = all */
} CsCausalityOptions;

typedef struct
{
  double kl, lo, hi; /* mean and 95 % bootstrap interval over conversations */
  double reduction, reduction_lo, reduction_hi; /* 1 − KL / KL of "none" */
  double agreement; /* share of positions whose likeliest token is the chat model's */
} CsCausalityValue;

typedef struct
{
  char *name;       /* "none", "all", "best-delta" … */
  bool from_chat;   /* begins with the chat activations and takes away */
  size_t n_latents; /* patched; 0 where none or where something else is patched */
  CsCausalityValue value[CS_CAUSALITY_N_SPANS];
} CsCausalityArm;

/* KL (a) − KL (b): above 0, b is nearer to chat. Paired over conversations. */
typedef struct
{
  char *a, *b;
  double difference[CS_CAUSALITY_N_SPANS], lo[CS_CAUSALITY_N_SPANS], hi[CS_CAUSALITY_N_SPANS];
} CsCausalityContrast;

typedef struct
{
  char *base_model, *chat_model; /* names */
  char *base_hash, *chat_hash;   /* of the weights */
  char **corpora;                /* names, NULL-terminated */
  size_t layer, n_documents, n_positions[CS_CAUSALITY_N_SPANS];
  size_t skip_documents, n_draws, n_random;
  uint64_t seed;
  /* The set: asked for, left after the filters, and the Δ_norm that its last latent has. */
  size_t n_set, n_filtered;
  double set_delta_norm;
  /* Self-checks: the largest deviations found; the last is relative to the activation's norm. */
  double check_chat, check_empty, check_all;
  size_t n_arms, n_contrasts;
  CsCausalityArm *arms;
  CsCausalityContrast *contrasts;
} CsCausality;

/* Blocks; progress in conversations. Writes RUN/causality.json, replaced whole. NULL where it
 * failed or was cancelled (then the file is as it was). Needs RUN/latents.h5. */
CsCausality *cs_causality_run (CsJob *job, const CsCausalityOptions *options, GError **error);

/* NULL with CS_ERROR_IO where there is no such file. */
CsCausality *cs_causality_load (const char *run_folder, GError **error);
bool cs_causality_save (const CsCausality *causality, const char *run_folder, GError **error);
void cs_causality_free (CsCausality *causality);

/* NULL where there is no arm of that name. */
const CsCausalityArm *cs_causality_find (const CsCausality *causality, const char *name);
/* A table for people; free with g_free(). */
char *cs_causality_text (const CsCausality *causality);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCausality, cs_causality_free)
