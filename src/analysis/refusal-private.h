/* What the files of the refusal audit share. */
#pragma once

#include "refusal-audit.h"
#include "refusal-choose.h"

/* One audit under way. */
typedef struct
{
  CsJob *job;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  const CsLatents *latents;
  const CsRefusalRule *rule;
  CsAuditOptions options; /* defaults filled in */
  CsTeam *team;
  const GArray *prompts[2];  /* CsAuditPrompt, by set */
  size_t n_answers, planned; /* for progress */
} CsAuditWork;

/* Which half of a set: its even or its odd prompts. */
enum
{
  CS_AUDIT_CHOOSE,
  CS_AUDIT_MEASURE,
};

/* A list of prompts, borrowed. */
typedef struct
{
  const CsAuditPrompt **prompts;
  size_t n;
} CsAuditList;

/* At most `limit` (0 = all) of a half of a set. Free .prompts with g_free(). */
CsAuditList cs_audit_half (const CsAuditWork *work, int set, int half, size_t limit);

/* Ranks the latents; GArray of CsAuditLatent, best first, all candidates. *chat_leaning as in
 * CsRefusalAudit. */
GArray *cs_audit_rank (CsAuditWork *work, bool *chat_leaning, GError **error);

/* Greedy answers of the steered chat model: answers[n] (each to be freed) and, where ids is not
 * NULL, their ids (GArray of int32_t each, to be unreffed). */
bool cs_audit_answers (CsAuditWork *work,
                       const CsAuditList *list,
                       const CsSteerItem *items,
                       size_t n_items,
                       char **answers,
                       GArray **ids,
                       GError **error);
/* How many of the list are refused, and how many answers are garbled. */
bool cs_audit_count (CsAuditWork *work,
                     const CsAuditList *list,
                     const CsSteerItem *items,
                     size_t n_items,
                     CsAuditRate *rate,
                     GError **error);
/* Mean KL to the plain chat model over the plain answers' tokens and over the first nine of each.
 */
bool cs_audit_kl (CsAuditWork *work,
                  const CsAuditList *list,
                  GArray *const *plain_ids,
                  const CsSteerItem *items,
                  size_t n_items,
                  double *kl,
                  double *kl_first,
                  GError **error);
/* Fills in the shares of the ranked latents, and makes the candidates (size_t elements, in the
 * order in which they are tried): for adding, the latents that carry most of the direction from the
 * requests to be answered to those to be refused and, where any do, lean to chat; for ablating, the
 * largest carriers of all requests and of each group in turn, base-leaning ones left alone. */
bool cs_audit_candidates (CsAuditWork *work,
                          GArray *ranked,
                          bool chat_leaning,
                          GArray *added,
                          GArray *ablated,
                          GError **error);
/* Latent, scale and scope that turn most requests into refusals; an empty array where there is no
 * candidate. */
bool
cs_audit_choose_added (CsAuditWork *work, const GArray *candidates, GArray *items, GError **error);
/* The set is grown latent by latent while that leaves fewer refusals and garbled answers. */
bool cs_audit_choose_ablated (CsAuditWork *work,
                              const GArray *candidates,
                              GArray *items,
                              GError **error);

/* A text that is no answer is never a refusal. */
void cs_audit_judge (const CsRefusalRule *rule, const char *answer, bool *refused, bool *garbled);
CsAuditRate cs_audit_rate (size_t refused, size_t garbled, size_t n);
void cs_audit_init_lists (CsRefusalAudit *audit); /* empty arrays with their clear functions */
