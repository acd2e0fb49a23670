#include "describe-window.h"

#include <math.h>

#include <glib/gi18n.h>

#include "app-settings.h"
#include "controls.h"
#include "describe.h"
#include "result-parts.h"

#define MANY 10
#define SHOWN 50 /* descriptions in the window; all are in the table */
#define WIDTH 560
#define HEIGHT 680

struct _CsDescribeWindow
{
  CsJobWindow parent;
  AdwEntryRow *server, *model;
  AdwPasswordEntryRow *key;
  GtkCheckButton *one, *first;
  GtkSpinButton *count;
  GtkSwitch *score;

  CsRun *run;
  CsLatentList *list;
  GSettings *settings; /* NULL where the schema is not installed */
  GArray *asked;       /* size_t: the latents that a server was asked about; NULL: none yet */
};

G_DEFINE_FINAL_TYPE (CsDescribeWindow, cs_describe_window, CS_TYPE_JOB_WINDOW)

/* --- The job --- */

typedef struct
{
  GWeakRef study;
  char *run_name, *run_folder, *store, *tokenizer, *url, *model, *key;
  GArray *latents; /* size_t */
  bool score;
} Work;

static void
work_free (void *data)
{
  Work *w = data;

  g_weak_ref_clear (&w->study);
  g_free (w->run_name);
  g_free (w->run_folder);
  g_free (w->store);
  g_free (w->tokenizer);
  g_free (w->url);
  g_free (w->model);
  g_free (w->key);
  g_array_unref (w->latents);
  g_free (w);
}

/* One suggestion on its way to the main thread, which the study lives on. */
typedef struct
{
  CsStudy *study;
  char *run_name;
  size_t latent;
  CsSuggestion suggestion;
} Delivery;

static gboolean
deliver_cb (void *data)
{
  Delivery *d = data;
  g_autoptr (GError) error = NULL;

  if (!cs_study_set_suggestion (d->study, d->run_name, d->latent, &d->suggestion, &error))
    g_warning ("%s", error->message);
  return G_SOURCE_REMOVE;
}

static void
delivery_free (void *data)
{
  Delivery *d = data;

  g_object_unref (d->study);
  g_free (d->run_name);
  g_free (d->suggestion.text);
  g_free (d->suggestion.model);
  g_free (d);
}

static bool
take_description (void *data, const CsDescription *x, GError **error)
{
  Work *w = data;
  CsStudy *study = g_weak_ref_get (&w->study);
  Delivery *d;

  if (study == NULL || x->text == NULL)
    {
      g_clear_object (&study);
      return true;
    }
  d = g_new0 (Delivery, 1);
  *d = (Delivery){ study, g_strdup (w->run_name), x->latent,
                   { g_strdup (x->text), g_strdup (w->model),
                     x->scored ? x->score.balanced_accuracy : NAN,
                     x->scored ? x->score.against_random : NAN,
                     x->scored ? x->score.against_similar : NAN } };
  g_idle_add_full (G_PRIORITY_DEFAULT, deliver_cb, d, delivery_free);
  return true;
}

static bool
describe_job (CsJob *job, void *data, GError **error)
{
  Work *w = data;
  const CsDescribeOptions options = {
    .run_folder = w->run_folder,
    .store_path = w->store,
    .tokenizer_folder = w->tokenizer,
    .server = { .url = w->url, .model = w->model, .key = w->key },
    .latents = (const size_t *)(void *)w->latents->data,
    .n_latents = w->latents->len,
    .score = w->score,
    .seed = 42,
  };

  return cs_describe (job, &options, take_description, w, error);
}

/* --- Starting --- */

static GArray *
chosen_latents (CsDescribeWindow *self)
{
  GArray *latents = g_array_new (FALSE, FALSE, sizeof (size_t));
  gssize selected = cs_latent_list_selected (self->list);
  const guint shown = g_list_model_get_n_items (G_LIST_MODEL (self->list));
  const guint n = MIN ((guint)gtk_spin_button_get_value_as_int (self->count), shown);

  if (gtk_check_button_get_active (self->one) && selected >= 0)
    {
      const size_t latent = (size_t)selected;
      g_array_append_val (latents, latent);
    }
  for (guint i = 0; i < n && !gtk_check_button_get_active (self->one); i++)
    {
      const size_t latent = cs_latent_list_at (self->list, i);
      g_array_append_val (latents, latent);
    }
  return latents;
}

static const char *
text_of (void *row)
{
  return gtk_editable_get_text (GTK_EDITABLE (row));
}

static bool
check_server (CsDescribeWindow *self, GError **error)
{
  const CsChatServer server = { .url = text_of (self->server),
                                .model = text_of (self->model),
                                .key = text_of (self->key) };
  g_autoptr (CsChatClient) client = cs_chat_client_new (&server, error);

  return client != NULL;
}

static void
keep_settings (CsDescribeWindow *self)
{
  if (self->settings == NULL)
    return;
  g_settings_set_string (self->settings, "describe-server", text_of (self->server));
  g_settings_set_string (self->settings, "describe-model", text_of (self->model));
  g_settings_set_string (self->settings, "describe-key", text_of (self->key));
}

static CsJob *
make_job (CsJobWindow *window, GError **error)
{
  CsDescribeWindow *self = CS_DESCRIBE_WINDOW (window);
  CsStudy *study = cs_job_window_study (window);
  Work *w;

  if (!check_server (self, error))
    return NULL;
  keep_settings (self);
  g_clear_pointer (&self->asked, g_array_unref);
  self->asked = chosen_latents (self);
  w = g_new0 (Work, 1);
  g_weak_ref_init (&w->study, study);
  w->run_name = g_strdup (cs_run_name (self->run));
  w->run_folder = g_strdup (cs_run_folder (self->run));
  w->store = cs_study_run_store_path (study, self->run);
  w->tokenizer = g_strdup (cs_study_model_folder (study, 1));
  w->url = g_strdup (text_of (self->server));
  w->model = g_strdup (text_of (self->model));
  w->key = g_strdup (text_of (self->key));
  w->latents = g_array_ref (self->asked);
  w->score = gtk_switch_get_active (self->score);
  return cs_job_new (_ ("Describing Latents"), describe_job, w, work_free);
}

/* --- What came back --- */

static char *
describe_score (const CsSuggestion *suggestion)
{
  if (!isfinite (suggestion->balanced_accuracy))
    return g_strdup_printf (_ ("By %s"), suggestion->model);
  return g_strdup_printf (_ ("By %s · tells %.0f %% of held-out texts right"), suggestion->model,
                          100 * suggestion->balanced_accuracy);
}

static GtkWidget *
make_results (CsJobWindow *window, GError **error)
{
  CsDescribeWindow *self = CS_DESCRIBE_WINDOW (window);
  GtkWidget *group;
  guint n = 0;

  if (self->asked == NULL)
    return NULL;
  group = cs_result_group (_ ("Descriptions"),
                           _ ("Kept beside each latent, apart from your own names and notes"));
  for (guint i = 0; i < self->asked->len && n < SHOWN; i++)
    {
      const size_t latent = g_array_index (self->asked, size_t, i);
      const CsLabel *label =
          cs_study_label (cs_job_window_study (window), cs_run_name (self->run), latent);
      g_autofree char *title = NULL, *text = NULL;

      if (label == NULL || label->suggestion == NULL)
        continue;
      title = g_strdup_printf (_ ("%zu: %s"), latent, label->suggestion->text);
      text = describe_score (label->suggestion);
      cs_result_row (group, title, text);
      n++;
    }
  gtk_widget_set_visible (group, n > 0);
  return group;
}

void
cs_describe_window_fill (CsDescribeWindow *self, const char *server, const char *model,
                         const char *key, guint n, bool score)
{
  g_return_if_fail (CS_IS_DESCRIBE_WINDOW (self));
  gtk_editable_set_text (GTK_EDITABLE (self->server), server);
  gtk_editable_set_text (GTK_EDITABLE (self->model), model);
  gtk_editable_set_text (GTK_EDITABLE (self->key), key);
  gtk_check_button_set_active (n == 0 ? self->one : self->first, TRUE);
  if (n > 0)
    gtk_spin_button_set_value (self->count, n);
  gtk_switch_set_active (self->score, score);
}

/* --- Building --- */

static void
changed_cb (CsDescribeWindow *self)
{
  cs_job_window_set_ready (CS_JOB_WINDOW (self), *text_of (self->server) != '\0' &&
                                                     *text_of (self->model) != '\0');
}

static GtkWidget *
entry_row (CsDescribeWindow *self, GtkWidget *row, const char *title)
{
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  g_signal_connect_object (row, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  return row;
}

static GtkWidget *
server_group (CsDescribeWindow *self)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());

  adw_preferences_group_set_title (group, _ ("Server"));
  adw_preferences_group_set_description (
      group, _ ("A chat-completions server that you run. Examples of the latents are sent to it, and to no other place."));
  self->server = ADW_ENTRY_ROW (
      entry_row (self, adw_entry_row_new (), _ ("Address, Such as http://127.0.0.1:8080/v1")));
  self->model = ADW_ENTRY_ROW (entry_row (self, adw_entry_row_new (), _ ("Model")));
  self->key = ADW_PASSWORD_ENTRY_ROW (
      entry_row (self, adw_password_entry_row_new (), _ ("Key, Where It Needs One")));
  adw_preferences_group_add (group, GTK_WIDGET (self->server));
  adw_preferences_group_add (group, GTK_WIDGET (self->model));
  adw_preferences_group_add (group, GTK_WIDGET (self->key));
  return GTK_WIDGET (group);
}

static GtkWidget *
action_row (const char *title, const char *subtitle, GtkWidget *prefix, GtkWidget *suffix)
{
  AdwActionRow *row = ADW_ACTION_ROW (adw_action_row_new ());

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  if (subtitle != NULL)
    adw_action_row_set_subtitle (row, subtitle);
  if (prefix != NULL)
    adw_action_row_add_prefix (row, prefix);
  if (suffix != NULL)
    {
      gtk_widget_set_valign (suffix, GTK_ALIGN_CENTER);
      adw_action_row_add_suffix (row, suffix);
      gtk_accessible_update_property (GTK_ACCESSIBLE (suffix), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
    }
  adw_action_row_set_activatable_widget (row, prefix != NULL ? prefix : suffix);
  return GTK_WIDGET (row);
}

static GtkWidget *
latents_group (CsDescribeWindow *self)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());

  adw_preferences_group_set_title (group, _ ("Latents"));
  self->one = GTK_CHECK_BUTTON (gtk_check_button_new ());
  self->first = GTK_CHECK_BUTTON (gtk_check_button_new ());
  self->count = GTK_SPIN_BUTTON (gtk_spin_button_new_with_range (1, 100000, 1));
  self->score = GTK_SWITCH (gtk_switch_new ());
  gtk_check_button_set_group (self->first, self->one);
  gtk_check_button_set_active (self->one, TRUE);
  gtk_spin_button_set_value (self->count, MANY);
  adw_preferences_group_add (group, action_row (_ ("The Selected One"), NULL, GTK_WIDGET (self->one), NULL));
  adw_preferences_group_add (group, action_row (_ ("The First of the Table"),
                                                _ ("As it is filtered and sorted now"),
                                                GTK_WIDGET (self->first), GTK_WIDGET (self->count)));
  adw_preferences_group_add (
      group, action_row (_ ("Score the Descriptions"),
                         _ ("Whether they tell held-out examples from texts on which the latent is silent"),
                         NULL, GTK_WIDGET (self->score)));
  return GTK_WIDGET (group);
}

static void
load_settings (CsDescribeWindow *self)
{
  g_autofree char *server = NULL, *model = NULL, *key = NULL;

  if ((self->settings = cs_app_settings_new ("describe-key")) == NULL)
    return;
  server = g_settings_get_string (self->settings, "describe-server");
  model = g_settings_get_string (self->settings, "describe-model");
  key = g_settings_get_string (self->settings, "describe-key");
  cs_describe_window_fill (self, server, model, key, 0, false);
}

static void
cs_describe_window_dispose (GObject *object)
{
  CsDescribeWindow *self = CS_DESCRIBE_WINDOW (object);

  g_clear_object (&self->run);
  g_clear_object (&self->list);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->asked, g_array_unref);
  G_OBJECT_CLASS (cs_describe_window_parent_class)->dispose (object);
}

static void
cs_describe_window_class_init (CsDescribeWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_describe_window_dispose;
  CS_JOB_WINDOW_CLASS (klass)->make_job = make_job;
  CS_JOB_WINDOW_CLASS (klass)->make_results = make_results;
  CS_JOB_WINDOW_CLASS (klass)->heavy = false;
}

static void
cs_describe_window_init (CsDescribeWindow *self)
{
}

GtkWidget *
cs_describe_window_new (CsStudy *study, CsRun *run, CsLatentList *list)
{
  CsDescribeWindow *self = g_object_new (CS_TYPE_DESCRIBE_WINDOW, NULL);
  CsJobWindow *window = CS_JOB_WINDOW (self);
  g_autofree char *key = g_strconcat ("describe ", cs_run_name (run), NULL);

  self->run = g_object_ref (run);
  self->list = g_object_ref (list);
  cs_job_window_set_up (window, study, _ ("Describe Latents"), _ ("_Describe"), key);
  gtk_window_set_default_size (GTK_WINDOW (self), WIDTH, HEIGHT);
  cs_job_window_add (window, server_group (self));
  cs_job_window_add (window, latents_group (self));
  load_settings (self);
  changed_cb (self);
  /* Descriptions come one after another. */
  g_signal_connect_object (study, "labels-changed", G_CALLBACK (cs_job_window_show_results), self,
                           G_CONNECT_SWAPPED);
  cs_job_window_show_state (window);
  return GTK_WIDGET (self);
}

void
cs_describe_window_present (GtkWidget *widget, CsStudy *study, CsRun *run, CsLatentList *list)
{
  cs_job_window_present (CS_JOB_WINDOW (cs_describe_window_new (study, run, list)), widget);
}
