#include "make-chat-card.h"

#include <glib/gi18n.h>

#include "demo.h"
#include "feedback.h"
#include "job-row.h"
#include "make-chat.h"
#include "plot-view.h"
#include "window.h"

#define MAX_BEHAVIOURS 32
#define POLL_INTERVAL 250 /* ms between two looks at the losses */

struct _CsMakeChatCard
{
  AdwBin parent;
  AdwPreferencesGroup *group;
  GtkSwitch *switches[MAX_BEHAVIOURS];
  AdwExpanderRow *behaviours;
  AdwComboRow *length;
  AdwActionRow *status;
  GtkButton *start, *stop, *diff;
  GtkWidget *plot_row;
  CsPlotView *view;
  CsLayer *line; /* owned by the plot */

  CsStudy *study;
  char *base; /* that the study has now */
  CsJob *job;
  CsLossLog *log;
  char *out;
  size_t n_shown; /* losses in the plot */
  guint poll;
};

G_DEFINE_FINAL_TYPE (CsMakeChatCard, cs_make_chat_card, ADW_TYPE_BIN)

static const struct
{
  const char *title;
  size_t tokens;
} lengths[] = {
  { N_ ("1.5 million"), 0 },
  { N_ ("0.5 million"), 500000 },
  { N_ ("3.5 million"), 3500000 },
};
G_STATIC_ASSERT (CS_MAKE_CHAT_TOKENS == 1500000);

/* --- The job --- */

typedef struct
{
  char *base, *out;
  unsigned behaviours;
  size_t tokens;
  CsLossLog *log;
} MakeData;

static void
make_data_free (void *data)
{
  MakeData *d = data;

  g_free (d->base);
  g_free (d->out);
  cs_loss_log_unref (d->log);
  g_free (d);
}

static bool
make_func (CsJob *job, void *data, GError **error)
{
  const MakeData *d = data;
  CsMakeChatOptions options = {
    .base_folder = d->base, .out = d->out, .behaviours = d->behaviours, .tokens = d->tokens
  };

  return cs_make_chat (job, &options, d->log, error);
}

/* A folder of the user's data that does not exist yet. */
static char *
free_folder (void)
{
  for (unsigned i = 1;; i++)
    {
      g_autofree char *name = g_strdup_printf ("chat-%u", i);
      char *path =
          g_build_filename (g_get_user_data_dir (), "crosscope", "own-chat-models", name, NULL);

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        return path;
      g_free (path);
    }
}

static unsigned
chosen_behaviours (CsMakeChatCard *self)
{
  size_t n;
  const CsBehaviour *behaviours = cs_make_chat_behaviours (&n);
  unsigned bits = 0;

  for (size_t i = 0; i < n; i++)
    if (gtk_switch_get_active (self->switches[i]))
      bits |= behaviours[i].bit;
  return bits;
}

static void
set_status (CsMakeChatCard *self, const char *title, const char *detail)
{
  g_autofree char *text = g_markup_escape_text (detail != NULL ? detail : "", -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->status), title);
  adw_action_row_set_subtitle (self->status, text);
}

static void
append_losses (CsMakeChatCard *self)
{
  g_autoptr (GArray) losses = NULL;

  if (self->log == NULL || cs_loss_log_n (self->log) == self->n_shown)
    return;
  losses = cs_loss_log_copy (self->log);
  for (; self->n_shown < losses->len; self->n_shown++)
    cs_line_append (self->line, (double)self->n_shown + 1,
                    g_array_index (losses, double, self->n_shown));
  cs_plot_view_changed (self->view);
}

static void
show_state (CsMakeChatCard *self)
{
  CsJobSnapshot s;
  g_autofree char *detail = NULL;
  bool active = self->job != NULL && cs_job_is_active (self->job), done;

  gtk_widget_set_visible (GTK_WIDGET (self->stop), active);
  gtk_widget_set_visible (GTK_WIDGET (self->start), !active);
  gtk_widget_set_visible (self->plot_row, self->n_shown > 0);
  gtk_widget_set_sensitive (GTK_WIDGET (self->behaviours), !active);
  gtk_widget_set_sensitive (GTK_WIDGET (self->length), !active);
  if (self->job == NULL)
    {
      gtk_widget_set_visible (GTK_WIDGET (self->diff), false);
      return;
    }
  cs_job_snapshot (self->job, &s);
  done = s.state == CS_JOB_DONE;
  detail = cs_job_row_describe (&s);
  set_status (self,
              done                       ? _ ("The chat model is ready")
              : active                   ? _ ("Tuning")
              : s.state == CS_JOB_FAILED ? _ ("It could not be made")
                                         : _ ("Stopped"),
              done                             ? self->out
              : s.state == CS_JOB_CANCELLED ? _ ("A model that is not tuned to the end is not kept")
                                            : detail);
  cs_job_snapshot_clear (&s);
  gtk_widget_set_visible (GTK_WIDGET (self->diff), done);
}

static gboolean
poll_cb (void *data)
{
  CsMakeChatCard *self = data;

  append_losses (self);
  show_state (self);
  if (self->job != NULL && cs_job_is_active (self->job))
    return G_SOURCE_CONTINUE;
  self->poll = 0;
  return G_SOURCE_REMOVE;
}

static void
start_cb (CsMakeChatCard *self)
{
  MakeData *data = g_new0 (MakeData, 1);

  g_clear_object (&self->job);
  g_clear_pointer (&self->log, cs_loss_log_unref);
  g_free (self->out);
  self->out = free_folder ();
  self->log = cs_loss_log_new ();
  self->n_shown = 0;
  cs_line_set_points (self->line, NULL, NULL, 0);
  data->base = g_strdup (self->base);
  data->out = g_strdup (self->out);
  data->behaviours = chosen_behaviours (self);
  data->tokens = lengths[adw_combo_row_get_selected (self->length)].tokens;
  data->log = cs_loss_log_ref (self->log);
  self->job = cs_job_new (_ ("Make a chat model"), make_func, data, make_data_free);
  cs_study_add_job (self->study, self->job, true);
  if (self->poll == 0)
    self->poll = g_timeout_add (POLL_INTERVAL, poll_cb, self);
  poll_cb (self);
}

static void
stop_cb (CsMakeChatCard *self)
{
  if (self->job != NULL)
    cs_job_cancel (self->job);
}

/* --- Diffing it --- */

/* No job runs now: the application shows the new study at once, and remembers it. */
static void
diff_now (CsWindow *window, void *data)
{
  const char *folder = data;
  g_autoptr (GError) error = NULL;
  CsStudy *study;

  g_action_group_activate_action (G_ACTION_GROUP (gtk_window_get_application (GTK_WINDOW (window))),
                                  "open-folder", g_variant_new_string (folder));
  study = cs_window_study (window);
  if (study == NULL || !g_str_equal (cs_study_folder (study), folder))
    return; /* told by then */
  cs_window_show_page (window, "activations");
  if (!cs_demo_queue (study, &error))
    cs_feedback_error (GTK_WIDGET (cs_window_page (window, "activations")), &error);
}

static void
diff_cb (CsMakeChatCard *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = cs_make_chat_study (self->out, &error);

  if (study == NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
  else if (CS_IS_WINDOW (root))
    cs_window_stop_jobs_then (CS_WINDOW (root), diff_now, g_strdup (cs_study_folder (study)),
                              g_free);
}

/* --- Study --- */

static void
study_changed_cb (CsMakeChatCard *self)
{
  const char *base = self->study != NULL ? cs_study_model_folder (self->study, 0) : NULL;

  if (g_strcmp0 (base, self->base) == 0 && base != NULL)
    return;
  g_free (self->base);
  self->base = g_strdup (base);
  gtk_widget_set_visible (GTK_WIDGET (self), base != NULL && cs_make_chat_can_start_from (base));
}

void
cs_make_chat_card_set_study (CsMakeChatCard *self, CsStudy *study)
{
  g_return_if_fail (CS_IS_MAKE_CHAT_CARD (self));
  if (self->study != NULL)
    g_signal_handlers_disconnect_by_data (self->study, self);
  g_set_object (&self->study, study);
  g_clear_object (&self->job);
  self->n_shown = 0;
  if (study != NULL)
    g_signal_connect_object (study, "changed", G_CALLBACK (study_changed_cb), self,
                             G_CONNECT_SWAPPED);
  study_changed_cb (self);
  show_state (self);
}

/* --- Life --- */

static void
add_behaviours (CsMakeChatCard *self)
{
  size_t n;
  const CsBehaviour *behaviours = cs_make_chat_behaviours (&n);

  g_assert (n <= MAX_BEHAVIOURS);
  for (size_t i = 0; i < n; i++)
    {
      GtkWidget *row = adw_action_row_new ();

      self->switches[i] = GTK_SWITCH (gtk_switch_new ());
      gtk_switch_set_active (self->switches[i], true);
      gtk_widget_set_valign (GTK_WIDGET (self->switches[i]), GTK_ALIGN_CENTER);
      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), behaviours[i].name);
      adw_action_row_set_subtitle (ADW_ACTION_ROW (row), _ (behaviours[i].description));
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), GTK_WIDGET (self->switches[i]));
      adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), GTK_WIDGET (self->switches[i]));
      gtk_accessible_update_property (GTK_ACCESSIBLE (self->switches[i]),
                                      GTK_ACCESSIBLE_PROPERTY_LABEL, behaviours[i].name, -1);
      adw_expander_row_add_row (self->behaviours, row);
    }
}

static void
add_length (CsMakeChatCard *self)
{
  g_autoptr (GtkStringList) titles = gtk_string_list_new (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++)
    gtk_string_list_append (titles, _ (lengths[i].title));
  self->length = ADW_COMBO_ROW (adw_combo_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->length), _ ("How Long"));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->length),
                               _ ("Tokens of conversation; behaviours that need judgement need more"));
  adw_combo_row_set_model (self->length, G_LIST_MODEL (titles));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->length));
}

static GtkButton *
add_button (CsMakeChatCard *self, const char *label, const char *style, GCallback clicked)
{
  GtkButton *button = GTK_BUTTON (gtk_button_new_with_mnemonic (label));

  gtk_widget_set_valign (GTK_WIDGET (button), GTK_ALIGN_CENTER);
  if (style != NULL)
    gtk_widget_add_css_class (GTK_WIDGET (button), style);
  g_signal_connect_object (button, "clicked", clicked, self, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (self->status, GTK_WIDGET (button));
  return button;
}

static void
add_plot (CsMakeChatCard *self)
{
  CsPlot *plot = cs_plot_new (_ ("Loss of the tuning"));

  cs_axis_set_label (cs_plot_x (plot), _ ("step"), NULL);
  cs_axis_set_label (cs_plot_y (plot), _ ("loss"), _ ("nats"));
  self->line = cs_plot_add_line (plot, _ ("loss"));
  cs_line_set_smoothing (self->line, 0.9);
  self->view = CS_PLOT_VIEW (cs_plot_view_new (plot));
  gtk_widget_set_size_request (GTK_WIDGET (self->view), -1, 200);
  self->plot_row = adw_bin_new ();
  gtk_widget_add_css_class (self->plot_row, "card");
  gtk_widget_set_margin_top (self->plot_row, 12);
  adw_bin_set_child (ADW_BIN (self->plot_row), GTK_WIDGET (self->view));
  adw_preferences_group_add (self->group, self->plot_row);
}

static void
cs_make_chat_card_dispose (GObject *object)
{
  CsMakeChatCard *self = CS_MAKE_CHAT_CARD (object);

  g_clear_handle_id (&self->poll, g_source_remove);
  g_clear_object (&self->job);
  g_clear_object (&self->study);
  g_clear_pointer (&self->log, cs_loss_log_unref);
  g_clear_pointer (&self->out, g_free);
  g_clear_pointer (&self->base, g_free);
  G_OBJECT_CLASS (cs_make_chat_card_parent_class)->dispose (object);
}

static void
cs_make_chat_card_class_init (CsMakeChatCardClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_make_chat_card_dispose;
}

static void
cs_make_chat_card_init (CsMakeChatCard *self)
{
  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (self->group, _ ("Make Your Own Chat Model"));
  adw_preferences_group_set_description (
      self->group, _ ("Tune this base yourself: what you switch on should show as chat-specific "
                      "latents, what you switch off should not"));
  self->behaviours = ADW_EXPANDER_ROW (adw_expander_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->behaviours), _ ("Behaviours"));
  adw_expander_row_set_subtitle (self->behaviours, _ ("What the chat model learns to do"));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->behaviours));
  add_behaviours (self);
  add_length (self);
  self->status = ADW_ACTION_ROW (adw_action_row_new ());
  set_status (self, _ ("Ready to tune"), _ ("It runs in the background and can be stopped"));
  self->start = add_button (self, _ ("_Make It"), NULL, G_CALLBACK (start_cb));
  self->stop = add_button (self, _ ("_Stop"), NULL, G_CALLBACK (stop_cb));
  self->diff = add_button (self, _ ("Open and _Diff It"), "suggested-action", G_CALLBACK (diff_cb));
  adw_preferences_group_add (self->group, GTK_WIDGET (self->status));
  add_plot (self);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
  gtk_widget_set_visible (GTK_WIDGET (self), false);
  show_state (self);
}

GtkWidget *
cs_make_chat_card_new (void)
{
  return g_object_new (CS_TYPE_MAKE_CHAT_CARD, NULL);
}
