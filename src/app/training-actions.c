#include "training-actions.h"

#include <glib/gi18n.h>

#include "audit-window.h"
#include "controls.h"
#include "exchange-actions.h"
#include "feedback.h"
#include "trial-window.h"

/* The run that an action is about; NULL where it is gone. */
static CsRun *
run_of (CsTrainingPage *page, GVariant *parameter)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));

  return study != NULL ? cs_study_find_run (study, g_variant_get_string (parameter, NULL)) : NULL;
}

static CsJob *
job_of (CsTrainingPage *page, GVariant *parameter)
{
  CsRun *run = run_of (page, parameter);

  return run != NULL ? cs_run_job (run) : NULL;
}

static void
new_run_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_training_page_open_new_run (page, NULL);
}

static void
duplicate_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);

  if (run != NULL)
    cs_training_page_open_new_run (page, run);
}

static void
pause_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (job_of (page, parameter) != NULL)
    cs_job_pause (job_of (page, parameter));
}

static void
resume_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (job_of (page, parameter) != NULL)
    cs_job_resume (job_of (page, parameter));
}

static void
stop_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (job_of (page, parameter) != NULL)
    cs_job_cancel (job_of (page, parameter));
}

static void
continue_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);
  g_autoptr (GError) error = NULL;

  if (run != NULL && cs_study_continue_run (cs_page_study (page), run, &error) == NULL)
    cs_feedback_error (page, &error);
}

static void
analyse_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);
  g_autoptr (GError) error = NULL;

  if (run != NULL && cs_study_analyze (cs_page_study (page), run, &error) == NULL)
    cs_feedback_error (page, &error);
}

/* ("run", "null"): a control of a run, with the value that suggests itself. */
static void
control_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));
  const char *name, *kind_name;
  g_autoptr (GError) error = NULL;
  CsControlOptions options;
  CsControlKind kind;
  CsRun *run;

  g_variant_get (parameter, "(&s&s)", &name, &kind_name);
  run = study != NULL ? cs_study_find_run (study, name) : NULL;
  if (run == NULL || !cs_control_kind_parse (kind_name, &kind))
    return;
  cs_control_default (study, run, kind, &options);
  if (cs_study_control (study, run, &options, &error) == NULL)
    cs_feedback_error (page, &error);
}

static void
audit_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);

  if (run != NULL)
    cs_audit_window_present (page, cs_page_study (CS_PAGE (page)), run);
}

static void
causality_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);

  if (run != NULL)
    cs_trial_window_present (page, cs_page_study (CS_PAGE (page)), run);
}

static void
baselines_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (CS_PAGE (page)) != NULL)
    cs_trial_window_present (page, cs_page_study (CS_PAGE (page)), NULL);
}

static void
remove_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsRun *run = run_of (page, parameter);
  g_autofree char *name = g_strdup (g_variant_get_string (parameter, NULL));
  g_autofree char *text = g_strdup_printf (_ ("%s was moved to the study's trash"), name);
  g_autoptr (GVariant) target = g_variant_ref_sink (g_variant_new_string (name));
  g_autofree char *undo = g_action_print_detailed_name ("training.restore", target);
  g_autoptr (GError) error = NULL;

  if (run == NULL)
    return;
  if (cs_study_remove_run (cs_page_study (page), run, &error))
    cs_feedback_toast_action (page, text, _ ("_Undo"), undo);
  else
    cs_feedback_error (page, &error);
}

static void
restore_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  CsStudy *study = cs_page_study (page);
  g_autoptr (GError) error = NULL;

  if (study != NULL
      && !cs_study_restore_run (study, g_variant_get_string (parameter, NULL), &error))
    cs_feedback_error (page, &error);
}

static void
latents_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  gtk_widget_activate_action (page, "win.show-page", "s", "latents");
}

GActionGroup *
cs_training_actions_new (CsTrainingPage *page)
{
  static const struct
  {
    const char *name;
    void (*activate) (GSimpleAction *action, GVariant *parameter, void *page);
    const char *type; /* of the parameter */
  } entries[] = {
    { "new-run", new_run_action, NULL },   { "duplicate", duplicate_action, "s" },
    { "pause", pause_action, "s" },        { "resume", resume_action, "s" },
    { "stop", stop_action, "s" },          { "continue", continue_action, "s" },
    { "analyse", analyse_action, "s" },    { "remove", remove_action, "s" },
    { "restore", restore_action, "s" },    { "latents", latents_action, "s" },
    { "control", control_action, "(ss)" }, { "audit", audit_action, "s" },
    { "causality", causality_action, "s" }, { "baselines", baselines_action, NULL },
  };
  GSimpleActionGroup *group = g_simple_action_group_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GSimpleAction) action =
        g_simple_action_new (entries[i].name,
                             entries[i].type != NULL ? G_VARIANT_TYPE (entries[i].type) : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (entries[i].activate), page, 0);
      g_action_map_add_action (G_ACTION_MAP (group), G_ACTION (action));
    }
  cs_exchange_actions_add (G_ACTION_MAP (group), page);
  return G_ACTION_GROUP (group);
}
