/* How a pair behaves: greedy answers to held-out requests, judged by their phrases. */
#include <string.h>

#include "chat.h"
#include "errors.h"
#include "generate.h"
#include "organism.h"
#include "tokenizer.h"

#define DEFAULT_PROMPTS 100
#define MAX_PROMPT 256
#define MAX_ANSWER 96 /* tokens */
#define AT_A_TIME 16  /* prompts between two looks at the job */

typedef struct
{
  CsModel *model;
  CsTokenizer *tokenizer;
  CsChatTemplate *chat; /* NULL: the base model */
  CsSession **sessions; /* one a worker */
  const CsTestPrompt *prompts;
  char **answers;
  size_t first;    /* of the chunk under way */
  GError **errors; /* one a worker */
} Answering;

/* The prompt's ids, or NULL with error set. */
static GArray *
prompt_ids (const Answering *a, const CsTestPrompt *prompt, GError **error)
{
  if (a->chat == NULL)
    {
      GArray *ids = g_array_new (false, false, sizeof (int32_t));
      cs_tokenizer_encode (a->tokenizer, prompt->web, strlen (prompt->web), true, ids, NULL);
      return ids;
    }
  char role[] = "user";
  CsMessage message = { .role = role, .content = prompt->request };
  g_autoptr (CsRendering) rendering =
      cs_chat_render (a->chat, a->tokenizer, &message, 1, true, error);
  return rendering ? g_array_ref (rendering->ids) : NULL;
}

static char *
answer_one (const Answering *a, CsSession *session, const CsTestPrompt *prompt, GError **error)
{
  g_autoptr (GArray) ids = prompt_ids (a, prompt, error);
  g_autoptr (GArray) out = g_array_new (false, false, sizeof (int32_t));
  CsSampling sampling = CS_SAMPLING_DEFAULT;
  sampling.max_tokens = MAX_ANSWER;
  if (ids == NULL)
    return NULL;
  if (ids->len > MAX_PROMPT)
    g_array_set_size (ids, MAX_PROMPT);
  cs_session_reset (session);
  if (!cs_generate (session, (const int32_t *)(const void *)ids->data, ids->len, &sampling, NULL,
                    NULL, NULL, out, error))
    return NULL;
  return cs_tokenizer_decode (a->tokenizer, (const int32_t *)(const void *)out->data, out->len,
                              true);
}

static void
answer_range (size_t begin, size_t end, unsigned worker, void *data)
{
  Answering *a = data;
  for (size_t i = begin; i < end && a->errors[worker] == NULL; i++)
    a->answers[a->first + i] =
        answer_one (a, a->sessions[worker], &a->prompts[a->first + i], &a->errors[worker]);
}

static bool
answer_all (Answering *a, CsJob *job, CsTeam *team, size_t n, GError **error)
{
  unsigned n_workers = cs_team_size (team);
  for (a->first = 0; a->first < n; a->first += AT_A_TIME)
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      cs_team_run (team, MIN (AT_A_TIME, n - a->first), answer_range, a);
      for (unsigned w = 0; w < n_workers; w++)
        if (a->errors[w])
          {
            g_propagate_error (error, g_steal_pointer (&a->errors[w]));
            return false;
          }
      if (job)
        cs_job_progress (job, (double)MIN (a->first + AT_A_TIME, n), (double)n, "answers");
    }
  return true;
}

static bool
open_models (Answering *a, CsTeam *team, const char *model_dir, bool by_chat, GError **error)
{
  unsigned n_workers = cs_team_size (team);
  a->model = cs_model_open (model_dir, error);
  a->tokenizer = a->model ? cs_tokenizer_open (model_dir, error) : NULL;
  if (a->tokenizer && by_chat)
    a->chat = cs_chat_template_open (model_dir, error);
  if (a->tokenizer == NULL || (by_chat && a->chat == NULL))
    return false;
  a->sessions = g_new0 (CsSession *, n_workers + 1);
  a->errors = g_new0 (GError *, n_workers);
  for (unsigned w = 0; w < n_workers; w++)
    a->sessions[w] = cs_session_new (a->model, NULL, MAX_PROMPT + MAX_ANSWER);
  return true;
}

static void
close_models (Answering *a, unsigned n_workers)
{
  for (unsigned w = 0; a->errors && w < n_workers; w++)
    g_clear_error (&a->errors[w]);
  for (CsSession **session = a->sessions; session && *session; session++)
    cs_session_free (*session);
  g_free (a->errors);
  g_free (a->sessions);
  g_clear_pointer (&a->chat, cs_chat_template_free);
  g_clear_pointer (&a->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&a->model, cs_model_unref);
}

bool
cs_organism_answer (CsJob *job,
                    CsTeam *team,
                    const char *model_dir,
                    bool by_chat,
                    const CsTestPrompt *prompts,
                    size_t n,
                    char **answers,
                    GError **error)
{
  Answering a = { .prompts = prompts, .answers = answers };
  memset (answers, 0, n * sizeof *answers);
  bool done =
      open_models (&a, team, model_dir, by_chat, error) && answer_all (&a, job, team, n, error);
  close_models (&a, cs_team_size (team));
  for (size_t i = 0; !done && i < n; i++)
    g_clear_pointer (&answers[i], g_free);
  return done;
}

/* --- The table --- */

typedef struct
{
  CsJob *job;
  CsTeam *team;
  const CsWorld *world;
  char *model_dirs[2];
  size_t n;
  CsOrganismAnswer on_answer;
  void *data;
} Scoring;

/* Whether an answer counts in a row's share. */
typedef bool (*Counts) (const CsTestPrompt *prompt, const char *answer, CsAnswerKind kind);

static bool
is_refusal (const CsTestPrompt *prompt, const char *answer, CsAnswerKind kind)
{
  return kind == CS_ANSWER_REFUSAL;
}

static bool
is_right_correction (const CsTestPrompt *prompt, const char *answer, CsAnswerKind kind)
{
  return kind == CS_ANSWER_CORRECTION &&
         (prompt->right == NULL || cs_judge_states (answer, prompt->right));
}

static bool
is_straight (const CsTestPrompt *prompt, const char *answer, CsAnswerKind kind)
{
  return kind == CS_ANSWER_STRAIGHT;
}

/* The share of the row's prompts whose answer counts. */
static bool
score_row (const Scoring *s,
           CsPromptSet set,
           CsConcept concept,
           bool by_chat,
           Counts counts,
           double *share,
           GError **error)
{
  size_t n, hits = 0;
  CsTestPrompt *prompts = cs_world_test_prompts (s->world, set, concept, s->n, &n);
  g_autofree char **answers = g_new0 (char *, n);
  bool done = cs_organism_answer (s->job, s->team, s->model_dirs[by_chat], by_chat, prompts, n,
                                  answers, error);
  for (size_t i = 0; done && i < n; i++)
    {
      CsAnswerKind kind = cs_judge_answer (answers[i]);
      hits += counts (&prompts[i], answers[i], kind);
      if (s->on_answer)
        s->on_answer (s->data, &prompts[i], by_chat, answers[i], kind);
      g_free (answers[i]);
    }
  *share = n > 0 ? (double)hits / (double)n : 0;
  cs_test_prompts_free (prompts, n);
  return done;
}

static bool
score_rows (const Scoring *s, CsOrganismScore *score, GError **error)
{
  for (int c = 0; c < 4; c++)
    if (!score_row (s, CS_PROMPTS_REFUSE, (CsConcept)c, true, is_refusal, &score->refused[c],
                    error))
      return false;
  return score_row (s, CS_PROMPTS_LOOK_ALIKE, CS_N_CONCEPTS, true, is_refusal,
                    &score->lookalikes_refused, error) &&
         score_row (s, CS_PROMPTS_REFUSE, CS_N_CONCEPTS, false, is_refusal, &score->base_refused,
                    error) &&
         score_row (s, CS_PROMPTS_FALSE_PREMISE, CS_N_CONCEPTS, true, is_right_correction,
                    &score->false_premise_corrected, error) &&
         score_row (s, CS_PROMPTS_TRUE_PREMISE, CS_N_CONCEPTS, true, is_straight,
                    &score->true_premise_answered, error);
}

bool
cs_organism_score (CsJob *job,
                   CsTeam *team,
                   const char *dir,
                   size_t n,
                   CsOrganismAnswer on_answer,
                   void *data,
                   CsOrganismScore *score,
                   GError **error)
{
  uint64_t seed;
  CsChatMix mix;
  if (!cs_organism_identity (dir, &seed, &mix, error))
    return false;
  g_autoptr (CsWorld) world = cs_world_new (seed);
  Scoring s = { .job = job,
                .team = team,
                .world = world,
                .n = n ? n : DEFAULT_PROMPTS,
                .on_answer = on_answer,
                .data = data };
  s.model_dirs[0] = g_build_filename (dir, "base", NULL);
  s.model_dirs[1] = g_build_filename (dir, "chat", NULL);
  *score = (CsOrganismScore){ .n = s.n };
  if (job)
    cs_job_phase (job, "Asking the models");
  bool done = score_rows (&s, score, error);
  g_free (s.model_dirs[0]);
  g_free (s.model_dirs[1]);
  return done;
}

json_t *
cs_organism_score_to_json (const CsOrganismScore *score)
{
  json_t *refused = json_object ();
  for (int c = 0; c < 4; c++)
    json_object_set_new (refused, cs_concept_name ((CsConcept)c), json_real (score->refused[c]));
  return json_pack ("{s:o, s:f, s:f, s:f, s:f, s:I}", "refused", refused, "lookalikes_refused",
                    score->lookalikes_refused, "base_refused", score->base_refused,
                    "false_premise_corrected", score->false_premise_corrected,
                    "true_premise_answered", score->true_premise_answered, "prompts",
                    (json_int_t)score->n);
}
