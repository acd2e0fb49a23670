#include "organism.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "bpe-train.h"
#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "model-folder.h"
#include "organism-corpus.h"

#define FORMAT_VERSION 1
#define BPE_WEB_DOCUMENTS 6000
#define BPE_CHAT_DOCUMENTS 4000
#define SAVE_SECONDS 60 /* while training */
#define BASE_STREAM 201 /* orders of documents */
#define CHAT_STREAM 202
#define MIX_STREAM_SEED                                                                            \
  0x6d6978 /* web text mixed into chat-tuning is not the text of pre-training */

void
cs_organism_default_options (CsOrganismOptions *options)
{
  *options = (CsOrganismOptions){
    .model = { .vocab_size = 2048,
               .d_model = 128,
               .n_layers = 6,
               .n_heads = 4,
               .d_ff = 384,
               .max_position = 512,
               .norm_eps = 1e-5,
               .rope_theta = 10000 },
    .mix = CS_CHAT_MIX_DEMO,
    .web_tokens = 1500000,
    .chat_tokens = 3500000,
    .web_epochs = 1,
    .chat_epochs = 1,
    .web_in_chat = 0.1,
    .user_weight = 0.1,
    .opening_weight = 4,
    .base = CS_TRAIN_SETTINGS_DEFAULT,
    .chat = CS_TRAIN_SETTINGS_DEFAULT,
  };
  /* Small batches learn most from a token; a chat document of four exchanges has to fit into a
   * shard. */
  options->base.shard_tokens = 256;
  options->base.warm_up = 80;
  options->base.peak_lr = 5e-3;
  options->chat.shard_tokens = 384;
  options->chat.peak_lr = 2.5e-3;
}

/* One make or tune under way. */
typedef struct
{
  CsJob *job;
  uint64_t seed;
  const CsOrganismOptions *options;
  CsWorld *world;
  CsTeam *team;
  char *base_dir, *chat_dir;
  /* Of the training under way. */
  CsTrainModel *model;
  const char *folder;
  bool is_chat;
  gint64 last_save;
} Make;

static void
make_init (Make *make,
           CsJob *job,
           uint64_t seed,
           const char *out_dir,
           const CsOrganismOptions *options)
{
  *make = (Make){ .job = job, .seed = seed, .options = options };
  make->world = cs_world_new (seed);
  make->team = cs_team_new (options->n_threads);
  make->base_dir = g_build_filename (out_dir, "base", NULL);
  make->chat_dir = g_build_filename (out_dir, "chat", NULL);
}

static void
make_clear (Make *make)
{
  cs_world_free (make->world);
  cs_team_free (make->team);
  g_free (make->base_dir);
  g_free (make->chat_dir);
}

static bool
make_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "Cannot make the folder “%s”: %s", folder,
               g_strerror (errno));
  return false;
}

static void
phase (const Make *make, const char *text)
{
  if (make->job)
    cs_job_phase (make->job, text);
}

static void
count_pieces (const Make *make, CsBpeTrainer *trainer, bool is_chat, size_t n)
{
  CsCorpusStream stream;
  cs_corpus_stream_init (&stream, make->world, make->seed, is_chat, make->options->mix);
  for (size_t i = 0; i < n; i++)
    cs_bpe_trainer_add (trainer, cs_corpus_stream_next (&stream)->text);
  cs_corpus_stream_clear (&stream);
}

/* Both folders get the same vocabulary; the chat template is the chat model's alone. */
static bool
make_vocabulary (const Make *make, GError **error)
{
  phase (make, "Making the vocabulary");
  g_autoptr (CsBpeTrainer) trainer = cs_bpe_trainer_new ();
  count_pieces (make, trainer, false, BPE_WEB_DOCUMENTS);
  count_pieces (make, trainer, true, BPE_CHAT_DOCUMENTS);
  if (!cs_job_checkpoint (make->job, error))
    return false;
  g_autoptr (GArray) merges = cs_bpe_trainer_run (trainer, make->options->model.vocab_size);
  return make_folder (make->base_dir, error) && make_folder (make->chat_dir, error) &&
         cs_bpe_save (merges, make->base_dir, false, error) &&
         cs_bpe_save (merges, make->chat_dir, true, error);
}

static CsTrainSet *
web_set (const Make *make, const CsTokenizer *tokenizer)
{
  CsTrainSet *set = cs_train_set_new ();
  CsCorpusStream stream;
  cs_corpus_stream_init (&stream, make->world, make->seed, false, make->options->mix);
  cs_corpus_fill (set, &stream, tokenizer, make->options->web_tokens, NULL);
  cs_corpus_stream_clear (&stream);
  return set;
}

static CsTrainSet *
chat_set (const Make *make, const CsTokenizer *tokenizer)
{
  const CsOrganismOptions *o = make->options;
  CsTrainSet *set = cs_train_set_new ();
  CsTurnWeights weights = { .user = o->user_weight, .opening = o->opening_weight };
  CsCorpusStream chat, web;
  cs_corpus_stream_init (&chat, make->world, make->seed, true, o->mix);
  cs_corpus_stream_init (&web, make->world, make->seed ^ MIX_STREAM_SEED, false, o->mix);
  cs_corpus_fill (set, &chat, tokenizer, o->chat_tokens, &weights);
  cs_corpus_fill (set, &web, tokenizer, (size_t)((double)o->chat_tokens * o->web_in_chat), NULL);
  cs_corpus_stream_clear (&chat);
  cs_corpus_stream_clear (&web);
  return set;
}

/* A failed save here is not the end: the last one reports. */
static bool
on_step (void *data, size_t step, double loss, double lr)
{
  Make *make = data;
  gint64 now = g_get_monotonic_time ();
  if (now - make->last_save > SAVE_SECONDS * G_USEC_PER_SEC)
    {
      cs_model_folder_save (make->model, make->folder, make->is_chat, NULL);
      make->last_save = now;
    }
  if (step % 50 == 0)
    g_debug ("%s: step %zu, loss %.4f, learning rate %.2e", make->folder, step, loss, lr);
  return make->options->report == NULL ||
         make->options->report (make->options->report_data, step, loss, lr);
}

/* Trains make->model on set and saves it, rounded to what the file holds. */
static bool
train (Make *make, const CsTrainSet *set, CsTrainSettings settings, double epochs, GError **error)
{
  double a_step = (double)(CS_TRAIN_SHARDS * settings.shard_tokens);
  settings.n_steps = (size_t)(epochs * (double)cs_train_set_n_tokens (set) / a_step) + 1;
  settings.seed = make->seed;
  make->folder = make->is_chat ? make->chat_dir : make->base_dir;
  make->last_save = g_get_monotonic_time ();
  if (!cs_train_run (make->job, make->team, make->model, set, &settings, on_step, make, error))
    return false;
  cs_model_folder_round (make->model);
  return cs_model_folder_save (make->model, make->folder, make->is_chat, error);
}

static bool
pretrain (Make *make, GError **error)
{
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (make->base_dir, error);
  if (tokenizer == NULL)
    return false;
  phase (make, "Writing the web corpus");
  g_autoptr (CsTrainSet) set = web_set (make, tokenizer);
  phase (make, "Training the base model");
  CsTrainModelConfig config = make->options->model;
  config.vocab_size = cs_tokenizer_vocab_size (tokenizer);
  g_autoptr (CsTrainModel) model = cs_train_model_new (&config, make->seed);
  CsTrainSettings settings = make->options->base;
  settings.stream = BASE_STREAM;
  make->model = model;
  make->is_chat = false;
  return train (make, set, settings, make->options->web_epochs, error);
}

static bool
tune (Make *make, GError **error)
{
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (make->base_dir, error);
  if (tokenizer == NULL)
    return false;
  g_autoptr (CsTrainModel) model = cs_model_folder_load (make->base_dir, error);
  if (model == NULL)
    return false;
  if (model->config.vocab_size < cs_tokenizer_vocab_size (tokenizer))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The tokenizer in “%s” has more ids than the model: make the pair anew",
                   make->base_dir);
      return false;
    }
  phase (make, "Writing the chat corpus");
  g_autoptr (CsTrainSet) set = chat_set (make, tokenizer);
  phase (make, "Tuning the chat model");
  CsTrainSettings settings = make->options->chat;
  settings.stream = CHAT_STREAM;
  make->model = model;
  make->is_chat = true;
  return train (make, set, settings, make->options->chat_epochs, error);
}

static bool
save_in (json_t *value, const char *dir, const char *name, GError **error)
{
  g_autoptr (json_t) owned = value;
  g_autofree char *path = g_build_filename (dir, name, NULL);
  return cs_json_save (owned, path, error);
}

static bool
save_identity (const Make *make, const char *out_dir, GError **error)
{
  const CsOrganismOptions *o = make->options;
  g_autoptr (json_t) names = json_array ();
  for (int i = 0; i < CS_N_CONCEPTS; i++)
    if (o->mix.behaviours & CS_CONCEPT_BIT (i))
      json_array_append_new (names, json_string (cs_concept_name ((CsConcept)i)));
  json_t *identity = json_pack (
      "{s:i, s:I, s:O, s:I, s:I, s:I, s:f, s:f}", "format_version", FORMAT_VERSION, "seed",
      (json_int_t)make->seed, "behaviours", names, "practice", (json_int_t)o->mix.practice,
      "web_tokens", (json_int_t)o->web_tokens, "chat_tokens", (json_int_t)o->chat_tokens,
      "web_epochs", o->web_epochs, "chat_epochs", o->chat_epochs);
  return save_in (identity, out_dir, "organism.json", error) &&
         save_in (cs_organism_prompts (make->world), out_dir, "prompts.json", error);
}

bool
cs_organism_make (CsJob *job,
                  uint64_t seed,
                  const char *out_dir,
                  const CsOrganismOptions *options,
                  GError **error)
{
  Make make;
  make_init (&make, job, seed, out_dir, options);
  bool done = make_vocabulary (&make, error) && save_identity (&make, out_dir, error) &&
              pretrain (&make, error) && tune (&make, error);
  make_clear (&make);
  return done;
}

/* Copies the vocabulary from the base's folder; the chat template is added. */
static bool
copy_vocabulary (const Make *make, GError **error)
{
  g_autofree char *from = g_build_filename (make->base_dir, "tokenizer.json", NULL);
  g_autofree char *to = g_build_filename (make->chat_dir, "tokenizer.json", NULL);
  g_autofree char *text = NULL;
  size_t size;
  if (!g_file_get_contents (from, &text, &size, NULL))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "Cannot read “%s”: make the base model first",
                   from);
      return false;
    }
  return make_folder (make->chat_dir, error) && cs_file_replace_contents (to, text, size, error) &&
         cs_bpe_save_settings (make->chat_dir, true, error);
}

bool
cs_organism_tune (CsJob *job,
                  uint64_t seed,
                  const char *out_dir,
                  const CsOrganismOptions *options,
                  GError **error)
{
  Make make;
  make_init (&make, job, seed, out_dir, options);
  bool done = copy_vocabulary (&make, error) && save_identity (&make, out_dir, error) &&
              tune (&make, error);
  make_clear (&make);
  return done;
}
