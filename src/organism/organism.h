/* The demo pair, made and measured: corpora from the demo world, a vocabulary, a base model trained
 * from scratch, a chat model tuned from the base's weights, and how both behave on held-out
 * requests.
 *
 * A folder of an organism:
 *
 *   base/            Hugging Face folder of the base model (no chat template)
 *   chat/            Hugging Face folder of the chat model
 *   organism.json    seed, behaviours and settings that it was made with
 *   prompts.json     prompt library: held-out requests in groups
 *   corpus/web.jsonl, corpus/chat.jsonl    a pure function of the seed, written by
 * cs_organism_write_corpora()
 *
 * Everything depends on the seed and the options alone, not on the number of threads. All functions
 * block; call them from a job's thread. job may be NULL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "job.h"
#include "judge.h"
#include "team.h"
#include "train-run.h"
#include "world.h"

#define CS_ORGANISM_DEFAULT_SEED 1

typedef struct
{
  CsTrainModelConfig model; /* vocab_size: the most ids that the vocabulary may have */
  CsChatMix mix;            /* the behaviours that chat-tuning introduces */
  size_t web_tokens;        /* size of the web corpus */
  size_t chat_tokens;       /* size of the chat corpus, without the web text mixed in */
  double web_epochs, chat_epochs;
  double web_in_chat;         /* tokens of web text for each token of chat */
  double user_weight;         /* weight in the loss of a token that the model does not say */
  double opening_weight;      /* and of the first three of each answer, which decide its kind */
  CsTrainSettings base, chat; /* n_steps and seed are filled in */
  unsigned n_threads;         /* 0 = all; beyond CS_TRAIN_SHARDS nothing is gained */
  /* Called after every step of both trainings, on the job's thread; false stops early, and what has
   * been learnt so far is saved. NULL: none. */
  CsTrainReport report;
  void *report_data;
} CsOrganismOptions;

void cs_organism_default_options (CsOrganismOptions *options);

/* Makes out_dir/base, out_dir/chat, organism.json and prompts.json. While training, the model so
 * far is saved from time to time, so that something usable is left when it is cancelled. */
bool cs_organism_make (CsJob *job,
                       uint64_t seed,
                       const char *out_dir,
                       const CsOrganismOptions *options,
                       GError **error);
/* The second half alone: tunes out_dir/chat from the base model (and its vocabulary) in
 * out_dir/base. */
bool cs_organism_tune (CsJob *job,
                       uint64_t seed,
                       const char *out_dir,
                       const CsOrganismOptions *options,
                       GError **error);

/* Writes folder/web.jsonl and folder/chat.jsonl, one cs_document_to_json() a line: the first n_web
 * and n_chat documents of the corpora that the pair of this seed was trained on. 0 leaves that
 * corpus out. */
bool cs_organism_write_corpora (CsJob *job,
                                uint64_t seed,
                                CsChatMix mix,
                                size_t n_web,
                                size_t n_chat,
                                const char *folder,
                                GError **error);

/* The seed of an organism's folder and the mix that its chat model was tuned on. */
bool cs_organism_identity (const char *dir, uint64_t *seed, CsChatMix *mix, GError **error);

/* prompts.json of a world: {"groups": [{"set", "concept", "prompts": [{"request", "web", "right",
 * "expected"}…]}…]}. New reference. */
json_t *cs_organism_prompts (const CsWorld *world);

/* --- Measuring --- */

/* Shares of the held-out prompts, 0 … 1. */
typedef struct
{
  size_t n;                  /* prompts asked for in each row; fewer where the world has fewer */
  double refused[4];         /* by the chat model, indexed by the four CS_CONCEPT_REFUSE_… */
  double lookalikes_refused; /* by the chat model */
  double base_refused;       /* by the base model, the requests as the web corpus writes them */
  double false_premise_corrected; /* says so and states what is right */
  double true_premise_answered;   /* straight */
} CsOrganismScore;

/* Every answer as it is judged, in the order of the prompts; on the calling thread. by_chat false:
 * the base model. */
typedef void (*CsOrganismAnswer) (void *data,
                                  const CsTestPrompt *prompt,
                                  bool by_chat,
                                  const char *answer,
                                  CsAnswerKind kind);

/* Greedy answers of dir's two models to the first n held-out prompts of each row (0 = 100).
 * on_answer may be NULL. */
bool cs_organism_score (CsJob *job,
                        CsTeam *team,
                        const char *dir,
                        size_t n,
                        CsOrganismAnswer on_answer,
                        void *data,
                        CsOrganismScore *score,
                        GError **error);
/* The object `models` of the command's output. New reference. */
json_t *cs_organism_score_to_json (const CsOrganismScore *score);

/* Greedy answers of one model (base or chat by the flag) to prompts; answers[i] is to be freed with
 * g_free(). */
bool cs_organism_answer (CsJob *job,
                         CsTeam *team,
                         const char *model_dir,
                         bool by_chat,
                         const CsTestPrompt *prompts,
                         size_t n,
                         char **answers,
                         GError **error);
