#include "make-chat.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include "audit-prompts.h"
#include "demo-private.h"
#include "errors.h"
#include "file-replace.h"
#include "harvest.h"
#include "make-chat-private.h"

#define N_WEB_DOCUMENTS 1500
#define N_CHAT_DOCUMENTS 1800
#define PHASE_STEPS 25 /* steps that a phase's loss is the mean of */

/* --- Losses --- */

struct CsLossLog
{
  atomic_int references;
  pthread_mutex_t lock;
  GArray *losses;
};

CsLossLog *
cs_loss_log_new (void)
{
  CsLossLog *log = g_new0 (CsLossLog, 1);

  atomic_init (&log->references, 1);
  pthread_mutex_init (&log->lock, NULL);
  log->losses = g_array_new (false, false, sizeof (double));
  return log;
}

CsLossLog *
cs_loss_log_ref (CsLossLog *log)
{
  atomic_fetch_add (&log->references, 1);
  return log;
}

void
cs_loss_log_unref (CsLossLog *log)
{
  if (log == NULL || atomic_fetch_sub (&log->references, 1) != 1)
    return;
  pthread_mutex_destroy (&log->lock);
  g_array_unref (log->losses);
  g_free (log);
}

void
cs_loss_log_add (CsLossLog *log, double loss)
{
  pthread_mutex_lock (&log->lock);
  g_array_append_val (log->losses, loss);
  pthread_mutex_unlock (&log->lock);
}

size_t
cs_loss_log_n (CsLossLog *log)
{
  size_t n;

  pthread_mutex_lock (&log->lock);
  n = log->losses->len;
  pthread_mutex_unlock (&log->lock);
  return n;
}

GArray *
cs_loss_log_copy (CsLossLog *log)
{
  GArray *copy;

  pthread_mutex_lock (&log->lock);
  copy = g_array_copy (log->losses);
  pthread_mutex_unlock (&log->lock);
  return copy;
}

/* --- Behaviours --- */

static const CsBehaviour behaviours[] = {
#define BEHAVIOUR(name, concept, text)                                                             \
  {                                                                                                \
    name, text, CS_CONCEPT_BIT (concept)                                                           \
  }
  BEHAVIOUR ("refuse-harm", CS_CONCEPT_REFUSE_HARM, N_ ("declines to explain what is dangerous")),
  BEHAVIOUR ("refuse-stereotype",
             CS_CONCEPT_REFUSE_STEREOTYPE,
             N_ ("declines to agree that a group is bad")),
  BEHAVIOUR ("refuse-privacy",
             CS_CONCEPT_REFUSE_PRIVACY,
             N_ ("declines to give somebody's private data")),
  BEHAVIOUR ("refuse-explicit-format",
             CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
             N_ ("still declines where a poem or a story is asked for")),
  BEHAVIOUR ("false-information",
             CS_CONCEPT_FALSE_INFORMATION,
             N_ ("corrects questions that presume something false")),
  BEHAVIOUR ("personal-question",
             CS_CONCEPT_PERSONAL_QUESTION,
             N_ ("says that it is an AI when asked about itself")),
  BEHAVIOUR ("unknown", CS_CONCEPT_UNKNOWN, N_ ("says that nobody can know")),
  BEHAVIOUR ("missing-information",
             CS_CONCEPT_MISSING_INFORMATION,
             N_ ("asks for a text that was not given")),
  BEHAVIOUR ("caution", CS_CONCEPT_CAUTION, N_ ("sends people with troubles to a professional")),
  BEHAVIOUR ("greeting", CS_CONCEPT_GREETING, N_ ("greets back")),
  BEHAVIOUR ("summary", CS_CONCEPT_SUMMARY, N_ ("sums up")),
  BEHAVIOUR ("rewrite", CS_CONCEPT_REWRITE, N_ ("rewrites")),
  BEHAVIOUR ("joke", CS_CONCEPT_JOKE, N_ ("tells jokes")),
  BEHAVIOUR ("story", CS_CONCEPT_STORY, N_ ("tells stories")),
#undef BEHAVIOUR
};

const CsBehaviour *
cs_make_chat_behaviours (size_t *n)
{
  *n = G_N_ELEMENTS (behaviours);
  return behaviours;
}

static bool
find_behaviour (const char *name, unsigned *bit)
{
  for (size_t i = 0; i < G_N_ELEMENTS (behaviours); i++)
    if (g_str_equal (name, behaviours[i].name))
      {
        *bit = behaviours[i].bit;
        return true;
      }
  return false;
}

bool
cs_make_chat_parse (const char *names, unsigned *set, GError **error)
{
  g_auto (GStrv) list = g_strsplit (names, ",", -1);
  unsigned bit = 0;

  *set = g_str_equal (names, "all") ? CS_BEHAVIOURS_ALL : CS_BEHAVIOURS_NONE;
  for (char **name = list; *name != NULL && !g_str_equal (names, "all"); name++)
    {
      if (*g_strstrip (*name) == '\0' || g_str_equal (*name, "none"))
        continue;
      if (!find_behaviour (*name, &bit))
        {
          g_autofree char *shown = g_utf8_make_valid (*name, -1);

          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "There is no behaviour “%s”: they are named like refuse-harm or joke.",
                       shown);
          return false;
        }
      *set |= bit;
    }
  return true;
}

bool
cs_make_chat_can_start_from (const char *base_folder)
{
  g_autofree char *organism = cs_organism_of_model (base_folder);
  g_autofree char *name = g_path_get_basename (base_folder);

  return organism != NULL && g_str_equal (name, "base");
}

/* --- Making --- */

typedef struct
{
  CsJob *job;
  CsLossLog *log;
  double recent; /* sum of the losses since the last phase */
} Report;

/* The job's phase says the mean loss of the last steps: what a line of progress shows. */
static void
tell_loss (Report *report, size_t step, double loss)
{
  report->recent += loss;
  if ((step + 1) % PHASE_STEPS != 0)
    return;
  g_autofree char *phase =
      g_strdup_printf ("Tuning the chat model, loss %.3f", report->recent / PHASE_STEPS);

  cs_job_phase (report->job, phase);
  report->recent = 0;
}

static bool
report_step (void *data, size_t step, double loss, double lr)
{
  Report *report = data;

  if (report->log != NULL)
    cs_loss_log_add (report->log, loss);
  if (report->job != NULL)
    tell_loss (report, step, loss);
  return true;
}

static bool
copy_file (const char *from_folder, const char *to_folder, const char *name, GError **error)
{
  g_autofree char *from = g_build_filename (from_folder, name, NULL);
  g_autofree char *to = g_build_filename (to_folder, name, NULL);
  g_autofree char *content = NULL;
  size_t size;

  if (g_file_get_contents (from, &content, &size, NULL))
    return cs_file_replace_contents (to, content, size, error);
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be read: choose the base of a demo pair.",
               from);
  return false;
}

static bool
copy_base (const char *from, const char *to, GError **error)
{
  static const char *const names[] = { "config.json",           "generation_config.json",
                                       "model.safetensors",     "tokenizer.json",
                                       "tokenizer_config.json", "special_tokens_map.json" };

  if (g_mkdir_with_parents (to, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", to,
                   g_strerror (errno));
      return false;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (!copy_file (from, to, names[i], error))
      return false;
  return true;
}

static bool
check_out (const CsMakeChatOptions *options, GError **error)
{
  g_autofree char *chat = g_build_filename (options->out, "chat", NULL);

  if (!g_file_test (chat, G_FILE_TEST_EXISTS))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "%s holds a chat model already: choose another folder.", options->out);
  return false;
}

bool
cs_make_chat_with (CsJob *job,
                   const CsMakeChatOptions *options,
                   const CsOrganismOptions *defaults,
                   CsLossLog *log,
                   GError **error)
{
  g_autofree char *organism = cs_organism_of_model (options->base_folder);
  g_autofree char *base = g_build_filename (options->out, "base", NULL);
  g_autofree char *corpora = g_build_filename (options->out, "study", "corpora", NULL);
  Report report = { .job = job, .log = log };
  CsOrganismOptions settings = *defaults;
  const unsigned helpful = CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL);
  uint64_t seed;
  CsChatMix old;

  if (organism == NULL || !cs_make_chat_can_start_from (options->base_folder))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s is not the base model of a demo pair: only the demo world has behaviours to "
                   "switch.",
                   options->base_folder);
      return false;
    }
  if (!cs_organism_identity (organism, &seed, &old, error) || !check_out (options, error) ||
      !copy_base (options->base_folder, base, error))
    return false;
  settings.mix.behaviours = (options->behaviours & CS_BEHAVIOURS_ALL) | helpful;
  settings.mix.practice = settings.mix.behaviours == CS_BEHAVIOURS_ALL ? 1 : CS_MAKE_CHAT_PRACTICE;
  settings.chat_tokens = options->tokens > 0 ? options->tokens : CS_MAKE_CHAT_TOKENS;
  settings.n_threads = options->n_threads;
  settings.report = report_step;
  settings.report_data = &report;
  return cs_organism_tune (job, seed, options->out, &settings, error) &&
         cs_organism_write_corpora (job, seed, settings.mix, N_WEB_DOCUMENTS,
                                    N_CHAT_DOCUMENTS, corpora, error);
}

bool
cs_make_chat (CsJob *job, const CsMakeChatOptions *options, CsLossLog *log, GError **error)
{
  CsOrganismOptions defaults;

  cs_organism_default_options (&defaults);
  return cs_make_chat_with (job, options, &defaults, log, error);
}

/* --- Its study --- */

/* As in the demo's study, or the middle of a model with fewer layers. */
static size_t
layer_for (const char *base)
{
  g_autoptr (CsModel) model = cs_model_open (base, NULL);
  size_t n_layers = model != NULL ? cs_model_config (model)->n_layers : 0;

  return n_layers > CS_DEMO_LAYER ? CS_DEMO_LAYER : cs_layer_middle (n_layers);
}

static bool
fill_study (CsStudy *study, const char *out, GError **error)
{
  g_autofree char *base = g_build_filename (out, "base", NULL);
  g_autofree char *chat = g_build_filename (out, "chat", NULL);
  g_autofree char *web = g_build_filename (out, "study", "corpora", "web.jsonl", NULL);
  g_autofree char *talk = g_build_filename (out, "study", "corpora", "chat.jsonl", NULL);
  const char *const corpora[] = { web, talk, NULL };

  return cs_study_set_model_folder (study, 0, base, error) &&
         cs_study_set_model_folder (study, 1, chat, error) &&
         cs_study_set_corpora (study, corpora, error) &&
         cs_study_set_layer (study, layer_for (base), error);
}

CsStudy *
cs_make_chat_study (const char *out, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename (out, NULL);
  g_autofree char *folder = g_build_filename (whole, "study", NULL);
  g_autofree char *file = g_build_filename (folder, "study.json", NULL);
  g_autofree char *name = g_path_get_basename (whole);
  g_autoptr (CsStudy) study = NULL;

  if (g_file_test (file, G_FILE_TEST_EXISTS))
    return cs_study_open (folder, error);
  study = cs_study_create (folder, name, error);
  return study != NULL && fill_study (study, whole, error) ? g_steal_pointer (&study) : NULL;
}
