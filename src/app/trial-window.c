#include "trial-window.h"

#include <glib/gi18n.h>

#include "dialogs.h"
#include "feedback.h"
#include "job-row.h"
#include "trial-results.h"
#include "trials.h"

#define POLL_INTERVAL 200 /* ms */

struct _CsTrialWindow
{
  AdwWindow parent;
  GtkWidget *toasts;
  AdwActionRow *corpus;
  GtkWidget *reset;
  GtkSpinButton *count;
  GtkButton *start, *stop;
  GtkWidget *progress_box;
  GtkProgressBar *bar;
  GtkLabel *progress;
  AdwBin *results;

  CsStudy *study;
  CsRun *run; /* NULL: baselines */
  char *path; /* NULL: what suggests itself */
  CsJob *job;
  guint poll;
};

G_DEFINE_FINAL_TYPE (CsTrialWindow, cs_trial_window, ADW_TYPE_WINDOW)

static void
show_corpus (CsTrialWindow *self)
{
  g_autofree char *name = self->path != NULL ? g_filename_display_basename (self->path) : NULL;
  g_autofree char *text = g_markup_escape_text (
      name != NULL                           ? name
      : !cs_trial_has_held_out (self->study) ? _ ("The study's own")
      : self->run != NULL ? _ ("Conversations of the demo world, which training never saw")
                          : _ ("The study's texts, and conversations that training never saw"),
      -1);

  adw_action_row_set_subtitle (self->corpus, text);
  gtk_widget_set_visible (self->reset, self->path != NULL);
}

/* NULL where there is no result yet; with error where it cannot be read. */
static GtkWidget *
results_new (CsTrialWindow *self, GError **error)
{
  const char *folder =
      self->run != NULL ? cs_run_folder (self->run) : cs_study_folder (self->study);
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

static void
show_results (CsTrialWindow *self)
{
  g_autoptr (GError) error = NULL;
  GtkWidget *results = results_new (self, &error);

  if (error != NULL)
    cs_feedback_error (self->toasts, &error);
  else if (results != NULL)
    adw_bin_set_child (self->results, results);
}

static void
show_job (CsTrialWindow *self)
{
  const bool active = self->job != NULL && cs_job_is_active (self->job);
  g_autofree char *text = NULL;
  CsJobSnapshot s;

  gtk_widget_set_visible (GTK_WIDGET (self->start), !active);
  gtk_widget_set_visible (GTK_WIDGET (self->stop), active);
  gtk_widget_set_visible (self->progress_box, self->job != NULL);
  if (self->job == NULL)
    return;
  cs_job_snapshot (self->job, &s);
  text = cs_job_row_describe (&s);
  gtk_label_set_text (self->progress, text);
  gtk_progress_bar_set_fraction (self->bar, s.total > 0 ? CLAMP (s.done / s.total, 0, 1) : 0);
  cs_job_snapshot_clear (&s);
}

static gboolean
poll_cb (void *data)
{
  CsTrialWindow *self = data;

  show_job (self);
  if (cs_job_is_active (self->job))
    return G_SOURCE_CONTINUE;
  self->poll = 0;
  if (cs_job_state (self->job) == CS_JOB_DONE)
    {
      show_results (self);
      gtk_widget_set_visible (self->progress_box, false);
    }
  return G_SOURCE_REMOVE;
}

static void
start_cb (CsTrialWindow *self)
{
  const char *const chosen[] = { self->path, NULL };
  const CsTrialOptions options = { .corpora = self->path != NULL ? chosen : NULL,
                                   .n_documents =
                                       (size_t)gtk_spin_button_get_value_as_int (self->count) };
  g_autoptr (GError) error = NULL;
  CsJob *job = self->run != NULL ? cs_causality_job_new (self->study, self->run, &options, &error)
                                 : cs_baselines_job_new (self->study, &options, &error);

  if (job == NULL)
    {
      cs_feedback_error (self->toasts, &error);
      return;
    }
  g_clear_object (&self->job);
  self->job = job;
  cs_study_add_job (self->study, job, true);
  if (self->poll == 0)
    self->poll = g_timeout_add (POLL_INTERVAL, poll_cb, self);
  show_job (self);
}

static void
stop_cb (CsTrialWindow *self)
{
  if (self->job != NULL)
    cs_job_cancel (self->job);
}

static void
file_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsTrialWindow *self = CS_TRIAL_WINDOW (gtk_widget_get_root (widget));

  if (path == NULL)
    return;
  g_free (self->path);
  self->path = g_strdup (path);
  show_corpus (self);
}

static void
choose_cb (GtkButton *button, void *data)
{
  cs_compat_choose (GTK_WIDGET (button), CS_CHOOSE_FILE, _ ("Choose a Corpus of Conversations"),
                    _ ("_Choose"), NULL, file_chosen_cb, NULL);
}

static void
reset_cb (CsTrialWindow *self)
{
  g_clear_pointer (&self->path, g_free);
  show_corpus (self);
}

/* --- Building --- */

static GtkWidget *
corpus_row (CsTrialWindow *self)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (_ ("C_hoose…"));

  self->corpus = ADW_ACTION_ROW (adw_action_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->corpus), _ ("Conversations"));
  self->reset = gtk_button_new_from_icon_name ("edit-undo-symbolic");
  gtk_widget_set_tooltip_text (self->reset, _ ("Back to What Suggests Itself"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->reset), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Back to What Suggests Itself"), -1);
  gtk_widget_add_css_class (self->reset, "flat");
  gtk_widget_set_valign (self->reset, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect_object (self->reset, "clicked", G_CALLBACK (reset_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect (button, "clicked", G_CALLBACK (choose_cb), NULL);
  adw_action_row_add_suffix (self->corpus, self->reset);
  adw_action_row_add_suffix (self->corpus, button);
  return GTK_WIDGET (self->corpus);
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
corpus_group (CsTrialWindow *self)
{
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_description (
      ADW_PREFERENCES_GROUP (group),
      self->run != NULL
          ? _ ("Base activations are put into the chat model with some latents turned to what they "
               "are in chat: which of them bring its answers back?")
          : _ ("What can be said of the pair without training anything, to compare a crosscoder "
               "with"));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), corpus_row (self));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), count_row (self));
  return group;
}

static GtkWidget *
progress_box (CsTrialWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
  self->progress = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_wrap (self->progress, true);
  gtk_label_set_xalign (self->progress, 0);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Progress"), -1);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->bar));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->progress));
  return self->progress_box = box;
}

static GtkWidget *
content (CsTrialWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24), *clamp = adw_clamp_new ();
  GtkWidget *scroll = gtk_scrolled_window_new ();

  gtk_widget_set_margin_top (box, 12);
  gtk_widget_set_margin_bottom (box, 24);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  self->results = ADW_BIN (adw_bin_new ());
  gtk_box_append (GTK_BOX (box), corpus_group (self));
  gtk_box_append (GTK_BOX (box), progress_box (self));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->results));
  adw_clamp_set_maximum_size (ADW_CLAMP (clamp), 980);
  adw_clamp_set_tightening_threshold (ADW_CLAMP (clamp), 980);
  adw_clamp_set_child (ADW_CLAMP (clamp), box);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), clamp);
  gtk_widget_set_vexpand (scroll, true);
  return scroll;
}

static GtkWidget *
header (CsTrialWindow *self)
{
  GtkWidget *bar = adw_header_bar_new ();

  self->start = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Measure")));
  gtk_widget_add_css_class (GTK_WIDGET (self->start), "suggested-action");
  g_signal_connect_object (self->start, "clicked", G_CALLBACK (start_cb), self, G_CONNECT_SWAPPED);
  self->stop = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Stop")));
  g_signal_connect_object (self->stop, "clicked", G_CALLBACK (stop_cb), self, G_CONNECT_SWAPPED);
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (self->start));
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (self->stop));
  return bar;
}

static void
cs_trial_window_dispose (GObject *object)
{
  CsTrialWindow *self = CS_TRIAL_WINDOW (object);

  g_clear_handle_id (&self->poll, g_source_remove);
  g_clear_object (&self->job);
  g_clear_object (&self->run);
  g_clear_object (&self->study);
  g_clear_pointer (&self->path, g_free);
  G_OBJECT_CLASS (cs_trial_window_parent_class)->dispose (object);
}

static void
cs_trial_window_class_init (CsTrialWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_trial_window_dispose;
  gtk_widget_class_add_binding_action (GTK_WIDGET_CLASS (klass), GDK_KEY_Escape, 0, "window.close",
                                       NULL);
}

static void
cs_trial_window_init (CsTrialWindow *self)
{
  gtk_window_set_default_size (GTK_WINDOW (self), 960, 760);
}

GtkWidget *
cs_trial_window_new (CsStudy *study, CsRun *run)
{
  CsTrialWindow *self = g_object_new (CS_TYPE_TRIAL_WINDOW, NULL);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  g_autofree char *title = run != NULL ? g_strdup_printf (_ ("Causality of %s"), cs_run_name (run))
                                       : g_strdup (_ ("Baselines"));

  self->study = g_object_ref (study);
  self->run = run != NULL ? g_object_ref (run) : NULL;
  gtk_box_append (GTK_BOX (box), header (self));
  gtk_box_append (GTK_BOX (box), content (self));
  self->toasts = adw_toast_overlay_new ();
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (self->toasts), box);
  adw_window_set_content (ADW_WINDOW (self), self->toasts);
  gtk_window_set_title (GTK_WINDOW (self), title);
  show_corpus (self);
  show_job (self);
  show_results (self);
  return GTK_WIDGET (self);
}

void
cs_trial_window_present (GtkWidget *widget, CsStudy *study, CsRun *run)
{
  GtkWidget *window = cs_trial_window_new (study, run);

  gtk_window_set_transient_for (GTK_WINDOW (window), GTK_WINDOW (gtk_widget_get_root (widget)));
  gtk_window_present (GTK_WINDOW (window));
}
