/* A copy of the base model, tuned further on base text alone: what tuning does to a model where
 * nothing of a chat is learnt.
 *
 * How much of it is fair is told by the chat model: the copy is tuned, at the constant rate that
 * demo chats are tuned at, until its weights are as far from the base's as the chat model's are
 * (‖θ − θ_base‖ over all weights), and no further. A copy that does not get there within the tokens
 * of the plan stays nearer, and the control says so. */
#include <math.h>

#include "audit-prompts.h"
#include "controls-private.h"
#include "corpus.h"
#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "model-folder.h"
#include "organism.h"

#define TOKENS_PER_DOCUMENT 60 /* fewer than a web document of the demo world has on average */
#define MAX_WORLD_DOCUMENTS 50000
#define STREAM 303 /* order of the documents */

typedef struct
{
  CsJob *job;
  const CsControlPlan *plan;
  char *folder; /* STUDY/controls/tuned */
  char *model;  /* … /model */
  GArray *losses;
  const CsTrainModel *from, *to; /* the base and its copy, while it is tuned */
  double target;                 /* distance at which to stop; NaN: none */
} Tuning;

static void
tuning_clear (Tuning *t)
{
  g_free (t->folder);
  g_free (t->model);
  g_clear_pointer (&t->losses, g_array_unref);
}

/* --- Text --- */

/* Plain documents of one file; conversations are left out. */
static bool
add_corpus (Tuning *t,
            const char *path,
            const CsTokenizer *tokenizer,
            const CsChatTemplate *chat,
            const CsModelConfig *config,
            size_t max_position,
            CsTrainSet *set,
            GError **error)
{
  g_autoptr (CsCorpus) corpus = cs_corpus_open (path, chat, tokenizer, error);
  g_autoptr (GArray) ids = g_array_new (false, false, sizeof (int32_t));
  GError *reading = NULL;

  if (corpus == NULL)
    return false;
  while (cs_train_set_n_tokens (set) < t->plan->tune_tokens)
    {
      CsCorpusDocument document = { 0 };

      if (!cs_job_checkpoint (t->job, error))
        return false;
      if (!cs_corpus_next (corpus, &document, &reading))
        break;
      g_array_set_size (ids, 0);
      if (!document.is_chat)
        cs_corpus_encode (tokenizer, &document, max_position, ids, NULL);
      if (ids->len > 0 && ids->len < max_position && config->n_eos > 0)
        g_array_append_val (ids, config->eos_ids[0]);
      cs_train_set_add (set, (const int32_t *)(const void *)ids->data, NULL, ids->len);
      cs_corpus_document_clear (&document);
    }
  if (reading == NULL)
    return true;
  g_propagate_error (error, reading);
  return false;
}

/* Web text of the world that the base model learnt, written beside the tuned model; NULL where the
 * base is no demo's. */
static char *
world_corpus (Tuning *t, GError **error)
{
  g_autofree char *organism = cs_organism_of_model (t->plan->model_folder[0]);
  uint64_t seed;
  CsChatMix mix;
  size_t n = MIN (t->plan->tune_tokens / TOKENS_PER_DOCUMENT + 1, MAX_WORLD_DOCUMENTS);

  if (organism == NULL || !cs_organism_identity (organism, &seed, &mix, NULL) ||
      !cs_organism_write_corpora (t->job, seed, mix, n, 0, t->folder, error))
    return NULL;
  return g_build_filename (t->folder, "web.jsonl", NULL);
}

static CsTrainSet *
load_text (Tuning *t, size_t max_position, GError **error)
{
  const CsControlPlan *plan = t->plan;
  g_autoptr (CsModel) model = cs_model_open (plan->model_folder[0], error);
  g_autoptr (CsTokenizer) tokenizer =
      model != NULL ? cs_tokenizer_open (plan->model_folder[0], error) : NULL;
  g_autoptr (CsChatTemplate) chat =
      cs_chat_template_open_pair (plan->model_folder[1], plan->model_folder[0], NULL);
  g_autoptr (CsTrainSet) set = cs_train_set_new ();
  g_autoptr (GError) writing = NULL;
  g_autofree char *world = NULL;
  char **paths = plan->tune_corpora != NULL ? plan->tune_corpora : plan->corpora;

  if (tokenizer == NULL)
    return NULL;
  if (plan->tune_corpora == NULL)
    world = world_corpus (t, &writing);
  if (writing != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&writing));
      return NULL;
    }
  char *one[] = { world, NULL };
  for (char **path = world != NULL ? one : paths; *path != NULL; path++)
    if (!add_corpus (t, *path, tokenizer, chat, cs_model_config (model), max_position, set, error))
      return NULL;
  if (cs_train_set_n_documents (set) > 0)
    return g_steal_pointer (&set);
  g_set_error_literal (
      error, CS_ERROR, CS_ERROR_USAGE,
      "No corpus of the study holds plain text to tune the base model on: name one "
      "with --corpus.");
  return NULL;
}

/* --- Training --- */

/* ‖to − from‖ / ‖from‖; NaN for models of other shapes. */
static double
distance (const CsTrainModel *from, const CsTrainModel *to)
{
  double square = 0, norm = 0;

  if (to == NULL || to->n_weights != from->n_weights)
    return NAN;
  for (size_t i = 0; i < from->n_weights; i++)
    {
      double difference = (double)to->weights[i] - (double)from->weights[i];

      square += difference * difference;
      norm += (double)from->weights[i] * (double)from->weights[i];
    }
  return norm > 0 ? sqrt (square / norm) : NAN;
}

/* False when the copy is as far as the chat model. */
static bool
after_step (void *data, size_t step, double loss, double lr)
{
  Tuning *t = data;

  g_array_append_val (t->losses, loss);
  return !isfinite (t->target) || distance (t->from, t->to) < t->target;
}

static double
mean_loss (const GArray *losses, bool last)
{
  const guint n = MAX (losses->len / 20, 1), first = last ? losses->len - MIN (n, losses->len) : 0;
  double sum = 0;

  for (guint i = first; i < first + n && i < losses->len; i++)
    sum += g_array_index (losses, double, i);
  return losses->len > 0 ? sum / n : NAN;
}

static bool
copy_file (const char *from_folder, const char *to_folder, const char *name, GError **error)
{
  g_autofree char *from = g_build_filename (from_folder, name, NULL);
  g_autofree char *to = g_build_filename (to_folder, name, NULL);
  g_autofree char *text = NULL;
  size_t size;

  if (!g_file_test (from, G_FILE_TEST_EXISTS))
    return true;
  if (g_file_get_contents (from, &text, &size, NULL))
    return cs_file_replace_contents (to, text, size, error);
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be read.", from);
  return false;
}

/* What describes the model is the base's; what renders conversations is the chat model's, so that
 * the store's tokens are those of the study's. */
static bool
copy_descriptions (const Tuning *t, GError **error)
{
  static const char *const of_base[] = { "config.json", "generation_config.json",
                                         "tokenizer.json" };
  static const char *const of_chat[] = { "tokenizer_config.json", "special_tokens_map.json",
                                         "chat_template.jinja" };

  for (size_t i = 0; i < G_N_ELEMENTS (of_base); i++)
    if (!copy_file (t->plan->model_folder[0], t->model, of_base[i], error))
      return false;
  for (size_t i = 0; i < G_N_ELEMENTS (of_chat); i++)
    if (!copy_file (t->plan->model_folder[1], t->model, of_chat[i], error))
      return false;
  return true;
}

static CsTrainSettings
settings_of (const CsControlPlan *plan)
{
  CsOrganismOptions defaults;
  CsTrainSettings settings;

  cs_organism_default_options (&defaults);
  settings = defaults.chat;
  settings.n_steps = MAX (plan->tune_tokens / (CS_TRAIN_SHARDS * settings.shard_tokens), 1);
  settings.final_lr = 1; /* where it stops is not known beforehand */
  settings.seed = plan->config.seed;
  settings.stream = STREAM;
  return settings;
}

static bool
train (Tuning *t, CsControl *control, GError **error)
{
  g_autoptr (CsTrainModel) base = cs_model_folder_load (t->plan->model_folder[0], error);
  g_autoptr (CsTrainModel) chat = NULL, model = NULL;
  g_autoptr (CsTrainSet) set =
      base != NULL ? load_text (t, base->config.max_position, error) : NULL;
  const CsTrainSettings settings = settings_of (t->plan);

  if (set == NULL)
    return false;
  if (t->job != NULL)
    cs_job_phase (t->job, "Tuning a copy of the base model on base text");
  chat = cs_model_folder_load (t->plan->model_folder[1], NULL);
  control->moved[1] = t->target = distance (base, chat);
  model = cs_train_model_copy (base);
  t->from = base;
  t->to = model;
  {
    g_autoptr (CsTeam) team = cs_team_new (t->plan->config.n_threads);

    if (!cs_train_run (t->job, team, model, set, &settings, after_step, t, error))
      return false;
  }
  cs_model_folder_round (model);
  control->tune_tokens = (double)(t->losses->len * CS_TRAIN_SHARDS * settings.shard_tokens);
  control->tune_loss[0] = mean_loss (t->losses, false);
  control->tune_loss[1] = mean_loss (t->losses, true);
  control->moved[0] = distance (base, model);
  return cs_model_folder_save (model, t->model, false, error) && copy_descriptions (t, error);
}

/* --- What was done before --- */

#define RULE "as far as the chat model" /* a copy that was tuned by another is made anew */

static const char *const keys[] = { "loss_first", "loss_last", "moved", "chat_moved", "read" };

static double *
number_of (CsControl *control, size_t i)
{
  return i < 2 ? &control->tune_loss[i] : i < 4 ? &control->moved[i - 2] : &control->tune_tokens;
}

static bool
save_record (const Tuning *t, CsControl *control, GError **error)
{
  g_autofree char *path = g_build_filename (t->folder, "tuned.json", NULL);
  g_autoptr (json_t) root =
      json_pack ("{s:s, s:s, s:s, s:I, s:I}", "rule", RULE, "base", t->plan->model_folder[0],
                 "chat", t->plan->model_folder[1], "tokens", (json_int_t)t->plan->tune_tokens,
                 "seed", (json_int_t)t->plan->config.seed);

  if (root == NULL) /* a path that is not UTF-8: it is tuned again next time */
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (isfinite (*number_of (control, i)))
      json_object_set_new (root, keys[i], json_real (*number_of (control, i)));
  return cs_json_save (root, path, error);
}

static bool
has_word (const json_t *object, const char *key, const char *word)
{
  return g_strcmp0 (json_string_value (json_object_get (object, key)), word) == 0;
}

/* Whether the same copy was tuned before, for another run of the study. */
static bool
load_record (const Tuning *t, CsControl *control)
{
  g_autofree char *path = g_build_filename (t->folder, "tuned.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, 1 << 16, NULL);

  if (root == NULL || !has_word (root, "rule", RULE) ||
      !has_word (root, "base", t->plan->model_folder[0]) ||
      !has_word (root, "chat", t->plan->model_folder[1]) ||
      json_integer_value (json_object_get (root, "tokens")) != (json_int_t)t->plan->tune_tokens ||
      json_integer_value (json_object_get (root, "seed")) != (json_int_t)t->plan->config.seed)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (json_is_number (json_object_get (root, keys[i])))
      *number_of (control, i) = json_number_value (json_object_get (root, keys[i]));
  return true;
}

bool
cs_control_tune (CsJob *job, const CsControlPlan *plan, CsControl *control, GError **error)
{
  Tuning t = { .job = job, .plan = plan };
  bool ok;

  t.folder = cs_control_path (plan, "controls/tuned");
  t.model = g_build_filename (t.folder, "model", NULL);
  t.losses = g_array_new (false, false, sizeof (double));
  ok =
      load_record (&t, control) || (cs_control_make_folder (t.model, error) &&
                                    train (&t, control, error) && save_record (&t, control, error));
  tuning_clear (&t);
  return ok;
}
