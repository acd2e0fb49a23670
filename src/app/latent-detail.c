#include "latent-detail.h"

#include <math.h>

#include <glib/gi18n.h>

#include "feedback.h"
#include "latent-example-list.h"
#include "latent-facts.h"
#include "latent-kin-cards.h"
#include "latent-words.h"
#include "latents-page-private.h"

/* Tokens to each side of the strongest; examples a group. */
#define CONTEXT 16
#define PER_GROUP 6
/* While somebody runs down the table nothing is loaded. */
#define LOAD_DELAY_MS 120
#define SAVE_DELAY_MS 600

struct _CsLatentDetail
{
  AdwBin parent;
  GtkStack *stack;
  GtkScrolledWindow *scrolled;
  GtkWidget *back_button;
  GtkLabel *title;
  GtkToggleButton *bookmark;
  GtkLabel *dot;
  GtkLabel *verdict;
  GtkLabel *reason;
  GtkLabel *warning;
  AdwEntryRow *name_row;
  AdwEntryRow *note_row;
  AdwEntryRow *lists_row;
  AdwActionRow *suggestion_row;
  GtkWidget *suggestion_button;
  CsLatentFacts *facts;
  CsLatentKinCards *kin;
  GtkSpinner *spinner;
  GtkCheckButton *by_sentence;
  GtkLabel *examples_note;
  CsLatentExampleList *examples;

  CsStudy *study;
  char *run_name;
  CsLatentList *list;
  CsExampleSource *source;
  gssize latent;
  gssize lists_of; /* the latent whose lists are in the entry */
  bool filling; /* entries are set here, not typed into */
  guint save_source, load_source;
  GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE (CsLatentDetail, cs_latent_detail, ADW_TYPE_BIN)

static const CsLatentRow *
current_row (CsLatentDetail *self)
{
  return self->list != NULL && self->latent >= 0
             ? cs_latent_list_row (self->list, (size_t)self->latent)
             : NULL;
}

/* --- Label --- */

/* Each change shows the label anew: what is typed is read before the first. */
static void
save_label (CsLatentDetail *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row)));
  g_autofree char *note = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->note_row)));
  g_auto (GStrv) lists =
      g_strsplit (gtk_editable_get_text (GTK_EDITABLE (self->lists_row)), ",", -1);
  const bool bookmarked = gtk_toggle_button_get_active (self->bookmark);

  if (self->study == NULL || self->latent < 0)
    return;
  if (!cs_study_set_label (self->study, self->run_name, (size_t)self->latent, name, note, bookmarked,
                           &error) ||
      !cs_study_set_lists (self->study, self->run_name, (size_t)self->latent,
                           (const char *const *)lists, &error))
    cs_feedback_error (GTK_WIDGET (self), &error);
}

void
cs_latent_detail_flush (CsLatentDetail *self)
{
  g_return_if_fail (CS_IS_LATENT_DETAIL (self));
  if (self->save_source == 0)
    return;
  g_clear_handle_id (&self->save_source, g_source_remove);
  save_label (self);
}

static gboolean
save_timeout_cb (void *data)
{
  CsLatentDetail *self = data;

  self->save_source = 0;
  save_label (self);
  return G_SOURCE_REMOVE;
}

static void
label_edited_cb (CsLatentDetail *self)
{
  if (self->filling)
    return;
  g_clear_handle_id (&self->save_source, g_source_remove);
  self->save_source = g_timeout_add (SAVE_DELAY_MS, save_timeout_cb, self);
}

static void
show_star (CsLatentDetail *self)
{
  gtk_button_set_icon_name (GTK_BUTTON (self->bookmark),
                            gtk_toggle_button_get_active (self->bookmark) ? "starred-symbolic"
                                                                          : "non-starred-symbolic");
}

static void
bookmark_toggled_cb (CsLatentDetail *self)
{
  show_star (self);
  if (self->filling)
    return;
  g_clear_handle_id (&self->save_source, g_source_remove);
  save_label (self);
}

void
cs_latent_detail_toggle_bookmark (CsLatentDetail *self)
{
  g_return_if_fail (CS_IS_LATENT_DETAIL (self));
  if (current_row (self) != NULL)
    gtk_toggle_button_set_active (self->bookmark, !gtk_toggle_button_get_active (self->bookmark));
}

static void
set_text (AdwEntryRow *row, const char *text)
{
  if (g_strcmp0 (gtk_editable_get_text (GTK_EDITABLE (row)), text != NULL ? text : "") != 0)
    gtk_editable_set_text (GTK_EDITABLE (row), text != NULL ? text : "");
}

static void
show_suggestion (CsLatentDetail *self, const CsLabel *label)
{
  const CsSuggestion *s = label != NULL ? label->suggestion : NULL;
  g_autofree char *by = NULL, *title = NULL;

  gtk_widget_set_visible (GTK_WIDGET (self->suggestion_row), s != NULL);
  if (s == NULL)
    return;
  by = isfinite (s->balanced_accuracy)
           /* Translators: a language model; a share from 0 to 1, 0.5 is guessing */
           ? g_strdup_printf (_ ("Suggested by %s · detection %.2f"), s->model, s->balanced_accuracy)
           : g_strdup_printf (_ ("Suggested by %s · not scored"), s->model);
  title = g_markup_escape_text (s->text, -1);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->suggestion_row), title);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->suggestion_row), TRUE);
  g_free (title);
  title = g_markup_escape_text (by, -1);
  adw_action_row_set_subtitle (self->suggestion_row, title);
  gtk_widget_set_sensitive (self->suggestion_button, label->name == NULL);
}

/* Only where the user has written no name. */
static void
use_suggestion_cb (CsLatentDetail *self)
{
  const CsLabel *label = self->list != NULL && self->latent >= 0
                             ? cs_latent_list_label (self->list, (size_t)self->latent)
                             : NULL;
  g_autofree char *text = NULL;

  if (label == NULL || label->suggestion == NULL ||
      *gtk_editable_get_text (GTK_EDITABLE (self->name_row)) != '\0')
    return;
  text = g_strdup (label->suggestion->text);
  gtk_editable_set_text (GTK_EDITABLE (self->name_row), text);
  cs_latent_detail_flush (self);
}

static void
show_label (CsLatentDetail *self)
{
  g_autofree char *lists = NULL;
  const CsLabel *label;

  if (current_row (self) == NULL || self->save_source != 0)
    return; /* being typed */
  label = cs_latent_list_label (self->list, (size_t)self->latent);
  self->filling = true;
  set_text (self->name_row, label != NULL ? label->name : NULL);
  set_text (self->note_row, label != NULL ? label->note : NULL);
  lists = label != NULL && label->lists != NULL ? g_strjoinv (", ", label->lists) : NULL;
  /* Somebody may be about to write the next name behind a comma. */
  if (self->lists_of != self->latent ||
      !(gtk_widget_get_state_flags (GTK_WIDGET (self->lists_row)) & GTK_STATE_FLAG_FOCUS_WITHIN))
    set_text (self->lists_row, lists);
  self->lists_of = self->latent;
  show_suggestion (self, label);
  gtk_toggle_button_set_active (self->bookmark, label != NULL && label->bookmarked);
  show_star (self);
  self->filling = false;
}

/* --- Words --- */

static void
show_words (CsLatentDetail *self, const CsLatentRow *row)
{
  g_autofree char *title = g_strdup_printf (_ ("Latent %zd"), self->latent);
  g_autofree char *reason = cs_latent_verdict_reason (row);
  g_autofree char *verdict = NULL;
  g_autofree char *warning = NULL;
  bool few = !row->dead && row->count_active < CS_LATENT_FEW_TOKENS;

  if (row->dead)
    verdict = g_strdup (cs_latent_class_word (row));
  else
    verdict = g_strdup_printf ("%s · %s", cs_latent_class_word (row), cs_latent_verdict_word (row));
  warning = g_strdup_printf (
      g_dngettext (NULL,
                   "Active on %" G_GUINT64_FORMAT " token only: its numbers are uncertain.",
                   "Active on %" G_GUINT64_FORMAT " tokens only: its numbers are uncertain.",
                   (unsigned long)row->count_active),
      row->count_active);
  gtk_label_set_text (self->title, title);
  gtk_label_set_text (self->verdict, verdict);
  gtk_label_set_text (self->reason, reason);
  gtk_label_set_text (self->warning, warning);
  gtk_widget_set_visible (GTK_WIDGET (self->warning), few);
  cs_latent_color_label (self->dot,
                         row->dead ? CS_PLOT_CLASS_OTHER : cs_latent_plot_class (row));
}

/* --- Examples --- */

static void
note_examples (CsLatentDetail *self, const char *text)
{
  gtk_label_set_text (self->examples_note, text);
  gtk_widget_set_visible (GTK_WIDGET (self->examples_note), text[0] != '\0');
}

static void
examples_loaded_cb (GObject *object, GAsyncResult *result, void *data)
{
  g_autoptr (CsLatentDetail) self = data;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (GError) error = NULL;
  GArray *examples = cs_example_source_finish (result, &tokenizer, &error);
  const CsLatentRow *row = current_row (self);

  if (row == NULL || g_task_get_cancellable (G_TASK (result)) != self->cancellable)
    {
      g_clear_pointer (&examples, g_array_unref); /* of a latent that is shown no more */
      return;
    }
  gtk_spinner_stop (self->spinner);
  if (examples == NULL)
    {
      g_autofree char *text = g_strdup_printf (_ ("The examples cannot be read now. %s"),
                                               error->message);
      note_examples (self, text);
      return;
    }
  note_examples (self, examples->len == 0 ? _ ("It was not active in any text that was analysed.")
                                          : "");
  cs_latent_example_list_set (self->examples, examples, tokenizer, row->max_act);
}

static gboolean
load_examples_cb (void *data)
{
  CsLatentDetail *self = data;

  self->load_source = 0;
  gtk_spinner_start (self->spinner);
  cs_example_source_load (self->source, (size_t)self->latent, CONTEXT, PER_GROUP,
                          self->cancellable, examples_loaded_cb, g_object_ref (self));
  return G_SOURCE_REMOVE;
}

static void
forget_examples (CsLatentDetail *self)
{
  g_clear_handle_id (&self->load_source, g_source_remove);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  gtk_spinner_stop (self->spinner);
  note_examples (self, "");
  cs_latent_example_list_set (self->examples, NULL, NULL, 0);
}

static void
by_sentence_toggled_cb (CsLatentDetail *self)
{
  cs_latent_example_list_set_by_sentence (self->examples,
                                          gtk_check_button_get_active (self->by_sentence));
}

/* --- Showing --- */

void
cs_latent_detail_show (CsLatentDetail *self, gssize latent)
{
  const CsLatentRow *row;

  g_return_if_fail (CS_IS_LATENT_DETAIL (self));
  cs_latent_detail_flush (self);
  self->latent = latent;
  row = current_row (self);
  forget_examples (self);
  cs_latent_kin_cards_show (self->kin, row != NULL ? latent : -1);
  gtk_stack_set_visible_child_name (self->stack, row != NULL ? "latent" : "none");
  if (row == NULL)
    return;
  show_words (self, row);
  cs_latent_facts_show (self->facts, row);
  show_label (self);
  gtk_adjustment_set_value (gtk_scrolled_window_get_vadjustment (self->scrolled), 0);
  if (self->source == NULL)
    return;
  self->cancellable = g_cancellable_new ();
  self->load_source = g_timeout_add (LOAD_DELAY_MS, load_examples_cb, self);
}

static void
theme_changed_cb (CsLatentDetail *self)
{
  const CsLatentRow *row = current_row (self);

  if (row != NULL)
    show_words (self, row);
}

static CsKinSource *
make_kin_source (CsStudy *study, const char *run_name)
{
  CsRun *run = study != NULL ? cs_study_find_run (study, run_name) : NULL;
  g_autoptr (CsPairSource) pair = NULL;
  g_autofree char *store = NULL;

  if (run == NULL)
    return NULL;
  store = cs_study_store_path (study);
  pair = cs_study_pair_source (study);
  return cs_kin_source_new (cs_run_folder (run), store, pair);
}

static void
kin_activated_cb (CsLatentDetail *self, guint latent)
{
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (self), CS_TYPE_LATENTS_PAGE);

  if (page != NULL)
    cs_latents_page_select (CS_LATENTS_PAGE (page), latent, true);
}

void
cs_latent_detail_set_run (CsLatentDetail *self, CsStudy *study, const char *run_name,
                          CsLatentList *list, CsExampleSource *source)
{
  g_autoptr (CsKinSource) kin = NULL;

  g_return_if_fail (CS_IS_LATENT_DETAIL (self));
  cs_latent_detail_show (self, -1);
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_func (self->list, show_label, self);
  self->lists_of = -1;
  g_set_object (&self->study, study);
  g_set_object (&self->list, list);
  g_free (self->run_name);
  self->run_name = g_strdup (run_name);
  if (source != NULL)
    cs_example_source_ref (source);
  g_clear_pointer (&self->source, cs_example_source_unref);
  self->source = source;
  kin = make_kin_source (study, run_name);
  cs_latent_kin_cards_set_source (self->kin, kin);
  if (list != NULL)
    g_signal_connect_object (list, "labels-changed", G_CALLBACK (show_label), self,
                             G_CONNECT_SWAPPED);
}

void
cs_latent_detail_set_narrow (CsLatentDetail *self, bool narrow)
{
  g_return_if_fail (CS_IS_LATENT_DETAIL (self));
  gtk_widget_set_visible (self->back_button, narrow);
}

char *
cs_latent_detail_as_text (CsLatentDetail *self)
{
  const CsLatentRow *row;
  g_autofree char *facts = NULL, *kin = NULL, *examples = NULL;

  g_return_val_if_fail (CS_IS_LATENT_DETAIL (self), NULL);
  row = current_row (self);
  if (row == NULL)
    return g_strdup ("");
  cs_latent_detail_flush (self);
  facts = cs_latent_as_text (row, cs_latent_list_label (self->list, (size_t)self->latent),
                             self->run_name);
  examples = cs_latent_example_list_as_text (self->examples);
  kin = cs_latent_kin_cards_as_text (self->kin);
  return g_strconcat (facts, kin[0] != '\0' ? "\n" : "", kin, examples[0] != '\0' ? "\n" : "",
                      examples, NULL);
}

/* --- Class --- */

static void
cs_latent_detail_dispose (GObject *object)
{
  CsLatentDetail *self = CS_LATENT_DETAIL (object);

  if (self->stack != NULL)
    cs_latent_detail_set_run (self, NULL, NULL, NULL, NULL);
  g_clear_pointer (&self->run_name, g_free);
  G_OBJECT_CLASS (cs_latent_detail_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *klass)
{
#define BIND(name) gtk_widget_class_bind_template_child (klass, CsLatentDetail, name)
  BIND (stack);
  BIND (scrolled);
  BIND (back_button);
  BIND (title);
  BIND (bookmark);
  BIND (dot);
  BIND (verdict);
  BIND (reason);
  BIND (warning);
  BIND (name_row);
  BIND (note_row);
  BIND (lists_row);
  BIND (suggestion_row);
  BIND (suggestion_button);
  BIND (facts);
  BIND (kin);
  BIND (spinner);
  BIND (by_sentence);
  BIND (examples_note);
  BIND (examples);
#undef BIND
}

static void
cs_latent_detail_class_init (CsLatentDetailClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_latent_detail_dispose;
  g_type_ensure (CS_TYPE_LATENT_EXAMPLE_LIST);
  g_type_ensure (CS_TYPE_LATENT_FACTS);
  g_type_ensure (CS_TYPE_LATENT_KIN_CARDS);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/crosscope/Crosscope/ui/latent-detail.ui");
  bind_children (widget_class);
  gtk_widget_class_bind_template_callback (widget_class, bookmark_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, label_edited_cb);
  gtk_widget_class_bind_template_callback (widget_class, use_suggestion_cb);
  gtk_widget_class_bind_template_callback (widget_class, by_sentence_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, kin_activated_cb);
}

static void
cs_latent_detail_init (CsLatentDetail *self)
{
  self->latent = self->lists_of = -1;
  gtk_widget_init_template (GTK_WIDGET (self));
  cs_latent_detail_set_narrow (self, false);
  note_examples (self, "");
  g_signal_connect_object (adw_style_manager_get_default (), "notify::dark",
                           G_CALLBACK (theme_changed_cb), self, G_CONNECT_SWAPPED);
}
