#include "behaviour-card.h"

#include <math.h>

#include <glib/gi18n.h>

#include "behaviour-match.h"
#include "controls.h"
#include "feedback.h"

struct _CsBehaviourCard
{
  AdwBin parent_instance;

  AdwPreferencesGroup *group;
  AdwActionRow *status;
  GtkButton *match;
  GPtrArray *rows; /* of the behaviours, owned by the group */

  CsStudy *study;
  CsRun *run; /* that the rows tell of */
  CsJob *job;
  bool matched_itself;
};

G_DEFINE_FINAL_TYPE (CsBehaviourCard, cs_behaviour_card, ADW_TYPE_BIN)

/* The study's first run that is analysed and no control; NULL where there is none. */
static CsRun *
first_run (CsStudy *study)
{
  GListModel *runs = cs_study_runs (study);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);
      g_autofree char *latents = g_build_filename (cs_run_folder (run), "latents.h5", NULL);

      if (g_file_test (latents, G_FILE_TEST_EXISTS) && !cs_control_is (cs_run_folder (run)))
        return g_steal_pointer (&run);
    }
  return NULL;
}

/* --- Rows --- */

static char *
describe (const CsBehaviourMatch *b)
{
  if (b->latent < 0)
    return g_strdup (_ ("No latent leans to chat"));
  return g_strdup_printf (
      b->chat_specific
          ? _ ("Latent %zd tells its requests from look-alikes with AUC %.3f; Δ_norm %.2f, ν^ε "
               "%.2f, ν^r %.2f: Latent Scaling confirms it")
          : _ ("Latent %zd tells its requests from look-alikes with AUC %.3f; Δ_norm %.2f, ν^ε "
               "%.2f, ν^r %.2f: Latent Scaling does not confirm it"),
      b->latent, b->auc, b->delta_norm, b->nu_error, b->nu_reconstruction);
}

static void
add_row (CsBehaviourCard *self, const CsBehaviourMatch *b)
{
  const bool shown = b->auc >= CS_BEHAVIOUR_SHOWN;
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *verdict = gtk_label_new (shown ? _ ("appears") : _ ("absent"));
  GtkWidget *tuned = gtk_label_new (b->on ? _ ("on") : _ ("off"));

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), b->name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), describe (b));
  gtk_widget_add_css_class (tuned, b->on ? "accent" : "dim-label");
  gtk_widget_add_css_class (tuned, "caption-heading");
  gtk_label_set_width_chars (GTK_LABEL (tuned), 3);
  gtk_widget_set_tooltip_text (tuned, b->on ? _ ("The chat model was tuned to it")
                                            : _ ("The chat model answers such requests straight"));
  if (shown != b->on)
    gtk_widget_add_css_class (verdict, "warning");
  gtk_label_set_wrap (GTK_LABEL (verdict), true);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), tuned);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), verdict);
  adw_preferences_group_add (self->group, row);
  g_ptr_array_add (self->rows, row);
}

static void
clear_rows (CsBehaviourCard *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->group, g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
}

static void
set_status (CsBehaviourCard *self, const char *title, const char *detail)
{
  g_autofree char *text = g_markup_escape_text (detail, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->status), title);
  adw_action_row_set_subtitle (self->status, text);
}

static void
show (CsBehaviourCard *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) list =
      self->run != NULL ? cs_behaviour_match_load (cs_run_folder (self->run), &error) : NULL;
  const bool active = self->job != NULL && cs_job_is_active (self->job);

  clear_rows (self);
  for (guint i = 0; list != NULL && i < list->len; i++)
    add_row (self, &g_array_index (list, CsBehaviourMatch, i));
  gtk_widget_set_sensitive (GTK_WIDGET (self->match), self->run != NULL && !active);
  if (self->run == NULL)
    set_status (
        self, _ ("No run is analysed yet"),
        _ ("Harvest and train first: then the latents of the run are matched to behaviours"));
  else if (active)
    set_status (self, _ ("Matching latents to behaviours"), cs_run_name (self->run));
  else if (error != NULL)
    set_status (self, _ ("Behaviours cannot be read"), error->message);
  else if (list == NULL)
    set_status (self, _ ("Not matched yet"), cs_run_name (self->run));
  else
    set_status (self, _ ("Latents matched to behaviours"), cs_run_name (self->run));
}

/* --- The job --- */

static void
job_changed_cb (CsBehaviourCard *self)
{
  if (self->job != NULL && cs_job_is_active (self->job))
    return;
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  show (self);
}

static void
match_cb (CsBehaviourCard *self)
{
  g_autoptr (GError) error = NULL;
  CsJob *job;

  if (self->run == NULL || self->job != NULL)
    return;
  job = cs_behaviour_match_job_new (self->study, self->run, &error);
  if (job == NULL)
    {
      cs_feedback_error (GTK_WIDGET (self), &error);
      return;
    }
  self->job = job;
  g_signal_connect_object (job, "changed", G_CALLBACK (job_changed_cb), self, G_CONNECT_SWAPPED);
  cs_study_add_job (self->study, job, true);
  show (self);
}

/* --- Study --- */

/* A chat model of one's own was diffed to see this: it is not asked for again. Once in the life of
 * a study here, so that a failure is not repeated. */
static void
match_own (CsBehaviourCard *self)
{
  if (self->matched_itself || self->run == NULL || self->rows->len > 0 ||
      cs_study_has_active_jobs (self->study))
    return;
  self->matched_itself = true;
  match_cb (self);
}

static void
study_changed_cb (CsBehaviourCard *self)
{
  const CsBehavioursKnown known =
      self->study != NULL ? cs_behaviours_known (self->study) : CS_BEHAVIOURS_UNKNOWN;
  g_autoptr (CsRun) run = known != CS_BEHAVIOURS_UNKNOWN ? first_run (self->study) : NULL;

  gtk_widget_set_visible (GTK_WIDGET (self), known != CS_BEHAVIOURS_UNKNOWN);
  g_set_object (&self->run, run);
  show (self);
  if (known == CS_BEHAVIOURS_SOME)
    match_own (self);
}

void
cs_behaviour_card_set_study (CsBehaviourCard *self, CsStudy *study)
{
  g_return_if_fail (CS_IS_BEHAVIOUR_CARD (self));
  if (self->study != NULL)
    g_signal_handlers_disconnect_by_data (self->study, self);
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  g_set_object (&self->study, study);
  self->matched_itself = false;
  if (study != NULL)
    g_signal_connect_object (study, "changed", G_CALLBACK (study_changed_cb), self,
                             G_CONNECT_SWAPPED);
  study_changed_cb (self);
}

/* --- Life --- */

static void
cs_behaviour_card_dispose (GObject *object)
{
  CsBehaviourCard *self = CS_BEHAVIOUR_CARD (object);

  g_clear_object (&self->job);
  g_clear_object (&self->run);
  g_clear_object (&self->study);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  G_OBJECT_CLASS (cs_behaviour_card_parent_class)->dispose (object);
}

static void
cs_behaviour_card_class_init (CsBehaviourCardClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_behaviour_card_dispose;
}

static void
cs_behaviour_card_init (CsBehaviourCard *self)
{
  self->rows = g_ptr_array_new ();
  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (self->group, _ ("What This Chat Model Was Tuned To"));
  adw_preferences_group_set_description (
      self->group, _ ("What is on should appear as a latent that leans to chat, what is off should "
                      "not"));
  self->status = ADW_ACTION_ROW (adw_action_row_new ());
  self->match = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Match")));
  gtk_widget_set_valign (GTK_WIDGET (self->match), GTK_ALIGN_CENTER);
  g_signal_connect_object (self->match, "clicked", G_CALLBACK (match_cb), self, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (self->status, GTK_WIDGET (self->match));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->status));
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
  gtk_widget_set_visible (GTK_WIDGET (self), false);
  /* A run may have been analysed since the page was last seen. */
  g_signal_connect (self, "map", G_CALLBACK (study_changed_cb), NULL);
}

GtkWidget *
cs_behaviour_card_new (void)
{
  return g_object_new (CS_TYPE_BEHAVIOUR_CARD, NULL);
}
