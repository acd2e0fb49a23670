#include "trials.h"

#include <errno.h>
#include <string.h>

#include <glib/gstdio.h>

#include "audit-prompts.h"
#include "baselines.h"
#include "causality.h"
#include "demo.h"
#include "errors.h"
#include "file-replace.h"
#include "harvest.h"
#include "organism.h"
#include "run-pair.h"

/* Everything that a trial needs, so that the study is left alone by other threads. */
typedef struct
{
  char *study_folder;
  char *run_folder; /* NULL: baselines */
  CsPairSource *pair;
  char *organism; /* NULL: no conversations are to be made */
  char **corpora; /* of the options, or of the study */
  size_t layer, n_documents;
  unsigned n_threads;
} Trial;

static void
trial_free (void *data)
{
  Trial *t = data;

  if (t == NULL)
    return;
  g_free (t->study_folder);
  g_free (t->run_folder);
  g_clear_pointer (&t->pair, cs_pair_source_unref);
  g_free (t->organism);
  g_strfreev (t->corpora);
  g_free (t);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Trial, trial_free)

/* --- What is asked for --- */

static char *
organism_of (CsStudy *study)
{
  const char *chat = cs_study_model_folder (study, 1);

  return chat != NULL ? cs_organism_of_model (chat) : NULL;
}

bool
cs_trial_has_held_out (CsStudy *study)
{
  g_autofree char *organism = organism_of (study);

  return organism != NULL;
}

static bool
usage (GError **error, const char *sentence)
{
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, sentence);
  return false;
}

static bool
check (CsRun *run, const char *const *corpora, GError **error)
{
  g_autofree char *latents =
      run != NULL ? g_build_filename (cs_run_folder (run), "latents.h5", NULL) : NULL;

  if (latents != NULL && !g_file_test (latents, G_FILE_TEST_EXISTS))
    return usage (error, "Analyse the run first: which latents lean to chat is not known yet.");
  if (corpora == NULL || corpora[0] == NULL)
    return usage (error, "Choose a corpus of conversations first.");
  return true;
}

/* run: NULL for baselines. */
static Trial *
trial_new (CsStudy *study, CsRun *run, const CsTrialOptions *options, GError **error)
{
  const char *const *corpora =
      options->corpora != NULL ? options->corpora : cs_study_corpora (study);
  g_autoptr (Trial) t = g_new0 (Trial, 1);

  if ((t->pair = cs_study_run_pair (study, run, &t->layer, error)) == NULL)
    return NULL;
  if (options->corpora == NULL)
    t->organism = organism_of (study);
  if (!check (run, t->organism != NULL ? (const char *const[]){ "", NULL } : corpora, error))
    return NULL;
  t->study_folder = g_strdup (cs_study_folder (study));
  t->run_folder = run != NULL ? g_strdup (cs_run_folder (run)) : NULL;
  t->corpora = g_strdupv ((char **)(uintptr_t)corpora);
  t->n_documents = options->n_documents > 0 ? options->n_documents : CS_TRIAL_CONVERSATIONS;
  t->n_threads = options->n_threads;
  return g_steal_pointer (&t);
}

/* --- Conversations that training never saw --- */

/* 0 where there is no such file. */
static size_t
count_lines (const char *path)
{
  g_autofree char *text = NULL;
  size_t n = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  for (const char *at = text; (at = strchr (at, '\n')) != NULL; at++)
    n++;
  return n;
}

static bool
keep_after (const char *path, size_t n_lines, const char *to, GError **error)
{
  g_autofree char *text = NULL;
  const char *at;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be read.", path);
      return false;
    }
  at = text;
  for (size_t i = 0; i < n_lines; i++)
    {
      const char *end = strchr (at, '\n');

      at = end != NULL ? end + 1 : at + strlen (at);
    }
  return cs_file_replace_contents (to, at, strlen (at), error);
}

/* The world's conversations come in one order: those of the study first. */
static char *
write_held_out (CsJob *job, const Trial *t, GError **error)
{
  g_autofree char *corpora = g_build_filename (t->study_folder, "corpora", NULL);
  g_autofree char *seen = g_build_filename (corpora, "chat.jsonl", NULL);
  g_autofree char *folder = g_build_filename (corpora, "held-out", NULL);
  g_autofree char *all = g_build_filename (folder, "chat.jsonl", NULL);
  g_autofree char *path = g_build_filename (corpora, "held-out.jsonl", NULL);
  const size_t n_seen = count_lines (seen);
  uint64_t seed;
  CsChatMix mix;
  bool ok;

  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", folder,
                   g_strerror (errno));
      return NULL;
    }
  ok = cs_organism_identity (t->organism, &seed, &mix, error) &&
       cs_organism_write_corpora (job, seed, mix, 0, n_seen + t->n_documents, folder, error) &&
       keep_after (all, n_seen, path, error);
  g_unlink (all);
  g_rmdir (folder);
  return ok ? g_steal_pointer (&path) : NULL;
}

/* Baselines also read what else the study has: plain text. */
static char **
corpora_of (const Trial *t, const char *held_out)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new ();

  for (char **path = t->corpora; *path != NULL && (held_out == NULL || t->run_folder == NULL);
       path++)
    {
      g_autofree char *name = g_path_get_basename (*path);

      if (held_out == NULL || !g_str_equal (name, "chat.jsonl"))
        g_ptr_array_add (list, g_strdup (*path));
    }
  if (held_out != NULL)
    g_ptr_array_add (list, g_strdup (held_out));
  g_ptr_array_add (list, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&list), false);
}

/* --- Carrying it out --- */

static bool
resolve_layer (const Trial *t, size_t *layer, GError **error)
{
  g_autoptr (CsModel) model = NULL;

  *layer = t->layer;
  if (t->layer != CS_LAYER_MIDDLE)
    return true;
  if ((model = cs_model_open (t->pair->folder[1], error)) == NULL)
    return false;
  *layer = cs_layer_middle (cs_model_config (model)->n_layers);
  return true;
}

static bool
run_causality (CsJob *job,
               const Trial *t,
               char **corpora,
               const CsPairReading *reading,
               GError **error)
{
  CsCausalityOptions options = { .run_folder = t->run_folder,
                                 .base_folder = t->pair->folder[0],
                                 .chat_folder = t->pair->folder[1],
                                 .corpora = (const char *const *)corpora,
                                 .reading = *reading,
                                 .max_documents = t->n_documents,
                                 .seed = 42,
                                 .n_threads = t->n_threads };
  g_autoptr (CsCausality) result = NULL;

  if (!resolve_layer (t, &options.layer, error))
    return false;
  result = cs_causality_run (job, &options, error);
  return result != NULL;
}

static bool
run_baselines (CsJob *job,
               const Trial *t,
               char **corpora,
               const CsPairReading *reading,
               GError **error)
{
  CsBaselinesOptions options = { .base_folder = t->pair->folder[0],
                                 .chat_folder = t->pair->folder[1],
                                 .corpora = (const char *const *)corpora,
                                 .reading = *reading,
                                 .max_documents = t->n_documents,
                                 .seed = 42,
                                 .n_threads = t->n_threads };
  g_autoptr (CsBaselines) result = NULL;

  if (!resolve_layer (t, &options.layer, error))
    return false;
  result = cs_baselines_run (job, &options, error);
  return result != NULL && cs_baselines_save (result, t->study_folder, error);
}

static bool
trial_func (CsJob *job, void *data, GError **error)
{
  const Trial *t = data;
  const CsPairReading reading = { t->pair->date, t->pair->base_replacements };
  g_autofree char *held_out = NULL;
  g_auto (GStrv) corpora = NULL;

  if (t->organism != NULL && (held_out = write_held_out (job, t, error)) == NULL)
    return false;
  corpora = corpora_of (t, held_out);
  return t->run_folder != NULL ? run_causality (job, t, corpora, &reading, error)
                               : run_baselines (job, t, corpora, &reading, error);
}

CsJob *
cs_causality_job_new (CsStudy *study, CsRun *run, const CsTrialOptions *options, GError **error)
{
  Trial *t = trial_new (study, run, options, error);
  g_autofree char *title = g_strdup_printf ("Causality of %s", cs_run_name (run));

  return t != NULL ? cs_job_new (title, trial_func, t, trial_free) : NULL;
}

CsJob *
cs_baselines_job_new (CsStudy *study, const CsTrialOptions *options, GError **error)
{
  Trial *t = trial_new (study, NULL, options, error);

  return t != NULL ? cs_job_new ("Baselines", trial_func, t, trial_free) : NULL;
}

/* --- The demo --- */

bool
cs_demo_causality (CsJob *job,
                   CsStudy *study,
                   size_t n_documents,
                   unsigned n_threads,
                   GError **error)
{
  static const CsVariant variants[] = { CS_VARIANT_BATCHTOPK, CS_VARIANT_L1 };
  const CsTrialOptions options = { .n_documents = n_documents, .n_threads = n_threads };
  g_autoptr (Trial) baselines = trial_new (study, NULL, &options, error);

  if (baselines == NULL)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (variants); i++)
    {
      g_autofree char *folder =
          g_build_filename (cs_study_folder (study), "runs", cs_demo_run_name (variants[i]), NULL);
      g_autoptr (CsRun) run = cs_run_new (folder);
      g_autoptr (Trial) t = trial_new (study, run, &options, error);

      if (t == NULL || !trial_func (job, t, error))
        return false;
    }
  return trial_func (job, baselines, error);
}
