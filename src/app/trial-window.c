#include "trial-window.h"

#include <glib/gi18n.h>

#include "file-row.h"
#include "trial-results.h"
#include "trials.h"

struct _CsTrialWindow
{
  CsJobWindow parent;
  CsFileRow *corpus; /* none chosen: what suggests itself */
  GtkSpinButton *count;
  CsRun *run; /* NULL: baselines */
};

G_DEFINE_FINAL_TYPE (CsTrialWindow, cs_trial_window, CS_TYPE_JOB_WINDOW)

static GtkWidget *
make_results (CsJobWindow *window, GError **error)
{
  const CsTrialWindow *self = CS_TRIAL_WINDOW (window);
  const char *folder = self->run != NULL ? cs_run_folder (self->run)
                                         : cs_study_folder (cs_job_window_study (window));
  g_autofree char *path =
      g_build_filename (folder, self->run != NULL ? "causality.json" : "baselines.json", NULL);
  g_autoptr (CsCausality) causality = NULL;
  g_autoptr (CsBaselines) baselines = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  if (self->run != NULL)
    {
      causality = cs_causality_load (folder, error);
      return causality != NULL ? cs_causality_results_new (causality) : NULL;
    }
  baselines = cs_baselines_load (folder, error);
  return baselines != NULL ? cs_baselines_results_new (baselines) : NULL;
}

static CsJob *
make_job (CsJobWindow *window, GError **error)
{
  CsTrialWindow *self = CS_TRIAL_WINDOW (window);
  CsStudy *study = cs_job_window_study (window);
  const char *const chosen[] = { cs_file_row_path (self->corpus), NULL };
  const CsTrialOptions options = { .corpora = chosen[0] != NULL ? chosen : NULL,
                                   .n_documents =
                                       (size_t)gtk_spin_button_get_value_as_int (self->count) };

  return self->run != NULL ? cs_causality_job_new (study, self->run, &options, error)
                           : cs_baselines_job_new (study, &options, error);
}

/* --- Building --- */

static GtkWidget *
corpus_row (CsTrialWindow *self, CsStudy *study)
{
  const char *fallback = !cs_trial_has_held_out (study) ? _ ("The study's own")
                         : self->run != NULL
                             ? _ ("Conversations of the demo world, which training never saw")
                             : _ ("The study's texts, and conversations that training never saw");
  GtkWidget *row =
      cs_file_row_new (_ ("Conversations"), _ ("Choose a Corpus of Conversations"), fallback);

  self->corpus = CS_FILE_ROW (row);
  return row;
}

static GtkWidget *
count_row (CsTrialWindow *self)
{
  GtkWidget *row = adw_action_row_new (), *spin = gtk_spin_button_new_with_range (8, 5000, 8);

  self->count = GTK_SPIN_BUTTON (spin);
  gtk_spin_button_set_value (self->count, CS_TRIAL_CONVERSATIONS);
  gtk_widget_set_valign (spin, GTK_ALIGN_CENTER);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row),
                                 self->run != NULL ? _ ("How Many") : _ ("How Many Documents"));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), _ ("More make the intervals narrower"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("How Many"), -1);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), spin);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), spin);
  return row;
}

static GtkWidget *
corpus_group (CsTrialWindow *self, CsStudy *study)
{
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_description (
      ADW_PREFERENCES_GROUP (group),
      self->run != NULL
          ? _ ("Base activations are put into the chat model with some latents turned to what they "
               "are in chat: which of them bring its answers back?")
          : _ ("What can be said of the pair without training anything, to compare a crosscoder "
               "with"));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), corpus_row (self, study));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), count_row (self));
  return group;
}

static void
cs_trial_window_dispose (GObject *object)
{
  g_clear_object (&CS_TRIAL_WINDOW (object)->run);
  G_OBJECT_CLASS (cs_trial_window_parent_class)->dispose (object);
}

static void
cs_trial_window_class_init (CsTrialWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_trial_window_dispose;
  CS_JOB_WINDOW_CLASS (klass)->make_job = make_job;
  CS_JOB_WINDOW_CLASS (klass)->make_results = make_results;
}

static void
cs_trial_window_init (CsTrialWindow *self)
{
}

GtkWidget *
cs_trial_window_new (CsStudy *study, CsRun *run)
{
  CsTrialWindow *self = g_object_new (CS_TYPE_TRIAL_WINDOW, NULL);
  CsJobWindow *window = CS_JOB_WINDOW (self);
  g_autofree char *title = run != NULL ? g_strdup_printf (_ ("Causality of %s"), cs_run_name (run))
                                       : g_strdup (_ ("Baselines"));
  g_autofree char *key =
      run != NULL ? g_strconcat ("causality ", cs_run_name (run), NULL) : g_strdup ("baselines");

  self->run = run != NULL ? g_object_ref (run) : NULL;
  cs_job_window_set_up (window, study, title, _ ("_Measure"), key);
  cs_job_window_add (window, corpus_group (self, study));
  cs_job_window_show_state (window);
  return GTK_WIDGET (self);
}

void
cs_trial_window_present (GtkWidget *widget, CsStudy *study, CsRun *run)
{
  cs_job_window_present (CS_JOB_WINDOW (cs_trial_window_new (study, run)), widget);
}
