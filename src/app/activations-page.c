#include "activations-page.h"

#include <glib/gi18n.h>
#include <math.h>

#include "corpus-actions.h"
#include "corpus-rows.h"
#include "corpus-survey.h"
#include "exchange-actions.h"
#include "feedback.h"
#include "harvest-card.h"
#include "probe-row.h"

struct _CsActivationsPage
{
  CsPage parent;
  GtkStack *stack;
  AdwBin *card_bin;
  AdwPreferencesGroup *corpora_group, *store_group;
  AdwActionRow *no_corpora, *store_status, *store_pair, *store_form, *estimate;
  GtkSpinButton *limit;
  GtkWidget *limit_row;

  CsHarvestCard *card;
  GtkWidget *header, *harvest, *pause, *stop;
  GPtrArray *rows;           /* of the corpora, owned by the group */
  GActionGroup *actions;
  GtkWidget *root;
  GCancellable *cancellable; /* of the survey under way */
  CsSurvey *survey;          /* NULL while not known */
  char **surveyed;           /* the corpora it is about */
  guint queued_survey, save_limit;
  CsJobState state;          /* of the harvest when it was looked at last; DONE without one */
  bool loading;
};

G_DEFINE_FINAL_TYPE (CsActivationsPage, cs_activations_page, CS_TYPE_PAGE)

/* --- The store and the plan --- */

static double
total_tokens (const CsSurvey *survey)
{
  double total = 0;

  for (guint i = 0; survey != NULL && i < survey->corpora->len; i++)
    total += ((const CsCorpusInfo *) g_ptr_array_index (survey->corpora, i))->n_tokens;
  return survey != NULL && survey->corpora->len > 0 ? total : NAN;
}

/* Two models, two bytes a number. */
static double
store_bytes (double tokens, size_t d_model)
{
  return tokens * 2 * (double) d_model * 2;
}

static void
update_estimate (CsActivationsPage *self)
{
  double tokens = total_tokens (self->survey), limit = gtk_spin_button_get_value (self->limit);
  g_autofree char *count = NULL, *bytes = NULL, *left = NULL, *text = NULL;

  if (limit > 0 && !(tokens < limit))
    tokens = limit;
  if (self->survey == NULL || self->survey->d_model == 0 || !isfinite (tokens))
    {
      adw_action_row_set_subtitle (self->estimate, _ ("Known once models and corpora are chosen"));
      return;
    }
  count = cs_corpus_estimate (tokens);
  bytes = cs_feedback_bytes (store_bytes (tokens, self->survey->d_model));
  left = isfinite (self->survey->disk_free) ? cs_feedback_bytes (self->survey->disk_free) : g_strdup ("?");
  /* Translators: tokens, size on disk, free space */
  text = g_strdup_printf (_ ("About %s tokens, %s; %s are free on the disk"), count, bytes, left);
  adw_action_row_set_subtitle (self->estimate, text);
}

static void
set_subtitle (AdwActionRow *row, char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  adw_action_row_set_subtitle (row, escaped);
  g_free (text);
}

static void
describe_store (CsActivationsPage *self, const CsSurvey *s)
{
  g_autofree char *tokens = cs_feedback_count ((double) s->n_tokens);
  g_autofree char *documents = cs_feedback_count ((double) s->n_documents);
  g_autofree char *bytes = cs_feedback_bytes ((double) s->store_bytes);
  g_autofree char *corpora = s->store.corpora != NULL ? g_strjoinv (", ", s->store.corpora) : NULL;

  set_subtitle (self->store_status,
                g_strdup_printf (s->finished ? _ ("%s tokens in %s documents, complete")
                                             : _ ("%s tokens in %s documents so far; Harvest goes on from there"),
                                 tokens, documents));
  set_subtitle (self->store_pair, g_strdup_printf (_ ("%s and %s, after block %zu (counted from 0), over %s"),
                                                   s->store.base_model, s->store.chat_model, s->store.layer,
                                                   corpora != NULL ? corpora : "–"));
  set_subtitle (self->store_form,
                g_strdup_printf (_ ("2 × %zu numbers a token as %s, %s on disk"), s->store.d_model,
                                 s->store.dtype == CS_DTYPE_F16 ? "float16" : "float32", bytes));
}

static void
update_store (CsActivationsPage *self)
{
  const CsSurvey *s = self->survey;
  bool has_store = s != NULL && s->has_store;

  gtk_widget_set_visible (GTK_WIDGET (self->store_pair), has_store);
  gtk_widget_set_visible (GTK_WIDGET (self->store_form), has_store);
  if (has_store)
    describe_store (self, s);
  else if (cs_harvest_card_job (self->card) != NULL)
    set_subtitle (self->store_status, g_strdup (_ ("Being filled")));
  else
    set_subtitle (self->store_status, g_strdup (s != NULL && s->store_problem != NULL ? s->store_problem
                                                                                      : _ ("Nothing harvested yet")));
}

/* --- Corpora --- */

static void
update_rows (CsActivationsPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  const char *const *paths = study != NULL ? cs_study_corpora (study) : NULL;
  double total = total_tokens (self->survey);

  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->corpora_group, g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
  gtk_widget_set_visible (GTK_WIDGET (self->no_corpora), paths == NULL || paths[0] == NULL);
  for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
    {
      const CsCorpusInfo *info = self->survey != NULL && i < self->survey->corpora->len
                                   ? g_ptr_array_index (self->survey->corpora, i)
                                   : NULL;
      GtkWidget *row = cs_corpus_row_new (paths[i], info, total);

      adw_preferences_group_add (self->corpora_group, row);
      g_ptr_array_add (self->rows, row);
    }
}

static void
surveyed_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsSurvey *survey = cs_survey_finish (result, NULL);
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (source);

  if (survey == NULL) /* the study has changed since: another survey is under way */
    return;
  g_clear_pointer (&self->survey, cs_survey_free);
  self->survey = survey;
  if (self->stack == NULL)
    return;
  update_rows (self);
  update_store (self);
  update_estimate (self);
}

static gboolean
survey_cb (void *data)
{
  CsActivationsPage *self = data;
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autofree char *store = study != NULL ? cs_study_store_path (study) : NULL;

  self->queued_survey = 0;
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (study == NULL)
    return G_SOURCE_REMOVE;
  self->cancellable = g_cancellable_new ();
  cs_survey_async (G_OBJECT (self), cs_study_corpora (study), cs_study_model_folder (study, 0),
                   cs_study_model_folder (study, 1), cs_study_date (study), store,
                   cs_harvest_card_job (self->card) != NULL, self->cancellable, surveyed_cb, NULL);
  return G_SOURCE_REMOVE;
}

static void
queue_survey (CsActivationsPage *self)
{
  if (self->queued_survey == 0)
    self->queued_survey = g_timeout_add (100, survey_cb, self);
}

/* --- The harvest --- */

static void
update_header (CsActivationsPage *self)
{
  CsJob *job = cs_harvest_card_job (self->card);
  bool paused = job != NULL && cs_job_state (job) == CS_JOB_PAUSED;
  CsStudy *study = cs_page_study (CS_PAGE (self));

  gtk_widget_set_visible (self->header, study != NULL);
  gtk_widget_set_visible (self->harvest, job == NULL);
  gtk_widget_set_sensitive (self->harvest, study != NULL && cs_study_corpora (study)[0] != NULL
                                             && cs_study_model_folder (study, 0) != NULL
                                             && cs_study_model_folder (study, 1) != NULL);
  gtk_widget_set_visible (self->pause, job != NULL && cs_job_state (job) != CS_JOB_QUEUED);
  gtk_widget_set_visible (self->stop, job != NULL);
  gtk_button_set_label (GTK_BUTTON (self->pause), paused ? _ ("_Resume") : _ ("_Pause"));
  gtk_widget_set_sensitive (self->limit_row, job == NULL);
}

/* The card says: a harvest began, ended, was paused, or has come further. */
static void
card_changed_cb (CsActivationsPage *self)
{
  CsJob *job = cs_harvest_card_job (self->card);
  CsJobState state = job != NULL ? cs_job_state (job) : CS_JOB_DONE;

  if (state != self->state) /* a job before it may have written the corpora */
    queue_survey (self);
  self->state = state;
  update_header (self);
  update_store (self);
  cs_page_set_status (CS_PAGE (self), cs_harvest_card_status (self->card));
}

static void
harvest_clicked_cb (CsActivationsPage *self)
{
  g_autoptr (GError) error = NULL;

  if (cs_study_harvest (cs_page_study (CS_PAGE (self)), &error) == NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
}

static void
pause_clicked_cb (CsActivationsPage *self)
{
  CsJob *job = cs_harvest_card_job (self->card);

  if (job == NULL)
    return;
  if (cs_job_state (job) == CS_JOB_PAUSED)
    cs_job_resume (job);
  else
    cs_job_pause (job);
}

static void
stop_clicked_cb (CsActivationsPage *self)
{
  if (cs_harvest_card_job (self->card) != NULL)
    cs_job_cancel (cs_harvest_card_job (self->card));
}

static gboolean
save_limit_cb (void *data)
{
  CsActivationsPage *self = data;
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autoptr (GError) error = NULL;

  self->save_limit = 0;
  if (study != NULL
      && !cs_study_set_max_tokens (study, (size_t) gtk_spin_button_get_value (self->limit), &error))
    cs_feedback_error (GTK_WIDGET (self), &error);
  return G_SOURCE_REMOVE;
}

static void
limit_changed_cb (CsActivationsPage *self)
{
  if (self->loading)
    return;
  update_estimate (self);
  g_clear_handle_id (&self->save_limit, g_source_remove);
  self->save_limit = g_timeout_add (400, save_limit_cb, self);
}

/* --- Study --- */

static void
study_changed_cb (CsActivationsPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  const char *const *paths = study != NULL ? cs_study_corpora (study) : NULL;

  self->loading = true;
  if (study != NULL && self->save_limit == 0)
    gtk_spin_button_set_value (self->limit, (double) cs_study_max_tokens (study));
  self->loading = false;
  if (paths == NULL || self->surveyed == NULL || !g_strv_equal (paths, (const char *const *) self->surveyed))
    g_clear_pointer (&self->survey, cs_survey_free); /* what was known is about other files */
  g_strfreev (self->surveyed);
  self->surveyed = g_strdupv ((char **) (uintptr_t) paths);
  gtk_stack_set_visible_child_name (self->stack, study != NULL ? "activations" : "empty");
  update_rows (self);
  update_store (self);
  update_estimate (self);
  update_header (self);
  queue_survey (self);
}

static void
cs_activations_page_study_changed (CsPage *page, CsStudy *old)
{
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (page);
  CsStudy *study = cs_page_study (page);

  g_clear_handle_id (&self->save_limit, g_source_remove);
  if (old != NULL)
    g_signal_handlers_disconnect_by_data (old, self);
  if (self->stack == NULL)
    return;
  cs_harvest_card_set_study (self->card, study);
  if (study != NULL)
    g_signal_connect_object (study, "changed", G_CALLBACK (study_changed_cb), self, G_CONNECT_SWAPPED);
  study_changed_cb (self);
}

/* --- Life --- */

static GtkWidget *
header_button_new (CsActivationsPage *self, const char *label, const char *css_class, GCallback clicked)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (label);

  if (css_class != NULL)
    gtk_widget_add_css_class (button, css_class);
  g_signal_connect_object (button, "clicked", clicked, self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (self->header), button);
  return button;
}

static void
make_header (CsActivationsPage *self)
{
  self->header = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  self->pause = header_button_new (self, _ ("_Pause"), NULL, G_CALLBACK (pause_clicked_cb));
  self->stop = header_button_new (self, _ ("_Stop"), NULL, G_CALLBACK (stop_clicked_cb));
  self->harvest = header_button_new (self, _ ("_Harvest"), "suggested-action", G_CALLBACK (harvest_clicked_cb));
  gtk_box_append (GTK_BOX (self->header), cs_exchange_store_button ());
}

static void
cs_activations_page_root (GtkWidget *widget)
{
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (widget);

  GTK_WIDGET_CLASS (cs_activations_page_parent_class)->root (widget);
  self->root = GTK_WIDGET (gtk_widget_get_root (widget));
  gtk_widget_insert_action_group (self->root, "activations", self->actions);
}

static void
cs_activations_page_unroot (GtkWidget *widget)
{
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (widget);

  if (self->root != NULL)
    gtk_widget_insert_action_group (self->root, "activations", NULL);
  self->root = NULL;
  GTK_WIDGET_CLASS (cs_activations_page_parent_class)->unroot (widget);
}

static void
cs_activations_page_dispose (GObject *object)
{
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (object);

  self->stack = NULL;
  g_clear_handle_id (&self->queued_survey, g_source_remove);
  g_clear_handle_id (&self->save_limit, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->actions);
  G_OBJECT_CLASS (cs_activations_page_parent_class)->dispose (object);
}

static void
cs_activations_page_finalize (GObject *object)
{
  CsActivationsPage *self = CS_ACTIVATIONS_PAGE (object);

  g_clear_pointer (&self->survey, cs_survey_free);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  g_strfreev (self->surveyed);
  G_OBJECT_CLASS (cs_activations_page_parent_class)->finalize (object);
}

static void
cs_activations_page_class_init (CsActivationsPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_activations_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_activations_page_finalize;
  widget_class->root = cs_activations_page_root;
  widget_class->unroot = cs_activations_page_unroot;
  CS_PAGE_CLASS (klass)->study_changed = cs_activations_page_study_changed;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/crosscope/Crosscope/ui/activations-page.ui");
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, stack);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, card_bin);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, corpora_group);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, store_group);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, no_corpora);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, store_status);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, store_pair);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, store_form);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, estimate);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, limit);
  gtk_widget_class_bind_template_child (widget_class, CsActivationsPage, limit_row);
  gtk_widget_class_bind_template_callback (widget_class, limit_changed_cb);
}

static CsStudy *
study_of (void *page)
{
  return cs_page_study (CS_PAGE (page));
}

static void
cs_activations_page_init (CsActivationsPage *self)
{
  self->rows = g_ptr_array_new ();
  self->state = CS_JOB_DONE;
  self->actions = cs_corpus_actions_new (CS_PAGE (self));
  make_header (self);
  g_object_set (self, "page-name", "activations", "title", _ ("Activations"), "icon-name",
                "view-list-symbolic", "header", self->header, NULL);
  self->loading = true;
  gtk_widget_init_template (GTK_WIDGET (self));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (gtk_widget_get_ancestor (GTK_WIDGET (self->estimate),
                                                                             ADW_TYPE_PREFERENCES_GROUP)),
                             cs_harvest_plan_row_new (study_of, self));
  self->loading = false;
  self->card = CS_HARVEST_CARD (cs_harvest_card_new ());
  adw_bin_set_child (self->card_bin, GTK_WIDGET (self->card));
  g_signal_connect_object (self->card, "changed", G_CALLBACK (card_changed_cb), self, G_CONNECT_SWAPPED);
  gtk_stack_set_visible_child_name (self->stack, "empty");
  update_header (self);
}
