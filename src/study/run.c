#include "run.h"

#include "errors.h"

struct _CsRun {
  GObject parent;
  char *folder;
  char *name;
  CsTrainConfig config;
  bool has_config;
  CsRunLog *log;
  CsJob *job;
  CsLatents *latents;
  CsCrosscoder *crosscoder;
};

G_DEFINE_FINAL_TYPE (CsRun, cs_run, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
cs_run_finalize (GObject *object)
{
  CsRun *self = CS_RUN (object);

  g_clear_pointer (&self->crosscoder, cs_crosscoder_free);
  g_clear_pointer (&self->latents, cs_latents_free);
  g_clear_object (&self->job);
  g_clear_pointer (&self->log, cs_run_log_unref);
  g_free (self->name);
  g_free (self->folder);
  G_OBJECT_CLASS (cs_run_parent_class)->finalize (object);
}

static void
cs_run_class_init (CsRunClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cs_run_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
cs_run_init (CsRun *self)
{
  self->log = cs_run_log_new ();
}

CsRun *
cs_run_new (const char *folder)
{
  CsRun *self = g_object_new (CS_TYPE_RUN, NULL);
  g_autoptr (GError) error = NULL;

  self->folder = g_strdup (folder);
  self->name = g_path_get_basename (folder);
  self->has_config = cs_train_config_load (&self->config, folder, NULL);
  if (!cs_run_log_load (self->log, folder, &error))
    g_message ("%s", error->message);
  return self;
}

const char *
cs_run_name (CsRun *run)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  return run->name;
}

const char *
cs_run_folder (CsRun *run)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  return run->folder;
}

const CsTrainConfig *
cs_run_config (CsRun *run)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  return run->has_config ? &run->config : NULL;
}

void
cs_run_set_config (CsRun *run, const CsTrainConfig *config)
{
  g_return_if_fail (CS_IS_RUN (run));
  run->config = *config;
  run->has_config = true;
}

CsRunLog *
cs_run_log (CsRun *run)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  return run->log;
}

bool
cs_run_is_trained (CsRun *run)
{
  uint64_t step = 0, steps = 0;

  g_return_val_if_fail (CS_IS_RUN (run), false);
  return cs_train_state (run->folder, &step, &steps, NULL) && steps > 0 && step >= steps;
}

CsJob *
cs_run_job (CsRun *run)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  return run->job;
}

void
cs_run_set_job (CsRun *run, CsJob *job)
{
  g_return_if_fail (CS_IS_RUN (run));
  if (g_set_object (&run->job, job))
    g_signal_emit (run, signals[SIGNAL_CHANGED], 0);
}

const CsLatents *
cs_run_latents (CsRun *run, GError **error)
{
  g_autofree char *path = NULL;

  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  path = g_build_filename (run->folder, "latents.h5", NULL);
  if (run->latents == NULL && g_file_test (path, G_FILE_TEST_EXISTS))
    run->latents = cs_latents_load (run->folder, error);
  return run->latents;
}

const CsCrosscoder *
cs_run_crosscoder (CsRun *run, GError **error)
{
  g_return_val_if_fail (CS_IS_RUN (run), NULL);
  if (run->crosscoder == NULL)
    run->crosscoder = cs_crosscoder_load (run->folder, error);
  return run->crosscoder;
}

void
cs_run_reload (CsRun *run)
{
  g_return_if_fail (CS_IS_RUN (run));
  g_clear_pointer (&run->latents, cs_latents_free);
  g_clear_pointer (&run->crosscoder, cs_crosscoder_free);
  g_signal_emit (run, signals[SIGNAL_CHANGED], 0);
}
