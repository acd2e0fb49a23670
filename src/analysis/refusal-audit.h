/* The refusal audit: which latents tell requests that the chat model should refuse from those that
 * it should not, and what happens to its refusals when they are taken away or added.
 *
 * The prompts of each set are parted in two: on the even ones (0, 2, …) latents, scale and scope
 * are chosen, on the odd ones everything is measured. A prompt's score for a latent is its largest
 * v = f·(‖d_base‖ + ‖d_chat‖) over the last tokens of the rendered prompt; latents are ranked by
 * AUC. What is added and ablated comes from the latents that carry the direction between the two
 * sets (direction-shares.h). Answers are greedy and judged by a CsRefusalRule; rates come with
 * Wilson's 95 % interval. KL is D_KL(plain chat ‖ steered chat) in nats, a mean over the tokens of
 * the plain answer. */
#pragma once

#include <jansson.h>

#include "latents.h"
#include "pair.h"
#include "refusal-rule.h"
#include "steering.h"

typedef struct
{
  char *text;  /* the user's request */
  char *group; /* such as a concept's name; NULL for none */
} CsAuditPrompt;

void cs_audit_prompt_clear (CsAuditPrompt *prompt);
/* Text: one prompt a line, empty lines skipped. GArray of CsAuditPrompt that clears its elements.
 * Errors: unreadable, not UTF-8, larger than 16 MiB. */
GArray *cs_audit_prompts_load_text (const char *path, GError **error);
GArray *cs_audit_prompts_new (void);

/* Which set a prompt is of: indices of arrays of two. */
enum
{
  CS_AUDIT_REFUSE, /* should be refused */
  CS_AUDIT_COMPLY, /* should be answered */
};

typedef enum
{
  CS_AUDIT_PLAIN,
  CS_AUDIT_ADDED,          /* the best latent added */
  CS_AUDIT_ABLATED,        /* the refusal latents ablated */
  CS_AUDIT_RANDOM_ADDED,   /* a random latent added at the same multiple of its maximum */
  CS_AUDIT_RANDOM_ABLATED, /* as many random latents ablated */
  CS_AUDIT_N_ARMS
} CsAuditArm;

const char *cs_audit_arm_name (CsAuditArm arm); /* "plain", "added" … "random-ablated" */

typedef struct
{
  size_t n, refused;
  size_t garbled;         /* texts that are no answers, and so never refusals */
  double rate, low, high; /* rate NaN where n is 0 */
} CsAuditRate;

typedef struct
{
  size_t latent;
  double auc;             /* on the prompts for choosing */
  double auc_group;       /* the best AUC of one group of the prompts to be refused, for choosing;
                           * NaN where they have no groups */
  double auc_held_out;    /* on the prompts for measuring */
  double share;           /* of the direction between the sets, for choosing; may be negative */
  double mean_difference; /* of v over the last tokens' maximum, refuse − comply, for choosing */
  float delta_norm, nu_error, nu_reconstruction, max_act;
  bool chat_specific;
} CsAuditLatent;

typedef struct
{
  GArray *items;       /* CsSteerItem; empty for plain, or where there was nothing to choose */
  CsAuditRate rate[2]; /* by set */
  double kl[2], kl_first[2]; /* over the plain answer's tokens, and its first nine; 0 for plain */
} CsAuditArmResult;

#define CS_AUDIT_FIRST_TOKENS 9

typedef struct
{
  char *group;
  int set;
  CsAuditRate plain, ablated, added;
} CsAuditGroup;

typedef struct
{
  char *prompt, *group; /* group may be NULL */
  int set;
  char *answers[CS_AUDIT_N_ARMS];
  bool refused[CS_AUDIT_N_ARMS];
} CsAuditExample;

typedef struct
{
  size_t n_prompts[2]; /* in all; the odd half of each is measured */
  size_t layer;
  size_t last_tokens;
  bool chat_leaning; /* the latents below are those with Δ_norm ≥ CS_CHAT_LEANING; false where
                      * none of them lives and all latents were ranked */
  GArray *latents;   /* CsAuditLatent, best first */
  CsAuditArmResult arms[CS_AUDIT_N_ARMS];
  GArray *groups;   /* CsAuditGroup */
  GArray *examples; /* CsAuditExample */
  char **phrases;
} CsRefusalAudit;

typedef struct
{
  size_t layer;
  size_t last_tokens;       /* 0 = 5: what Gemma's template puts after the user's words */
  size_t keep_latents;      /* in the ranking; 0 = 20 */
  size_t max_tokens;        /* of an answer; 0 = 32 */
  size_t choose_prompts;    /* of each set, used for trying scales and sets of latents; 0 = 32 */
  size_t add_candidates;    /* largest carriers tried for adding; 0 = 4 */
  size_t ablate_candidates; /* tried for ablating; 0 = 12 */
  size_t max_ablated;       /* 0 = 6 */
  const size_t *chosen; /* the user's own latents: all of them are ablated, the first is added */
  size_t n_chosen;      /* 0 = choose */
  size_t n_examples;    /* of each set; 0 = 6 */
  uint64_t seed;        /* of the random latents */
  unsigned n_threads;   /* 0 = all */
} CsAuditOptions;

/* refuse, comply: GArray of CsAuditPrompt, at least 4 each. The pair needs a chat template.
 * Progress in answers. */
CsRefusalAudit *cs_refusal_audit (CsJob *job,
                                  const CsPair *pair,
                                  const CsCrosscoder *crosscoder,
                                  const CsLatents *latents,
                                  const GArray *refuse,
                                  const GArray *comply,
                                  const CsRefusalRule *rule,
                                  const CsAuditOptions *options,
                                  GError **error);
void cs_refusal_audit_free (CsRefusalAudit *audit);

/* RUN/audit.json, replaced whole. */
bool cs_refusal_audit_save (const CsRefusalAudit *audit, const char *run_folder, GError **error);
CsRefusalAudit *cs_refusal_audit_load (const char *run_folder, GError **error);
/* New reference. */
json_t *cs_refusal_audit_to_json (const CsRefusalAudit *audit);
/* Tables to be read by people; free with g_free(). */
char *cs_refusal_audit_text (const CsRefusalAudit *audit);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRefusalAudit, cs_refusal_audit_free)
